//! Mutations of stories and of the pinned stories.

mod merge;
mod pinned;

use khabar_domain::{Right, Role};
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use crate::Fixture;
use crate::invariants::{key, mutation};

pub(super) const STORY: &str =
    "story { id slug title kind status summary pinnedPosition articleCount
    image { alt } topics { slug } formerSlugs }";

impl Fixture {
    /// Returns the titles of the pinned stories, in order.
    pub(super) async fn rail(&self) -> anyhow::Result<Vec<String>> {
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
    pub(super) async fn stories_of(&self, slug: &str) -> anyhow::Result<Value> {
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
async fn a_story_is_created_and_updated() -> anyhow::Result<()> {
    let (create, update) = (
        mutation("createStory", STORY),
        mutation("updateStory", STORY),
    );
    let media = "{ article(slug: \"افتتاح-الجسر-الجديد-فوق-نهر-السنديان\") { hero { id } } }";
    for fixture in Fixture::each().await? {
        let found = fixture.ask(&Who::anonymous(), media, json!({})).await?;
        let image = &found["article"]["hero"]["id"];
        let river = fixture.id("topic", "نهر-السنديان").await?;
        let council = fixture.id("topic", "بلدية-السنديان").await?;
        let input = json!({"title": "موسم  القوارب", "kind": "SHOW", "summary": "سباقات الصيف",
            "image": image, "topics": [council, river]});
        let payload = fixture.mutate(&create, input).await?;
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
        let payload = fixture
            .mutate(&update, json!({"id": id, "title": "موسم المراكب"}))
            .await?;
        let mut renamed = story.clone();
        renamed["title"] = json!("موسم المراكب");
        assert_eq!(payload["story"], renamed);
        // Null clears a field.
        let input =
            json!({"id": id, "summary": null, "image": null, "topics": null, "kind": "RUBRIC"});
        let payload = fixture.mutate(&update, input).await?;
        renamed["summary"] = json!(null);
        renamed["image"] = json!(null);
        renamed["topics"] = json!([]);
        renamed["kind"] = json!("RUBRIC");
        assert_eq!(payload["story"], renamed);
        fixture
            .mutate(&update, json!({"id": id, "slug": "مراكب"}))
            .await?;
        let redirected = json!({"slug": "مراكب", "formerSlugs": ["موسم-القوارب"]});
        assert_eq!(
            fixture.find_slugs("story", "موسم-القوارب").await?,
            redirected
        );
        for (input, user_error_of) in [
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
                fixture.user_error_of(&update, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        let abroad = json!({"edition": "xx", "title": "بعيد"});
        assert_eq!(
            fixture.user_error_of(&create, abroad).await?,
            "NOT_FOUND edition"
        );
        // Topics must belong to the edition of the story.
        let abroad = json!({"edition": "en", "title": "Boats", "topics": [river]});
        assert_eq!(
            fixture.user_error_of(&create, abroad).await?,
            "NOT_FOUND topics.0"
        );
        fixture.check_invariants().await?;
    }
    Ok(())
}

#[tokio::test]
async fn articles_are_added_to_and_removed_from_a_story() -> anyhow::Result<()> {
    let (add, remove) = (
        mutation("addToStory", STORY),
        mutation("removeFromStory", STORY),
    );
    for fixture in Fixture::each().await? {
        let flood = fixture.id("story", "فيضان-الربيع").await?;
        let (opinion, race) = (
            "لماذا-نحتاج-إلى-ممشى-على-الجسر",
            "سباق-القوارب-يجمع-ثلاث-قرى",
        );
        let ids = [
            fixture.id("article", opinion).await?,
            fixture.id("article", race).await?,
        ];
        let seq = fixture.seq().await?;
        let payload = fixture
            .mutate(&add, json!({"id": flood, "articles": ids}))
            .await?;
        assert_eq!(payload["story"]["articleCount"], 3);
        assert_eq!(
            fixture.stories_of(opinion).await?,
            json!(["الجسر-الجديد", "فيضان-الربيع"])
        );
        fixture.check_invariants().await?;
        let (acts, keys) = fixture.changes(seq).await?;
        assert_eq!(acts, ["article changed"; 2]);
        let list = format!("{}:articles", key("story", &flood)?);
        let bridge = key("story", &fixture.id("story", "الجسر-الجديد").await?)?;
        assert!(
            keys.contains(&list) && keys.contains(&format!("{}:stories", key("article", &ids[0])?)),
            "{keys:?}"
        );
        assert!(!keys.iter().any(|key| key.starts_with(&bridge)), "{keys:?}");

        // Adding the articles again changes nothing unless a position is given.
        let seq = fixture.seq().await?;
        fixture
            .mutate(&add, json!({"id": flood, "articles": ids}))
            .await?;
        assert_eq!(fixture.seq().await?, seq);
        fixture
            .mutate(
                &add,
                json!({"id": flood, "articles": [ids[0]], "position": 0}),
            )
            .await?;
        assert_eq!(
            fixture.stories_of(opinion).await?,
            json!(["فيضان-الربيع", "الجسر-الجديد"])
        );
        fixture.check_invariants().await?;

        // An unpublished article can be added, but is not counted.
        let draft = "query { article(slug: \"مسودة-عن-ميزانية-البلدية\") { id } }";
        let draft = fixture.ask(&fixture.editor, draft, json!({})).await?["article"]["id"].take();
        let input = json!({"id": flood, "articles": [draft]});
        let payload = fixture.mutate(&add, input.clone()).await?;
        assert_eq!(payload["story"]["articleCount"], 3);
        fixture.check_invariants().await?;
        // An article that the caller may not see is reported as not found.
        let narrow = fixture.editor.clone().only(&[Right::Arrange]);
        let payload = fixture.write(&narrow, &remove, input).await?;
        assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND");

        let payload = fixture
            .mutate(&remove, json!({"id": flood, "articles": ids}))
            .await?;
        assert_eq!(payload["story"]["articleCount"], 1);
        assert_eq!(fixture.stories_of(race).await?, json!([]));
        fixture.check_invariants().await?;
        let abroad =
            "{ article(slug: \"three-villages-race-their-boats\", edition: \"en\") { id } }";
        let abroad =
            fixture.ask(&Who::anonymous(), abroad, json!({})).await?["article"]["id"].take();
        for (input, user_error_of) in [
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
            assert_eq!(
                fixture.user_error_of(&add, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn changing_stories_requires_the_arrange_right() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let id = fixture.id("story", "بالصور").await?;
        let writer = fixture.app.who("نور", Role::Contributor).await?;
        let moderator = fixture.app.who("سهى", Role::Moderator).await?;
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
                let code = fixture.refused(who, &document, input.clone()).await?;
                assert_eq!(code, "FORBIDDEN", "{name}");
            }
            let code = fixture.refused(&Who::anonymous(), &document, input).await?;
            assert_eq!(code, "UNAUTHENTICATED", "{name}");
        }
        let rail = mutation("reorderPinnedStories", "home { edition { id } }");
        let code = fixture
            .refused(&writer, &rail, json!({"stories": [id]}))
            .await?;
        assert_eq!(code, "FORBIDDEN");
    }
    Ok(())
}
