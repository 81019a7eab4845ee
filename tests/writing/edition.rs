//! Tests for creating and updating editions.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::json;

use crate::Fixture;
use crate::invariants::mutation;

const EDITION: &str = "edition { id slug name language direction articleCount
    labels { live follow sections stories comments } }";

#[tokio::test]
async fn an_edition_is_created_and_updated() -> anyhow::Result<()> {
    let (create, update) = (
        mutation("createEdition", EDITION),
        mutation("updateEdition", EDITION),
    );
    for fixture in Fixture::each().await? {
        let input = json!({"slug": "fa", "name": "خبر سندیان", "language": "FA",
            "labels": {"live": "زنده", "stories": "پرونده‌ها"}});
        let made = fixture.mutate(&create, input.clone()).await?["edition"].take();
        let id = &made["id"];
        assert_eq!(
            made,
            json!({"id": id, "slug": "fa", "name": "خبر سندیان", "language": "fa",
            "direction": "RTL", "articleCount": 0, "labels": {"live": "زنده", "follow": null,
            "sections": null, "stories": "پرونده‌ها", "comments": null}})
        );
        assert_eq!(fixture.user_error_of(&create, input).await?, "TAKEN slug");
        let input = json!({"id": id, "name": "سندیان", "labels": {"live": null, "follow": "ما را دنبال کنید"}});
        let mut changed = made.clone();
        changed["name"] = json!("سندیان");
        changed["labels"]["live"] = json!(null);
        changed["labels"]["follow"] = json!("ما را دنبال کنید");
        assert_eq!(fixture.mutate(&update, input).await?["edition"], changed);
        // The new edition has a front page and accepts content.
        let section = mutation("createSection", "section { slug }");
        fixture
            .mutate(
                &section,
                json!({"edition": "fa", "name": "ورزش", "featured": true}),
            )
            .await?;
        let read = "{ home(edition: \"fa\") { edition { name } featuredSections { slug } } }";
        let home = fixture.ask(&Who::anonymous(), read, json!({})).await?;
        assert_eq!(
            home["home"],
            json!({"edition": {"name": "سندیان"}, "featuredSections": [{"slug": "ورزش"}]})
        );

        let new = |field: &str, value: &str| {
            let mut input = json!({"slug": "de", "name": "Nachrichten", "language": "de"});
            input[field] = json!(value);
            input
        };
        let long = "x".repeat(201);
        for (input, user_error_of) in [
            (new("name", ""), "INVALID name"),
            (new("name", "a\u{202e}"), "INVALID name"),
            (new("language", "Deutsch!"), "INVALID language"),
        ] {
            assert_eq!(
                fixture.user_error_of(&create, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        let label = json!({"id": id, "labels": {"comments": long}});
        assert_eq!(
            fixture.user_error_of(&update, label).await?,
            "INVALID labels.comments"
        );
        let unknown = json!({"id": "AwAAAAAAAAAAAAAAAAAAAAc"});
        assert_eq!(
            fixture.user_error_of(&update, unknown).await?,
            "NOT_FOUND id"
        );
        let writer = fixture.app.who("نور", Role::Contributor).await?;
        let input = new("slug", "de");
        assert_eq!(
            fixture.refused(&writer, &create, input.clone()).await?,
            "FORBIDDEN"
        );
        assert_eq!(
            fixture.refused(&writer, &update, json!({"id": id})).await?,
            "FORBIDDEN"
        );
        assert_eq!(
            fixture.refused(&Who::anonymous(), &create, input).await?,
            "UNAUTHENTICATED"
        );
    }
    Ok(())
}
