//! Pinned stories and their order.

use serde_json::json;

use super::STORY;
use crate::Desk;
use crate::invariants::{key, mutation};

#[tokio::test]
async fn the_rail_has_no_gaps() -> anyhow::Result<()> {
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
    for desk in Desk::each().await? {
        let bridge = desk.id("story", "الجسر-الجديد").await?;
        let show = desk.id("story", "ساعة-على-الضفة").await?;
        let pictures = desk.id("story", "بالصور").await?;
        let flood = desk.id("story", "فيضان-الربيع").await?;
        // An archived story cannot be pinned until it is reopened.
        assert_eq!(
            desk.mistake(&pin, json!({"id": flood})).await?,
            "WRONG_STATUS id"
        );
        let ended = json!({"stories": [show, flood]});
        assert_eq!(
            desk.mistake(&arrange, ended).await?,
            "WRONG_STATUS stories.1"
        );
        assert_eq!(
            desk.mistake(&archive, json!({"id": flood})).await?,
            "WRONG_STATUS id"
        );
        desk.done(&reopen, json!({"id": flood})).await?;
        assert_eq!(
            desk.mistake(&reopen, json!({"id": flood})).await?,
            "WRONG_STATUS id"
        );
        let payload = desk.done(&pin, json!({"id": flood, "position": 1})).await?;
        assert_eq!(payload["story"]["pinnedPosition"], 1);
        assert_eq!(
            desk.rail().await?,
            ["الجسر الجديد", "فيضان الربيع", "ساعة على الضفة", "بالصور"]
        );
        desk.done(&pin, json!({"id": bridge, "position": 9}))
            .await?;
        desk.done(&unpin, json!({"id": show})).await?;
        assert_eq!(
            desk.rail().await?,
            ["فيضان الربيع", "بالصور", "الجسر الجديد"]
        );
        desk.agrees().await?;
        let seq = desk.seq().await?;
        desk.done(&unpin, json!({"id": show})).await?;
        assert_eq!(desk.seq().await?, seq);
        // Replace all pinned stories at once: some are added, others removed.
        desk.done(&arrange, json!({"stories": [show, bridge]}))
            .await?;
        assert_eq!(desk.rail().await?, ["ساعة على الضفة", "الجسر الجديد"]);
        let (acts, keys) = desk.changes(seq).await?;
        assert_eq!(acts, ["story changed"; 4]);
        for id in [&bridge, &show, &pictures, &flood] {
            let place = format!("{}:rail", key("story", id)?);
            assert!(keys.contains(&place), "{keys:?}");
        }
        assert!(keys.iter().any(|key| key.ends_with(":stories")), "{keys:?}");
        // Archiving a story unpins it.
        let payload = desk.done(&archive, json!({"id": show})).await?;
        assert_eq!(
            payload["story"],
            json!({"pinnedPosition": null, "status": "ARCHIVED"})
        );
        assert_eq!(desk.rail().await?, ["الجسر الجديد"]);
        desk.agrees().await?;
        for (input, mistake) in [
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
                desk.mistake(&arrange, input.clone()).await?,
                mistake,
                "{input}"
            );
        }
        desk.done(&arrange, json!({"stories": []})).await?;
        assert!(desk.rail().await?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn editors_who_arrange_at_once_leave_no_gap() -> anyhow::Result<()> {
    let story = "story { id }";
    let (pin, unpin) = (mutation("pinStory", story), mutation("unpinStory", story));
    let arrange = mutation("reorderPinnedStories", "home { edition { id } }");
    for desk in Desk::each().await? {
        let mut ids = Vec::new();
        for slug in ["الجسر-الجديد", "ساعة-على-الضفة", "بالصور"] {
            ids.push(desk.id("story", slug).await?);
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
            let writes = writes.map(|(document, input)| desk.done(document, input));
            futures::future::try_join_all(writes).await?;
            desk.agrees().await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_story_that_has_ended_inherits_no_place_on_the_rail() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let from = desk.id("story", "الجسر-الجديد").await?;
        let into = desk.id("story", "فيضان-الربيع").await?;
        let pin = mutation("pinStory", STORY);
        let pinned = desk.done(&pin, json!({"id": from})).await?;
        assert!(pinned["story"]["pinnedPosition"].is_number());
        let rail = desk.rail().await?;
        let merge = mutation("mergeStories", STORY);
        let merged = desk
            .done(&merge, json!({"from": from, "into": into}))
            .await?;
        assert_eq!(merged["story"]["status"], "ARCHIVED");
        assert_eq!(merged["story"]["pinnedPosition"], json!(null));
        assert_eq!(desk.rail().await?.len(), rail.len() - 1);
        desk.agrees().await?;
    }
    Ok(())
}
