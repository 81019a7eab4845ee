//! Mutations of sections.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::json;

use crate::Desk;
use crate::invariants::{key, mutation};

const CREATE: &str = "mutation ($input: CreateSectionInput!) { createSection(input: $input) {
    section { id name slug summary featured position parent { name } edition { slug } }
    userErrors { field code message } idempotencyKey } }";
const UPDATE: &str = "mutation ($input: UpdateSectionInput!) { updateSection(input: $input) {
    section { id name slug summary } userErrors { field code message } } }";

#[tokio::test]
async fn a_section_is_added_and_read_back() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let input = json!({"name": "صحة", "summary": "أطباء ومستشفيات", "featured": true,
            "position": 3, "idempotencyKey": "one"});
        let payload = desk.write(&desk.editor, CREATE, input.clone()).await?;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["idempotencyKey"], "one");
        let section = &payload["section"];
        assert_eq!(section["slug"], "صحة");
        assert_eq!(section["edition"]["slug"], "ar");

        // Sent again with the same idempotency key, the section is created only once.
        let again = desk.write(&desk.editor, CREATE, input.clone()).await?;
        assert_eq!(again, payload);
        // An idempotency key cannot be reused for a different input.
        let mut other = input;
        other["name"] = json!("تعليم");
        let refused = desk.write(&desk.editor, CREATE, other.clone()).await?;
        assert_eq!(refused["userErrors"][0]["code"], "INVALID");
        // A second section with the same name gets a numbered slug.
        other["name"] = json!("صحة");
        other["idempotencyKey"] = json!("two");
        let second = desk.write(&desk.editor, CREATE, other).await?;
        assert_eq!(second["section"]["slug"], "صحة-2");
    }
    Ok(())
}

#[tokio::test]
async fn a_changed_slug_still_leads_to_its_section() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let payload = desk
            .write(&desk.editor, CREATE, json!({"name": "صحة"}))
            .await?;
        let id = &payload["section"]["id"];
        let input = json!({"id": id, "name": "الصحة والطب", "slug": "الصحة"});
        let payload = desk.write(&desk.editor, UPDATE, input).await?;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["section"]["slug"], "الصحة");
        let read = "{ section(slug: \"صحة\") { slug name } }";
        let found = desk.ask(&Who::anonymous(), read, json!({})).await?;
        assert_eq!(
            found["section"],
            json!({"slug": "الصحة", "name": "الصحة والطب"})
        );
        let taken = json!({"id": id, "slug": "رياضة"});
        let payload = desk.write(&desk.editor, UPDATE, taken).await?;
        assert_eq!(payload["section"], json!(null));
        assert_eq!(payload["userErrors"][0]["code"], "TAKEN");
        assert_eq!(payload["userErrors"][0]["field"], json!(["slug"]));
    }
    Ok(())
}

#[tokio::test]
async fn who_may_not_arrange_arranges_nothing() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let input = json!({"name": "صحة"});
        let anonymous = Who::anonymous();
        let code = desk.refused(&anonymous, CREATE, input.clone()).await?;
        assert_eq!(code, "UNAUTHENTICATED");
        let contributor = desk.app.who("نور", Role::Contributor).await?;
        let code = desk.refused(&contributor, CREATE, input).await?;
        assert_eq!(code, "FORBIDDEN");
    }
    Ok(())
}

const CHILDREN: &str = "{ section(slug: \"أسواق\") { articleCount children { slug position } }
    sections(roots: true) { slug position articleCount } }";

#[tokio::test]
async fn a_moved_section_takes_all_below_it_along() -> anyhow::Result<()> {
    let doc = mutation("moveSection", "section { slug position path { slug } }");
    for desk in Desk::each().await? {
        desk.agrees().await?;
        let (markets, local) = (
            desk.id("section", "أسواق").await?,
            desk.id("section", "محليات").await?,
        );
        let crafts = desk.id("section", "حرف").await?;
        let seq = desk.seq().await?;
        let moved = desk
            .done(&doc, json!({"id": markets, "parent": local}))
            .await?;
        assert_eq!(
            moved["section"]["path"],
            json!([{"slug": "محليات"}, {"slug": "أسواق"}])
        );
        desk.agrees().await?;
        let (acts, keys) = desk.changes(seq).await?;
        assert_eq!(acts, ["section changed"]);
        for id in ["أسواق", "زراعة", "حرف", "رياضة"] {
            let key = key("section", &desk.id("section", id).await?)?;
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
        let sport = desk.id("section", "رياضة").await?;
        desk.done(&doc, json!({"id": sport, "parent": markets, "position": 1}))
            .await?;
        desk.agrees().await?;
        let all = desk.ask(&Who::anonymous(), CHILDREN, json!({})).await?;
        let children = json!([{"slug": "زراعة", "position": 0}, {"slug": "رياضة", "position": 1},
            {"slug": "حرف", "position": 2}]);
        assert_eq!(all["section"]["children"], children);
        assert_eq!(all["section"]["articleCount"], 4);
        // Move a section from the middle of the tree to the first position of the root level.
        desk.done(&doc, json!({"id": markets, "position": 0}))
            .await?;
        desk.agrees().await?;
        let all = desk.ask(&Who::anonymous(), CHILDREN, json!({})).await?;
        let roots = json!([{"slug": "أسواق", "position": 0, "articleCount": 4},
            {"slug": "محليات", "position": 1, "articleCount": 5}]);
        assert_eq!(all["sections"], roots);

        for (input, mistake) in [
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
            assert_eq!(desk.mistake(&doc, input.clone()).await?, mistake, "{input}");
        }
        desk.agrees().await?;
    }
    Ok(())
}

#[tokio::test]
async fn siblings_are_arranged_whole() -> anyhow::Result<()> {
    let doc = mutation("reorderSections", "sections { slug position }");
    for desk in Desk::each().await? {
        let [local, markets, sport] = [
            desk.id("section", "محليات").await?,
            desk.id("section", "أسواق").await?,
            desk.id("section", "رياضة").await?,
        ];
        let input = json!({"sections": [sport, local, markets]});
        let payload = desk.done(&doc, input.clone()).await?;
        let order = json!([{"slug": "رياضة", "position": 0}, {"slug": "محليات", "position": 1},
            {"slug": "أسواق", "position": 2}]);
        assert_eq!(payload["sections"], order);
        let seq = desk.seq().await?;
        desk.done(&doc, input).await?;
        assert_eq!(
            desk.seq().await?,
            seq,
            "nothing changed, and the feed says nothing"
        );
        let crafts = desk.id("section", "حرف").await?;
        for (sections, mistake) in [
            (json!([sport, local]), "INVALID sections"),
            (json!([sport, local, local]), "INVALID sections.2"),
            (
                json!([sport, local, markets, crafts]),
                "NOT_FOUND sections.3",
            ),
            (json!([sport, local, "nonsense"]), "INVALID sections.2"),
        ] {
            let input = json!({"sections": sections});
            assert_eq!(desk.mistake(&doc, input.clone()).await?, mistake, "{input}");
        }
        assert_eq!(
            desk.mistake(&doc, json!({"parent": crafts, "sections": []}))
                .await?,
            "INVALID sections"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_section_is_patched() -> anyhow::Result<()> {
    let doc = mutation("updateSection", "section { name summary featured }");
    for desk in Desk::each().await? {
        let id = desk.id("section", "محليات").await?;
        let payload = desk
            .done(&doc, json!({"id": id, "featured": false}))
            .await?;
        let stays =
            json!({"name": "محليات", "summary": "ما يجري في أحياء السنديان", "featured": false});
        assert_eq!(payload["section"], stays);
        let home = "{ home { featuredSections { slug } } }";
        let home = desk.ask(&Who::anonymous(), home, json!({})).await?;
        assert_eq!(home["home"]["featuredSections"], json!([{"slug": "أسواق"}]));
        let payload = desk.done(&doc, json!({"id": id, "summary": null})).await?;
        assert_eq!(payload["section"]["summary"], json!(null));
        for (input, mistake) in [
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
            assert_eq!(desk.mistake(&doc, input.clone()).await?, mistake, "{input}");
        }
        let code = desk
            .refused(&desk.editor, &doc, json!({"id": id, "slug": "A b"}))
            .await?;
        assert_eq!(code, "BAD_USER_INPUT");
    }
    Ok(())
}

#[tokio::test]
async fn former_slugs_lead_on_until_another_has_them() -> anyhow::Result<()> {
    let update = mutation("updateSection", "section { slug }");
    for desk in Desk::each().await? {
        let id = desk.id("section", "رياضة").await?;
        for slug in ["ملاعب", "رياضات"] {
            desk.done(&update, json!({"id": id, "slug": slug})).await?;
        }
        let led = json!({"slug": "رياضات", "formerSlugs": ["رياضة", "ملاعب"]});
        for slug in ["رياضة", "ملاعب", "رياضات"] {
            assert_eq!(desk.led("section", slug).await?, led);
        }
        // Another section takes the second of the three slugs.
        desk.done(CREATE, json!({"name": "ملاعب", "slug": "ملاعب"}))
            .await?;
        let other = json!({"slug": "ملاعب", "formerSlugs": []});
        assert_eq!(desk.led("section", "ملاعب").await?, other);
        let led = json!({"slug": "رياضات", "formerSlugs": ["رياضة"]});
        assert_eq!(desk.led("section", "رياضة").await?, led);
        // Change back to the first slug, which is then no longer a former slug.
        desk.done(&update, json!({"id": id, "slug": "رياضة"}))
            .await?;
        let led = json!({"slug": "رياضة", "formerSlugs": ["رياضات"]});
        assert_eq!(desk.led("section", "رياضات").await?, led);
    }
    Ok(())
}

#[tokio::test]
async fn only_an_empty_section_is_deleted() -> anyhow::Result<()> {
    let doc = mutation("deleteSection", "deletedId");
    let (update, moves) = (
        mutation("updateSection", "section { slug }"),
        mutation("moveSection", "section { slug }"),
    );
    for desk in Desk::each().await? {
        for full in ["أسواق", "رياضة"] {
            let id = desk.id("section", full).await?;
            assert_eq!(
                desk.mistake(&doc, json!({"id": id})).await?,
                "WRONG_STATUS id",
                "{full}"
            );
        }
        let created = desk
            .done(CREATE, json!({"name": "صحة", "position": 0}))
            .await?;
        let id = &created["section"]["id"];
        desk.agrees().await?;
        desk.done(&update, json!({"id": id, "slug": "طب"})).await?;
        // A section that contains another section cannot be deleted.
        let crafts = desk.id("section", "حرف").await?;
        let markets = desk.id("section", "أسواق").await?;
        desk.done(&moves, json!({"id": crafts, "parent": id}))
            .await?;
        assert_eq!(
            desk.mistake(&doc, json!({"id": id})).await?,
            "WRONG_STATUS id"
        );
        desk.done(&moves, json!({"id": crafts, "parent": markets}))
            .await?;
        let seq = desk.seq().await?;
        let payload = desk.done(&doc, json!({"id": id})).await?;
        assert_eq!(payload["deletedId"], *id);
        let (acts, keys) = desk.changes(seq).await?;
        assert_eq!(acts, ["section withdrawn"]);
        assert!(keys.contains(&key("section", id)?), "{keys:?}");
        for slug in ["صحة", "طب"] {
            assert_eq!(desk.led("section", slug).await?, json!(null), "{slug}");
        }
        assert_eq!(desk.mistake(&doc, json!({"id": id})).await?, "NOT_FOUND id");
        desk.agrees().await?;
    }
    Ok(())
}

#[tokio::test]
async fn editors_who_move_at_once_leave_one_tree() -> anyhow::Result<()> {
    let doc = mutation("moveSection", "section { slug }");
    for desk in Desk::each().await? {
        let mut ids = Vec::new();
        for slug in ["محليات", "أسواق", "رياضة", "حرف", "زراعة"] {
            ids.push(desk.id("section", slug).await?);
        }
        for round in 0..4 {
            // Move each into the next but one. Moves that would form a cycle are refused.
            let moves = (0..5).map(|at| {
                let parent = &ids[(at + round + 2) % 5];
                let input = json!({"id": ids[at], "parent": parent, "position": round % 2});
                desk.write(&desk.editor, &doc, input)
            });
            let done = futures::future::try_join_all(moves).await?;
            // The first move of the first round cannot form a cycle.
            let moved = done.iter().any(|one| one["section"].is_object());
            assert!(moved || round > 0, "{done:?}");
            desk.agrees().await?;
        }
    }
    Ok(())
}
