//! Adding and updating media.

use khabar_domain::{Right, Role};
use khabar_tests::harness::Who;
use serde_json::json;

use crate::Fixture;
use crate::invariants::mutation;

const MEDIA: &str =
    "media { id kind url width height durationSeconds alt caption credit placeholder
    focalPoint { x y } renditions { url width height mimeType } }";

#[tokio::test]
async fn media_are_added_and_updated() -> anyhow::Result<()> {
    let (add, update) = (mutation("addMedia", MEDIA), mutation("updateMedia", MEDIA));
    for fixture in Fixture::each().await? {
        let writer = fixture.app.who("نور", Role::Contributor).await?;
        let wide = json!({"url": "/media/boat-960.webp", "width": 960, "height": 640, "mimeType": "image/webp"});
        let narrow = json!({"url": "/media/boat-320.webp", "width": 320, "height": 213, "mimeType": "image/webp"});
        let input = json!({"kind": "VIDEO", "url": "https://pictures.example/boat.mp4", "width": 1920,
            "height": 1280, "durationSeconds": 61, "alt": "قارب عند المغيب", "caption": "عودة القوارب",
            "credit": "عدسة نور", "placeholder": "LKO2?U%2Tw=w]~RBVZRi};RPxuwH",
            "focalPoint": {"x": 0.25, "y": 1.0}, "renditions": [wide, narrow]});
        let payload = fixture.write(&writer, &add, input.clone()).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let mut expected = input;
        expected["id"] = payload["media"]["id"].clone();
        expected["renditions"] = json!([narrow, wide]);
        assert_eq!(payload["media"], expected);

        let id = &payload["media"]["id"];
        let payload = fixture
            .mutate(&update, json!({"id": id, "alt": "قارب", "caption": null}))
            .await?;
        expected["alt"] = json!("قارب");
        expected["caption"] = json!(null);
        assert_eq!(payload["media"], expected);
        let input = json!({"id": id, "url": "/boat.mp4", "width": null, "height": null, "alt": null,
            "durationSeconds": null, "credit": null, "placeholder": null, "focalPoint": null,
            "renditions": null});
        let payload = fixture.mutate(&update, input).await?;
        assert_eq!(
            payload["media"],
            json!({"id": id, "kind": "VIDEO", "url": "/boat.mp4",
            "width": null, "height": null, "durationSeconds": null, "alt": null, "caption": null,
            "credit": null, "placeholder": null, "focalPoint": null, "renditions": []})
        );
        // Contributors may add media. Updates affect every article that shows it, and need the right to
        // arrange.
        assert_eq!(
            fixture.refused(&writer, &update, json!({"id": id})).await?,
            "FORBIDDEN"
        );
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let input = json!({"url": "/a.webp"});
        assert_eq!(
            fixture.refused(&reader, &add, input.clone()).await?,
            "FORBIDDEN"
        );
        let arranger = fixture.editor.clone().only(&[Right::Arrange]);
        assert_eq!(
            fixture.refused(&arranger, &add, input.clone()).await?,
            "FORBIDDEN"
        );
        assert_eq!(
            fixture.refused(&Who::anonymous(), &add, input).await?,
            "UNAUTHENTICATED"
        );
    }
    Ok(())
}

#[tokio::test]
async fn invalid_media_are_rejected() -> anyhow::Result<()> {
    let (add, update) = (mutation("addMedia", MEDIA), mutation("updateMedia", MEDIA));
    let rendition = |url: &str, width: i32, mime: &str| {
        json!([{"url": "/a.webp", "width": 1, "height": 1, "mimeType": "image/webp"},
            {"url": url, "width": width, "height": 1, "mimeType": mime}])
    };
    let one = json!({"url": "/a.webp", "width": 1, "height": 1, "mimeType": "image/webp"});
    for fixture in Fixture::each().await? {
        let id = fixture.mutate(&add, json!({"url": "/b.webp"})).await?["media"]["id"].take();
        for (field, value, place) in [
            ("url", json!("ftp://pictures.example/a"), "url"),
            ("url", json!("https://u:p@pictures.example/a"), "url"),
            ("url", json!(""), "url"),
            ("width", json!(0), "width"),
            ("height", json!(65_536), "height"),
            ("durationSeconds", json!(-1), "durationSeconds"),
            ("alt", json!("صورة\u{202e}"), "alt"),
            ("caption", json!("أ".repeat(4_001)), "caption"),
            ("credit", json!("عدسة\u{1}"), "credit"),
            ("placeholder", json!("not a hash"), "placeholder"),
            ("focalPoint", json!({"x": 1.5, "y": 0}), "focalPoint"),
            (
                "renditions",
                rendition("javascript:x", 1, "image/webp"),
                "renditions.1.url",
            ),
            (
                "renditions",
                rendition("/a.webp", -1, "image/webp"),
                "renditions.1",
            ),
            (
                "renditions",
                rendition("/a.webp", 1, "webp"),
                "renditions.1",
            ),
            ("renditions", json!(vec![one.clone(); 41]), "renditions"),
        ] {
            let mut input = json!({"url": "/a.webp"});
            input[field] = value;
            let user_error_of = format!("INVALID {place}");
            assert_eq!(
                fixture.user_error_of(&add, input.clone()).await?,
                user_error_of,
                "{input}"
            );
            input["id"] = id.clone();
            assert_eq!(
                fixture.user_error_of(&update, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        let unknown = json!({"id": "BgAAAAAAAAAAAAAAAAAAAAc"});
        assert_eq!(
            fixture.user_error_of(&update, unknown).await?,
            "NOT_FOUND id"
        );
        let other = json!({"id": fixture.id("topic", "اقتصاد").await?});
        assert_eq!(fixture.user_error_of(&update, other).await?, "INVALID id");
    }
    Ok(())
}
