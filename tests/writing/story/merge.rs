//! Merged stories, and articles that are added at the same time.

use anyhow::Context as _;
use chrono::Duration;
use khabar_persistence::article::set_stories;
use khabar_tests::harness::newsroom;
use serde_json::{Value, json};
use uuid::Uuid;

use super::STORY;
use crate::Fixture;
use crate::article::{draft, write_at};
use crate::invariants::{key, mutation};

#[tokio::test]
async fn two_stories_are_merged() -> anyhow::Result<()> {
    let merge = mutation("mergeStories", STORY);
    let update = mutation("updateStory", STORY);
    let add = mutation("addToStory", STORY);
    for fixture in Fixture::each().await? {
        let from = fixture.id("story", "الجسر-الجديد").await?;
        let into = fixture.id("story", "فيضان-الربيع").await?;
        // One article is in both stories. The story that is merged away also has a draft and a
        // withdrawn article.
        let opinion = "لماذا-نحتاج-إلى-ممشى-على-الجسر";
        let both = fixture.id("article", opinion).await?;
        let input = json!({"id": into, "articles": [both]});
        fixture.mutate(&add, input).await?;
        let pictures = fixture.id("story", "بالصور").await?;
        let input = json!({"id": pictures, "articles": [both]});
        fixture.mutate(&add, input).await?;
        let input = json!({"id": from, "slug": "الجسر"});
        fixture.mutate(&update, input).await?;
        // Reopen the target, because an archived story would not inherit the pinned position.
        fixture
            .mutate(&mutation("reopenStory", STORY), json!({"id": into}))
            .await?;
        let seq = fixture.seq().await?;
        let input = json!({"from": from, "into": into});
        let payload = fixture.mutate(&merge, input).await?;
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
            fixture.stories_of(opinion).await?,
            json!(["فيضان-الربيع", "بالصور"])
        );
        for slug in ["الجسر", "الجسر-الجديد"] {
            assert_eq!(
                fixture.find_slugs("story", slug).await?["slug"],
                "فيضان-الربيع"
            );
        }
        fixture.check_invariants().await?;
        let read = "query ($id: ID!) { node(id: $id) { id } }";
        let gone = fixture
            .ask(&fixture.editor, read, json!({"id": from}))
            .await?;
        assert_eq!(gone["node"], json!(null));
        let draft = "{ article(slug: \"مسودة-عن-ميزانية-البلدية\") { stories { slug } } }";
        let draft = fixture.ask(&fixture.editor, draft, json!({})).await?;
        assert_eq!(
            draft["article"]["stories"],
            json!([{"slug": "فيضان-الربيع"}])
        );

        let (acts, keys) = fixture.changes(seq).await?;
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
        let input = json!({"from": into, "into": pictures});
        fixture.mutate(&merge, input).await?;
        fixture.check_invariants().await?;
        for slug in ["الجسر", "الجسر-الجديد", "فيضان-الربيع"] {
            assert_eq!(fixture.find_slugs("story", slug).await?["slug"], "بالصور");
        }
        assert_eq!(fixture.rail().await?, ["ساعة على الضفة", "بالصور"]);
        let create = mutation("createStory", STORY);
        fixture
            .mutate(&create, json!({"title": "الجسر", "slug": "الجسر"}))
            .await?;
        let redirected = json!({"slug": "الجسر", "formerSlugs": []});
        assert_eq!(fixture.find_slugs("story", "الجسر").await?, redirected);

        for (input, user_error_of) in [
            (json!({"from": pictures, "into": pictures}), "INVALID into"),
            (json!({"from": into, "into": pictures}), "NOT_FOUND from"),
            (json!({"from": pictures, "into": into}), "NOT_FOUND into"),
            (json!({"from": both, "into": pictures}), "INVALID from"),
        ] {
            assert_eq!(
                fixture.user_error_of(&merge, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        let abroad = fixture
            .mutate(&create, json!({"edition": "en", "title": "Boats"}))
            .await?;
        let input = json!({"from": pictures, "into": abroad["story"]["id"]});
        assert_eq!(fixture.user_error_of(&merge, input).await?, "INVALID into");
    }
    Ok(())
}

#[tokio::test]
async fn articles_added_during_a_merge_are_kept() -> anyhow::Result<()> {
    let (merge, add) = (
        mutation("mergeStories", STORY),
        mutation("addToStory", STORY),
    );
    for fixture in Fixture::each().await? {
        let from = fixture.id("story", "الجسر-الجديد").await?;
        let into = fixture.id("story", "بالصور").await?;
        let race = fixture.id("article", "سباق-القوارب-يجمع-ثلاث-قرى").await?;
        let fish = fixture
            .id("article", "سوق-السمك-يعود-إلى-الرصيف-القديم")
            .await?;
        let merged = fixture.mutate(&merge, json!({"from": from, "into": into}));
        // Each addition either precedes the merge or fails because the story is gone.
        let adding = [race, fish].map(|article| {
            fixture.write(
                &fixture.editor,
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
        fixture.check_invariants().await?;
    }
    Ok(())
}

/// A transaction that waits for another to update the article count of a story sees the article of
/// the other, too.
#[tokio::test]
async fn concurrent_additions_keep_the_latest_article_time() -> anyhow::Result<()> {
    const WAITS: &str = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
        WHERE NOT l.granted AND a.datname = current_database()";
    for fixture in Fixture::each().await? {
        let story = fixture.id("story", "بالصور").await?;
        let mut ids = Vec::new();
        for seconds in [1, 2] {
            let id = draft(&fixture).await?["id"].clone();
            let hour = newsroom::now() + Duration::seconds(seconds);
            let input = json!({"id": id});
            write_at(&fixture, &fixture.editor, hour, "publishArticle", input).await?;
            ids.push(id);
        }
        let [older, newer] = [&ids[0], &ids[1]];
        let test = fixture.app.db();
        let mut writer = test.db().writer(newsroom::now()).await?;
        let stories = [uuid("story", &story)?.into()];
        set_stories(&mut writer, uuid("article", newer)?.into(), &stories).await?;
        let add = mutation("addToStory", STORY);
        let other = fixture.mutate(&add, json!({"id": story, "articles": [older]}));
        let commit = async {
            // On SQLite the other write begins only after this one, so there is no lock to wait
            // for.
            while test.name() == "PostgreSQL" && test.administer(WAITS).await?.trim() == "0" {}
            anyhow::Ok(writer.commit().await?)
        };
        futures::try_join!(other, commit)?;
        fixture.check_invariants().await?;
    }
    Ok(())
}

/// Returns the UUID in a global ID.
fn uuid(noun: &str, id: &Value) -> anyhow::Result<Uuid> {
    let key = key(noun, id)?;
    let (_, uuid) = key.split_once(':').context("a key without an id")?;
    Ok(uuid.parse()?)
}
