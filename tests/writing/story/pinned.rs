//! Pinned stories and their order.

use serde_json::json;

use super::STORY;
use crate::Fixture;
use crate::invariants::{key, mutation};

#[tokio::test]
async fn pinned_positions_have_no_gaps() -> anyhow::Result<()> {
    let story = "story { pinnedPosition status }";
    let pin = mutation("pinStory", story);
    let unpin = mutation("unpinStory", story);
    let arrange = mutation(
        "reorderPinnedStories",
        "home { pinnedStories { nodes { title } } }",
    );
    let (archive, reopen) = (
        mutation("archiveStory", story),
        mutation("reopenStory", story),
    );
    for fixture in Fixture::each().await? {
        let bridge = fixture.id("story", "الجسر-الجديد").await?;
        let show = fixture.id("story", "ساعة-على-الضفة").await?;
        let pictures = fixture.id("story", "بالصور").await?;
        let flood = fixture.id("story", "فيضان-الربيع").await?;
        // An archived story cannot be pinned until it is reopened.
        assert_eq!(
            fixture.user_error_of(&pin, json!({"id": flood})).await?,
            "WRONG_STATUS id"
        );
        let ended = json!({"stories": [show, flood]});
        assert_eq!(
            fixture.user_error_of(&arrange, ended).await?,
            "WRONG_STATUS stories.1"
        );
        assert_eq!(
            fixture
                .user_error_of(&archive, json!({"id": flood}))
                .await?,
            "WRONG_STATUS id"
        );
        fixture.mutate(&reopen, json!({"id": flood})).await?;
        assert_eq!(
            fixture.user_error_of(&reopen, json!({"id": flood})).await?,
            "WRONG_STATUS id"
        );
        let payload = fixture
            .mutate(&pin, json!({"id": flood, "position": 1}))
            .await?;
        assert_eq!(payload["story"]["pinnedPosition"], 1);
        assert_eq!(
            fixture.rail().await?,
            ["الجسر الجديد", "فيضان الربيع", "ساعة على الضفة", "بالصور"]
        );
        fixture
            .mutate(&pin, json!({"id": bridge, "position": 9}))
            .await?;
        fixture.mutate(&unpin, json!({"id": show})).await?;
        assert_eq!(
            fixture.rail().await?,
            ["فيضان الربيع", "بالصور", "الجسر الجديد"]
        );
        fixture.check_invariants().await?;
        let seq = fixture.seq().await?;
        fixture.mutate(&unpin, json!({"id": show})).await?;
        assert_eq!(fixture.seq().await?, seq);
        // Replace all pinned stories at once: some are added, others removed.
        fixture
            .mutate(&arrange, json!({"stories": [show, bridge]}))
            .await?;
        assert_eq!(fixture.rail().await?, ["ساعة على الضفة", "الجسر الجديد"]);
        let (acts, keys) = fixture.changes(seq).await?;
        assert_eq!(acts, ["story changed"; 4]);
        for id in [&bridge, &show, &pictures, &flood] {
            let place = format!("{}:rail", key("story", id)?);
            assert!(keys.contains(&place), "{keys:?}");
        }
        assert!(keys.iter().any(|key| key.ends_with(":stories")), "{keys:?}");
        // Archiving a story unpins it.
        let payload = fixture.mutate(&archive, json!({"id": show})).await?;
        assert_eq!(
            payload["story"],
            json!({"pinnedPosition": null, "status": "ARCHIVED"})
        );
        assert_eq!(fixture.rail().await?, ["الجسر الجديد"]);
        fixture.check_invariants().await?;
        for (input, user_error_of) in [
            (json!({"stories": [bridge, bridge]}), "INVALID stories.1"),
            (
                json!({"stories": ["CgAAAAAAAAAAAAAAAAAAAAc"]}),
                "NOT_FOUND stories.0",
            ),
            (
                json!({"edition": "en", "stories": [bridge]}),
                "NOT_FOUND stories.0",
            ),
        ] {
            assert_eq!(
                fixture.user_error_of(&arrange, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        fixture.mutate(&arrange, json!({"stories": []})).await?;
        assert!(fixture.rail().await?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_reordering_leaves_no_gap() -> anyhow::Result<()> {
    let story = "story { id }";
    let (pin, unpin) = (mutation("pinStory", story), mutation("unpinStory", story));
    let arrange = mutation("reorderPinnedStories", "home { edition { id } }");
    for fixture in Fixture::each().await? {
        let mut ids = Vec::new();
        for slug in ["الجسر-الجديد", "ساعة-على-الضفة", "بالصور"] {
            ids.push(fixture.id("story", slug).await?);
        }
        for round in 0..4 {
            let (one, two, three) = (
                &ids[round % 3],
                &ids[(round + 1) % 3],
                &ids[(round + 2) % 3],
            );
            let writes = [
                (&arrange, json!({"stories": [one, two]})),
                (&pin, json!({"id": three, "position": 0})),
                (&arrange, json!({"stories": [three, one, two]})),
                (&unpin, json!({"id": two})),
            ];
            let writes = writes.map(|(document, input)| fixture.mutate(document, input));
            futures::future::try_join_all(writes).await?;
            fixture.check_invariants().await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn merging_into_an_archived_story_does_not_pin_it() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let from = fixture.id("story", "الجسر-الجديد").await?;
        let into = fixture.id("story", "فيضان-الربيع").await?;
        let pin = mutation("pinStory", STORY);
        let pinned = fixture.mutate(&pin, json!({"id": from})).await?;
        assert!(pinned["story"]["pinnedPosition"].is_number());
        let rail = fixture.rail().await?;
        let merge = mutation("mergeStories", STORY);
        let merged = fixture
            .mutate(&merge, json!({"from": from, "into": into}))
            .await?;
        assert_eq!(merged["story"]["status"], "ARCHIVED");
        assert_eq!(merged["story"]["pinnedPosition"], json!(null));
        assert_eq!(fixture.rail().await?.len(), rail.len() - 1);
        fixture.check_invariants().await?;
    }
    Ok(())
}
