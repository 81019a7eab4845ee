//! Merged stories, and articles that are added at the same time.

use anyhow::Context as _;
use chrono::Duration;
use khabar_persistence::article::set_stories;
use khabar_tests::harness::newsroom;
use serde_json::{Value, json};
use uuid::Uuid;

use super::STORY;
use crate::Desk;
use crate::article::{draft, write_at};
use crate::invariants::{key, mutation};

#[tokio::test]
async fn of_two_stories_one_goes_on() -> anyhow::Result<()> {
    let merge = mutation("mergeStories", STORY);
    let update = mutation("updateStory", STORY);
    let add = mutation("addToStory", STORY);
    for desk in Desk::each().await? {
        let from = desk.id("story", "الجسر-الجديد").await?;
        let into = desk.id("story", "فيضان-الربيع").await?;
        // One article is in both stories. The story that is merged away also has a draft and a
        // withdrawn article.
        let opinion = "لماذا-نحتاج-إلى-ممشى-على-الجسر";
        let both = desk.id("article", opinion).await?;
        desk.done(&add, json!({"id": into, "articles": [both]}))
            .await?;
        let pictures = desk.id("story", "بالصور").await?;
        desk.done(&add, json!({"id": pictures, "articles": [both]}))
            .await?;
        desk.done(&update, json!({"id": from, "slug": "الجسر"}))
            .await?;
        // Reopen the target, because an archived story would not inherit the pinned position.
        desk.done(&mutation("reopenStory", STORY), json!({"id": into}))
            .await?;
        let seq = desk.seq().await?;
        let payload = desk
            .done(&merge, json!({"from": from, "into": into}))
            .await?;
        let story = &payload["story"];
        assert_eq!(story["id"], into);
        assert_eq!(story["articleCount"], 4);
        assert_eq!(
            story["topics"],
            json!([{"slug": "نهر-السنديان"}, {"slug": "بلدية-السنديان"}])
        );
        assert_eq!(story["formerSlugs"], json!(["الجسر", "الجسر-الجديد"]));
        assert_eq!(story["pinnedPosition"], 0, "the place of the one that went");
        assert_eq!(
            desk.stories_of(opinion).await?,
            json!(["فيضان-الربيع", "بالصور"])
        );
        for slug in ["الجسر", "الجسر-الجديد"] {
            assert_eq!(desk.led("story", slug).await?["slug"], "فيضان-الربيع");
        }
        desk.agrees().await?;
        let read = "query ($id: ID!) { node(id: $id) { id } }";
        let gone = desk.ask(&desk.editor, read, json!({"id": from})).await?;
        assert_eq!(gone["node"], json!(null));
        let draft = "{ article(slug: \"مسودة-عن-ميزانية-البلدية\") { stories { slug } } }";
        let draft = desk.ask(&desk.editor, draft, json!({})).await?;
        assert_eq!(
            draft["article"]["stories"],
            json!([{"slug": "فيضان-الربيع"}])
        );

        let (acts, keys) = desk.changes(seq).await?;
        assert!(acts.contains(&"story withdrawn".to_owned()), "{acts:?}");
        let changed = acts.iter().filter(|act| *act == "article changed").count();
        assert_eq!(changed, 3, "{acts:?}");
        for id in [&from, &into] {
            let key = key("story", id)?;
            assert!(keys.contains(&key), "{keys:?}");
            assert!(keys.contains(&format!("{key}:articles")), "{keys:?}");
        }
        assert!(
            keys.contains(&format!("{}:topics", key("story", &into)?)),
            "{keys:?}"
        );
        let stories = format!("{}:stories", key("article", &both)?);
        assert!(keys.contains(&stories), "{keys:?}");
        assert!(keys.iter().any(|key| key.ends_with(":stories")), "{keys:?}");

        // Merge into a third story, to which all former slugs then resolve. Then another story
        // takes one of these slugs.
        desk.done(&merge, json!({"from": into, "into": pictures}))
            .await?;
        desk.agrees().await?;
        for slug in ["الجسر", "الجسر-الجديد", "فيضان-الربيع"] {
            assert_eq!(desk.led("story", slug).await?["slug"], "بالصور");
        }
        assert_eq!(desk.rail().await?, ["ساعة على الضفة", "بالصور"]);
        let create = mutation("createStory", STORY);
        desk.done(&create, json!({"title": "الجسر", "slug": "الجسر"}))
            .await?;
        let led = json!({"slug": "الجسر", "formerSlugs": []});
        assert_eq!(desk.led("story", "الجسر").await?, led);

        for (input, mistake) in [
            (json!({"from": pictures, "into": pictures}), "INVALID into"),
            (json!({"from": into, "into": pictures}), "NOT_FOUND from"),
            (json!({"from": pictures, "into": into}), "NOT_FOUND into"),
            (json!({"from": both, "into": pictures}), "INVALID from"),
        ] {
            assert_eq!(
                desk.mistake(&merge, input.clone()).await?,
                mistake,
                "{input}"
            );
        }
        let abroad = desk
            .done(&create, json!({"edition": "en", "title": "Boats"}))
            .await?;
        let input = json!({"from": pictures, "into": abroad["story"]["id"]});
        assert_eq!(desk.mistake(&merge, input).await?, "INVALID into");
    }
    Ok(())
}

#[tokio::test]
async fn a_merge_and_articles_that_come_meanwhile_agree() -> anyhow::Result<()> {
    let (merge, add) = (
        mutation("mergeStories", STORY),
        mutation("addToStory", STORY),
    );
    for desk in Desk::each().await? {
        let from = desk.id("story", "الجسر-الجديد").await?;
        let into = desk.id("story", "بالصور").await?;
        let race = desk.id("article", "سباق-القوارب-يجمع-ثلاث-قرى").await?;
        let fish = desk
            .id("article", "سوق-السمك-يعود-إلى-الرصيف-القديم")
            .await?;
        let merged = desk.done(&merge, json!({"from": from, "into": into}));
        // Each addition either precedes the merge or fails because the story is gone.
        let adding = [race, fish].map(|article| {
            desk.write(
                &desk.editor,
                &add,
                json!({"id": from, "articles": [article]}),
            )
        });
        let (merged, added) = futures::join!(merged, futures::future::try_join_all(adding));
        merged?;
        for payload in added? {
            let error = &payload["userErrors"][0]["code"];
            assert!(
                payload["story"].is_object()
                    || payload["userErrors"] == json!([])
                    || error == "NOT_FOUND",
                "{payload}"
            );
        }
        desk.agrees().await?;
    }
    Ok(())
}

/// A transaction that waits for another to update the article count of a story sees the article of
/// the other, too.
#[tokio::test]
async fn of_two_articles_that_come_at_once_the_newest_is_known() -> anyhow::Result<()> {
    const WAITS: &str = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
        WHERE NOT l.granted AND a.datname = current_database()";
    for desk in Desk::each().await? {
        let story = desk.id("story", "بالصور").await?;
        let mut ids = Vec::new();
        for seconds in [1, 2] {
            let id = draft(&desk).await?["id"].clone();
            let hour = newsroom::now() + Duration::seconds(seconds);
            let input = json!({"id": id});
            write_at(&desk, &desk.editor, hour, "publishArticle", input).await?;
            ids.push(id);
        }
        let [older, newer] = [&ids[0], &ids[1]];
        let test = desk.app.db();
        let mut writer = test.db().writer(newsroom::now()).await?;
        let stories = [uuid("story", &story)?.into()];
        set_stories(&mut writer, uuid("article", newer)?.into(), &stories).await?;
        let add = mutation("addToStory", STORY);
        let other = desk.done(&add, json!({"id": story, "articles": [older]}));
        let commit = async {
            // On SQLite the other write begins only after this one, so there is no lock to wait
            // for.
            while test.name() == "PostgreSQL" && test.administer(WAITS).await?.trim() == "0" {}
            anyhow::Ok(writer.commit().await?)
        };
        futures::try_join!(other, commit)?;
        desk.agrees().await?;
    }
    Ok(())
}

/// Returns the UUID in a global ID.
fn uuid(noun: &str, id: &Value) -> anyhow::Result<Uuid> {
    let key = key(noun, id)?;
    let (_, uuid) = key.split_once(':').context("a key without an id")?;
    Ok(uuid.parse()?)
}
