//! Mutations of sections.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::json;

use crate::Fixture;
use crate::invariants::{key, mutation};

const CREATE: &str = "mutation ($input: CreateSectionInput!) { createSection(input: $input) {
    section { id name slug summary featured position parent { name } edition { slug } }
    userErrors { field code message } idempotencyKey } }";
const UPDATE: &str = "mutation ($input: UpdateSectionInput!) { updateSection(input: $input) {
    section { id name slug summary } userErrors { field code message } } }";

#[tokio::test]
async fn a_section_is_created_and_read_back() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let input = json!({"name": "صحة", "summary": "أطباء ومستشفيات", "featured": true,
            "position": 3, "idempotencyKey": "one"});
        let payload = fixture
            .write(&fixture.editor, CREATE, input.clone())
            .await?;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["idempotencyKey"], "one");
        let section = &payload["section"];
        assert_eq!(section["slug"], "صحة");
        assert_eq!(section["edition"]["slug"], "ar");

        // Sent again with the same idempotency key, the section is created only once.
        let again = fixture
            .write(&fixture.editor, CREATE, input.clone())
            .await?;
        assert_eq!(again, payload);
        // An idempotency key cannot be reused for a different input.
        let mut other = input;
        other["name"] = json!("تعليم");
        let refused = fixture
            .write(&fixture.editor, CREATE, other.clone())
            .await?;
        assert_eq!(refused["userErrors"][0]["code"], "INVALID");
        // A second section with the same name gets a numbered slug.
        other["name"] = json!("صحة");
        other["idempotencyKey"] = json!("two");
        let second = fixture.write(&fixture.editor, CREATE, other).await?;
        assert_eq!(second["section"]["slug"], "صحة-2");
    }
    Ok(())
}

#[tokio::test]
async fn a_former_slug_redirects_to_its_section() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let payload = fixture
            .write(&fixture.editor, CREATE, json!({"name": "صحة"}))
            .await?;
        let id = &payload["section"]["id"];
        let input = json!({"id": id, "name": "الصحة والطب", "slug": "الصحة"});
        let payload = fixture.write(&fixture.editor, UPDATE, input).await?;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["section"]["slug"], "الصحة");
        let read = "{ section(slug: \"صحة\") { slug name } }";
        let found = fixture.ask(&Who::anonymous(), read, json!({})).await?;
        assert_eq!(
            found["section"],
            json!({"slug": "الصحة", "name": "الصحة والطب"})
        );
        let taken = json!({"id": id, "slug": "رياضة"});
        let payload = fixture.write(&fixture.editor, UPDATE, taken).await?;
        assert_eq!(payload["section"], json!(null));
        assert_eq!(payload["userErrors"][0]["code"], "TAKEN");
        assert_eq!(payload["userErrors"][0]["field"], json!(["slug"]));
    }
    Ok(())
}

#[tokio::test]
async fn changing_sections_requires_the_arrange_right() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let input = json!({"name": "صحة"});
        let anonymous = Who::anonymous();
        let code = fixture.refused(&anonymous, CREATE, input.clone()).await?;
        assert_eq!(code, "UNAUTHENTICATED");
        let contributor = fixture.app.who("نور", Role::Contributor).await?;
        let code = fixture.refused(&contributor, CREATE, input).await?;
        assert_eq!(code, "FORBIDDEN");
    }
    Ok(())
}

const CHILDREN: &str = "{ section(slug: \"أسواق\") { articleCount children { slug position } }
    sections(roots: true) { slug position articleCount } }";

#[tokio::test]
async fn a_moved_section_keeps_its_descendants_and_articles() -> anyhow::Result<()> {
    let doc = mutation("moveSection", "section { slug position path { slug } }");
    for fixture in Fixture::each().await? {
        fixture.check_invariants().await?;
        let (markets, local) = (
            fixture.id("section", "أسواق").await?,
            fixture.id("section", "محليات").await?,
        );
        let crafts = fixture.id("section", "حرف").await?;
        let seq = fixture.seq().await?;
        let moved = fixture
            .mutate(&doc, json!({"id": markets, "parent": local}))
            .await?;
        assert_eq!(
            moved["section"]["path"],
            json!([{"slug": "محليات"}, {"slug": "أسواق"}])
        );
        fixture.check_invariants().await?;
        let (acts, keys) = fixture.changes(seq).await?;
        assert_eq!(acts, ["section changed"]);
        for id in ["أسواق", "زراعة", "حرف", "رياضة"] {
            let key = key("section", &fixture.id("section", id).await?)?;
            assert!(keys.contains(&key), "{id}: {keys:?}");
        }
        let above = key("section", &local)?;
        assert!(keys.contains(&format!("{above}:articles")), "{keys:?}");
        assert!(keys.contains(&format!("{above}:children")), "{keys:?}");
        assert!(
            keys.iter().any(|key| key.ends_with(":sections")),
            "{keys:?}"
        );

        // Move a section deeper into the tree, to a position among siblings.
        let sport = fixture.id("section", "رياضة").await?;
        fixture
            .mutate(&doc, json!({"id": sport, "parent": markets, "position": 1}))
            .await?;
        fixture.check_invariants().await?;
        let all = fixture.ask(&Who::anonymous(), CHILDREN, json!({})).await?;
        let children = json!([{"slug": "زراعة", "position": 0}, {"slug": "رياضة", "position": 1},
            {"slug": "حرف", "position": 2}]);
        assert_eq!(all["section"]["children"], children);
        assert_eq!(all["section"]["articleCount"], 4);
        // Move a section from the middle of the tree to the first position of the root level.
        fixture
            .mutate(&doc, json!({"id": markets, "position": 0}))
            .await?;
        fixture.check_invariants().await?;
        let all = fixture.ask(&Who::anonymous(), CHILDREN, json!({})).await?;
        let roots = json!([{"slug": "أسواق", "position": 0, "articleCount": 4},
            {"slug": "محليات", "position": 1, "articleCount": 5}]);
        assert_eq!(all["sections"], roots);

        for (input, user_error_of) in [
            (json!({"id": markets, "parent": markets}), "INVALID parent"),
            (json!({"id": markets, "parent": crafts}), "INVALID parent"),
            (
                json!({"id": markets, "parent": "AQAAAAAAAAAAAAAAAAAAAAc"}),
                "INVALID parent",
            ),
            (
                json!({"id": markets, "parent": "CAAAAAAAAAAAAAAAAAAAAAc"}),
                "NOT_FOUND parent",
            ),
            (json!({"id": "CAAAAAAAAAAAAAAAAAAAAAc"}), "NOT_FOUND id"),
            (json!({"id": markets, "position": -1}), "INVALID position"),
        ] {
            assert_eq!(
                fixture.user_error_of(&doc, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        fixture.check_invariants().await?;
    }
    Ok(())
}

#[tokio::test]
async fn reordering_requires_all_siblings() -> anyhow::Result<()> {
    let doc = mutation("reorderSections", "sections { slug position }");
    for fixture in Fixture::each().await? {
        let [local, markets, sport] = [
            fixture.id("section", "محليات").await?,
            fixture.id("section", "أسواق").await?,
            fixture.id("section", "رياضة").await?,
        ];
        let input = json!({"sections": [sport, local, markets]});
        let payload = fixture.mutate(&doc, input.clone()).await?;
        let order = json!([{"slug": "رياضة", "position": 0}, {"slug": "محليات", "position": 1},
            {"slug": "أسواق", "position": 2}]);
        assert_eq!(payload["sections"], order);
        let seq = fixture.seq().await?;
        fixture.mutate(&doc, input).await?;
        assert_eq!(
            fixture.seq().await?,
            seq,
            "nothing changed, and the feed says nothing"
        );
        let crafts = fixture.id("section", "حرف").await?;
        for (sections, user_error_of) in [
            (json!([sport, local]), "INVALID sections"),
            (json!([sport, local, local]), "INVALID sections.2"),
            (
                json!([sport, local, markets, crafts]),
                "NOT_FOUND sections.3",
            ),
            (json!([sport, local, "nonsense"]), "INVALID sections.2"),
        ] {
            let input = json!({"sections": sections});
            assert_eq!(
                fixture.user_error_of(&doc, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        assert_eq!(
            fixture
                .user_error_of(&doc, json!({"parent": crafts, "sections": []}))
                .await?,
            "INVALID sections"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_section_is_updated() -> anyhow::Result<()> {
    let doc = mutation("updateSection", "section { name summary featured }");
    for fixture in Fixture::each().await? {
        let id = fixture.id("section", "محليات").await?;
        let payload = fixture
            .mutate(&doc, json!({"id": id, "featured": false}))
            .await?;
        let stays =
            json!({"name": "محليات", "summary": "ما يجري في أحياء السنديان", "featured": false});
        assert_eq!(payload["section"], stays);
        let home = "{ home { featuredSections { slug } } }";
        let home = fixture.ask(&Who::anonymous(), home, json!({})).await?;
        assert_eq!(home["home"]["featuredSections"], json!([{"slug": "أسواق"}]));
        let payload = fixture
            .mutate(&doc, json!({"id": id, "summary": null}))
            .await?;
        assert_eq!(payload["section"]["summary"], json!(null));
        for (input, user_error_of) in [
            (json!({"id": id, "name": " "}), "INVALID name"),
            (json!({"id": id, "name": "أ".repeat(201)}), "INVALID name"),
            (json!({"id": id, "name": "أخبار\u{202e}"}), "INVALID name"),
            (json!({"id": id, "summary": "سطر\u{7}"}), "INVALID summary"),
            (
                json!({"id": id, "summary": "أ".repeat(4_001)}),
                "INVALID summary",
            ),
            (json!({"id": "CAAAAAAAAAAAAAAAAAAAAAc"}), "NOT_FOUND id"),
            (json!({"id": "AQAAAAAAAAAAAAAAAAAAAAc"}), "INVALID id"),
        ] {
            assert_eq!(
                fixture.user_error_of(&doc, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        let code = fixture
            .refused(&fixture.editor, &doc, json!({"id": id, "slug": "A b"}))
            .await?;
        assert_eq!(code, "BAD_USER_INPUT");
    }
    Ok(())
}

#[tokio::test]
async fn former_slugs_redirect_until_they_are_reused() -> anyhow::Result<()> {
    let update = mutation("updateSection", "section { slug }");
    for fixture in Fixture::each().await? {
        let id = fixture.id("section", "رياضة").await?;
        for slug in ["ملاعب", "رياضات"] {
            fixture
                .mutate(&update, json!({"id": id, "slug": slug}))
                .await?;
        }
        let redirected = json!({"slug": "رياضات", "formerSlugs": ["رياضة", "ملاعب"]});
        for slug in ["رياضة", "ملاعب", "رياضات"] {
            assert_eq!(fixture.find_slugs("section", slug).await?, redirected);
        }
        // Another section takes the second of the three slugs.
        fixture
            .mutate(CREATE, json!({"name": "ملاعب", "slug": "ملاعب"}))
            .await?;
        let other = json!({"slug": "ملاعب", "formerSlugs": []});
        assert_eq!(fixture.find_slugs("section", "ملاعب").await?, other);
        let redirected = json!({"slug": "رياضات", "formerSlugs": ["رياضة"]});
        assert_eq!(fixture.find_slugs("section", "رياضة").await?, redirected);
        // Change back to the first slug, which is then no longer a former slug.
        fixture
            .mutate(&update, json!({"id": id, "slug": "رياضة"}))
            .await?;
        let redirected = json!({"slug": "رياضة", "formerSlugs": ["رياضات"]});
        assert_eq!(fixture.find_slugs("section", "رياضات").await?, redirected);
    }
    Ok(())
}

#[tokio::test]
async fn only_an_empty_section_can_be_deleted() -> anyhow::Result<()> {
    let doc = mutation("deleteSection", "deletedId");
    let (update, moves) = (
        mutation("updateSection", "section { slug }"),
        mutation("moveSection", "section { slug }"),
    );
    for fixture in Fixture::each().await? {
        for full in ["أسواق", "رياضة"] {
            let id = fixture.id("section", full).await?;
            assert_eq!(
                fixture.user_error_of(&doc, json!({"id": id})).await?,
                "WRONG_STATUS id",
                "{full}"
            );
        }
        let created = fixture
            .mutate(CREATE, json!({"name": "صحة", "position": 0}))
            .await?;
        let id = &created["section"]["id"];
        fixture.check_invariants().await?;
        fixture
            .mutate(&update, json!({"id": id, "slug": "طب"}))
            .await?;
        // A section that contains another section cannot be deleted.
        let crafts = fixture.id("section", "حرف").await?;
        let markets = fixture.id("section", "أسواق").await?;
        fixture
            .mutate(&moves, json!({"id": crafts, "parent": id}))
            .await?;
        assert_eq!(
            fixture.user_error_of(&doc, json!({"id": id})).await?,
            "WRONG_STATUS id"
        );
        fixture
            .mutate(&moves, json!({"id": crafts, "parent": markets}))
            .await?;
        let seq = fixture.seq().await?;
        let payload = fixture.mutate(&doc, json!({"id": id})).await?;
        assert_eq!(payload["deletedId"], *id);
        let (acts, keys) = fixture.changes(seq).await?;
        assert_eq!(acts, ["section withdrawn"]);
        assert!(keys.contains(&key("section", id)?), "{keys:?}");
        for slug in ["صحة", "طب"] {
            assert_eq!(
                fixture.find_slugs("section", slug).await?,
                json!(null),
                "{slug}"
            );
        }
        assert_eq!(
            fixture.user_error_of(&doc, json!({"id": id})).await?,
            "NOT_FOUND id"
        );
        fixture.check_invariants().await?;
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_moves_leave_a_tree() -> anyhow::Result<()> {
    let doc = mutation("moveSection", "section { slug }");
    for fixture in Fixture::each().await? {
        let mut ids = Vec::new();
        for slug in ["محليات", "أسواق", "رياضة", "حرف", "زراعة"] {
            ids.push(fixture.id("section", slug).await?);
        }
        for round in 0..4 {
            // Move each into the next but one. Moves that would form a cycle are refused.
            let moves = (0..5).map(|at| {
                let parent = &ids[(at + round + 2) % 5];
                let input = json!({"id": ids[at], "parent": parent, "position": round % 2});
                fixture.write(&fixture.editor, &doc, input)
            });
            let done = futures::future::try_join_all(moves).await?;
            // The first move of the first round cannot form a cycle.
            let moved = done.iter().any(|one| one["section"].is_object());
            assert!(moved || round > 0, "{done:?}");
            fixture.check_invariants().await?;
        }
    }
    Ok(())
}
