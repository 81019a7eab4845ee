//! Mutations of stories and of the pinned stories.

use anyhow::Context as _;
use chrono::Duration;
use khabar_domain::{Right, Role};
use khabar_persistence::article::set_stories;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Desk;
use crate::article::{draft, write_at};
use crate::invariants::{key, mutation};

const STORY: &str = "story { id slug title kind status summary pinnedPosition articleCount
    image { alt } topics { slug } formerSlugs }";

impl Desk {
    /// Returns the titles of the pinned stories, in order.
    async fn rail(&self) -> anyhow::Result<Vec<String>> {
        let read = "{ home { pinnedStories(first: 100) { nodes { title } } } }";
        let home = self.ask(&Who::anonymous(), read, json!({})).await?;
        let nodes = home["home"]["pinnedStories"]["nodes"].as_array().cloned();
        let titles = nodes.unwrap_or_default();
        Ok(titles
            .iter()
            .map(|story| story["title"].as_str().unwrap_or_default().to_owned())
            .collect())
    }

    /// Returns the slugs of the stories of an article.
    async fn stories_of(&self, slug: &str) -> anyhow::Result<Value> {
        let read = format!("{{ article(slug: \"{slug}\") {{ stories {{ slug }} }} }}");
        let found = self.ask(&Who::anonymous(), &read, json!({})).await?;
        let stories = found["article"]["stories"].as_array().cloned();
        Ok(stories
            .unwrap_or_default()
            .iter()
            .map(|story| story["slug"].clone())
            .collect())
    }
}

#[tokio::test]
async fn a_story_is_opened_and_patched() -> anyhow::Result<()> {
    let (create, update) = (
        mutation("createStory", STORY),
        mutation("updateStory", STORY),
    );
    let media = "{ article(slug: \"افتتاح-الجسر-الجديد-فوق-نهر-السنديان\") { hero { id } } }";
    for desk in Desk::each().await? {
        let found = desk.ask(&Who::anonymous(), media, json!({})).await?;
        let image = &found["article"]["hero"]["id"];
        let river = desk.id("topic", "نهر-السنديان").await?;
        let council = desk.id("topic", "بلدية-السنديان").await?;
        let input = json!({"title": "موسم  القوارب", "kind": "SHOW", "summary": "سباقات الصيف",
            "image": image, "topics": [council, river]});
        let payload = desk.done(&create, input).await?;
        let story = &payload["story"];
        let id = &story["id"];
        assert_eq!(
            *story,
            json!({"id": id, "slug": "موسم-القوارب", "title": "موسم القوارب",
            "kind": "SHOW", "status": "ACTIVE", "summary": "سباقات الصيف", "pinnedPosition": null,
            "articleCount": 0, "image": {"alt": "جسر حجري فوق نهر هادئ"}, "formerSlugs": [],
            "topics": [{"slug": "بلدية-السنديان"}, {"slug": "نهر-السنديان"}]})
        );
        // Omitted fields are unchanged.
        let payload = desk
            .done(&update, json!({"id": id, "title": "موسم المراكب"}))
            .await?;
        let mut renamed = story.clone();
        renamed["title"] = json!("موسم المراكب");
        assert_eq!(payload["story"], renamed);
        // Null clears a field.
        let input =
            json!({"id": id, "summary": null, "image": null, "topics": null, "kind": "RUBRIC"});
        let payload = desk.done(&update, input).await?;
        renamed["summary"] = json!(null);
        renamed["image"] = json!(null);
        renamed["topics"] = json!([]);
        renamed["kind"] = json!("RUBRIC");
        assert_eq!(payload["story"], renamed);
        desk.done(&update, json!({"id": id, "slug": "مراكب"}))
            .await?;
        let led = json!({"slug": "مراكب", "formerSlugs": ["موسم-القوارب"]});
        assert_eq!(desk.led("story", "موسم-القوارب").await?, led);
        for (input, mistake) in [
            (json!({"id": id, "title": ""}), "INVALID title"),
            (json!({"id": id, "title": "قوارب\u{2066}"}), "INVALID title"),
            (json!({"id": id, "slug": "بالصور"}), "TAKEN slug"),
            (
                json!({"id": id, "image": "BgAAAAAAAAAAAAAAAAAAAAc"}),
                "NOT_FOUND image",
            ),
            (json!({"id": id, "image": river}), "INVALID image"),
            (
                json!({"id": id, "topics": [river, river]}),
                "INVALID topics.1",
            ),
            (json!({"id": id, "topics": [river, id]}), "INVALID topics.1"),
            (
                json!({"id": id, "topics": ["CwAAAAAAAAAAAAAAAAAAAAc"]}),
                "NOT_FOUND topics.0",
            ),
            (json!({"id": "CgAAAAAAAAAAAAAAAAAAAAc"}), "NOT_FOUND id"),
        ] {
            assert_eq!(
                desk.mistake(&update, input.clone()).await?,
                mistake,
                "{input}"
            );
        }
        let abroad = json!({"edition": "xx", "title": "بعيد"});
        assert_eq!(desk.mistake(&create, abroad).await?, "NOT_FOUND edition");
        // Topics must belong to the edition of the story.
        let abroad = json!({"edition": "en", "title": "Boats", "topics": [river]});
        assert_eq!(desk.mistake(&create, abroad).await?, "NOT_FOUND topics.0");
        desk.agrees().await?;
    }
    Ok(())
}

#[tokio::test]
async fn articles_come_and_go() -> anyhow::Result<()> {
    let (add, remove) = (
        mutation("addToStory", STORY),
        mutation("removeFromStory", STORY),
    );
    for desk in Desk::each().await? {
        let flood = desk.id("story", "فيضان-الربيع").await?;
        let (opinion, race) = (
            "لماذا-نحتاج-إلى-ممشى-على-الجسر",
            "سباق-القوارب-يجمع-ثلاث-قرى",
        );
        let ids = [
            desk.id("article", opinion).await?,
            desk.id("article", race).await?,
        ];
        let seq = desk.seq().await?;
        let payload = desk
            .done(&add, json!({"id": flood, "articles": ids}))
            .await?;
        assert_eq!(payload["story"]["articleCount"], 3);
        assert_eq!(
            desk.stories_of(opinion).await?,
            json!(["الجسر-الجديد", "فيضان-الربيع"])
        );
        desk.agrees().await?;
        let (acts, keys) = desk.changes(seq).await?;
        assert_eq!(acts, ["article changed"; 2]);
        let list = format!("{}:articles", key("story", &flood)?);
        let bridge = key("story", &desk.id("story", "الجسر-الجديد").await?)?;
        assert!(
            keys.contains(&list) && keys.contains(&format!("{}:stories", key("article", &ids[0])?)),
            "{keys:?}"
        );
        assert!(!keys.iter().any(|key| key.starts_with(&bridge)), "{keys:?}");

        // Adding the articles again changes nothing unless a position is given.
        let seq = desk.seq().await?;
        desk.done(&add, json!({"id": flood, "articles": ids}))
            .await?;
        assert_eq!(desk.seq().await?, seq);
        desk.done(
            &add,
            json!({"id": flood, "articles": [ids[0]], "position": 0}),
        )
        .await?;
        assert_eq!(
            desk.stories_of(opinion).await?,
            json!(["فيضان-الربيع", "الجسر-الجديد"])
        );
        desk.agrees().await?;

        // An unpublished article can be added, but is not counted.
        let draft = "query { article(slug: \"مسودة-عن-ميزانية-البلدية\") { id } }";
        let draft = desk.ask(&desk.editor, draft, json!({})).await?["article"]["id"].take();
        let input = json!({"id": flood, "articles": [draft]});
        let payload = desk.done(&add, input.clone()).await?;
        assert_eq!(payload["story"]["articleCount"], 3);
        desk.agrees().await?;
        // An article that the caller may not see is reported as not found.
        let narrow = desk.editor.clone().only(&[Right::Arrange]);
        let payload = desk.write(&narrow, &remove, input).await?;
        assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND");

        let payload = desk
            .done(&remove, json!({"id": flood, "articles": ids}))
            .await?;
        assert_eq!(payload["story"]["articleCount"], 1);
        assert_eq!(desk.stories_of(race).await?, json!([]));
        desk.agrees().await?;
        let abroad =
            "{ article(slug: \"three-villages-race-their-boats\", edition: \"en\") { id } }";
        let abroad = desk.ask(&Who::anonymous(), abroad, json!({})).await?["article"]["id"].take();
        for (input, mistake) in [
            (
                json!({"id": flood, "articles": [ids[0], abroad]}),
                "NOT_FOUND articles.1",
            ),
            (
                json!({"id": flood, "articles": [flood]}),
                "INVALID articles.0",
            ),
            (
                json!({"id": flood, "articles": [ids[0], ids[0]]}),
                "INVALID articles.1",
            ),
            (
                json!({"id": flood, "articles": vec![&ids[0]; 101]}),
                "INVALID articles",
            ),
            (json!({"id": ids[0], "articles": [ids[0]]}), "INVALID id"),
            (
                json!({"id": flood, "articles": [ids[0]], "position": -2}),
                "INVALID position",
            ),
        ] {
            assert_eq!(desk.mistake(&add, input.clone()).await?, mistake, "{input}");
        }
    }
    Ok(())
}

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

#[tokio::test]
async fn who_may_not_arrange_leaves_stories_alone() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let id = desk.id("story", "بالصور").await?;
        let writer = desk.app.who("نور", Role::Contributor).await?;
        let moderator = desk.app.who("سهى", Role::Moderator).await?;
        for (name, input) in [
            ("createStory", json!({"title": "قصة"})),
            ("updateStory", json!({"id": id})),
            ("addToStory", json!({"id": id, "articles": []})),
            ("removeFromStory", json!({"id": id, "articles": []})),
            ("pinStory", json!({"id": id})),
            ("unpinStory", json!({"id": id})),
            ("archiveStory", json!({"id": id})),
            ("reopenStory", json!({"id": id})),
            ("mergeStories", json!({"from": id, "into": id})),
        ] {
            let document = mutation(name, "story { id }");
            for who in [&writer, &moderator] {
                let code = desk.refused(who, &document, input.clone()).await?;
                assert_eq!(code, "FORBIDDEN", "{name}");
            }
            let code = desk.refused(&Who::anonymous(), &document, input).await?;
            assert_eq!(code, "UNAUTHENTICATED", "{name}");
        }
        let rail = mutation("reorderPinnedStories", "home { edition { id } }");
        let code = desk
            .refused(&writer, &rail, json!({"stories": [id]}))
            .await?;
        assert_eq!(code, "FORBIDDEN");
    }
    Ok(())
}
