//! Revisions: earlier versions of an article, their authors, and concurrent changes.

use khabar_domain::Role;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;
use crate::article::{draft, mutate, refused, write_at};

const REVISIONS: &str = "query ($id: ID!) { article(id: $id) { revisions { totalCount
    nodes { version authorName step note headline bodyText } } } }";
const DIFF: &str =
    "query ($id: ID!, $from: Int!, $to: Int!) { article(id: $id) { diff(from: $from, to: $to) {
    from to changed headline { op text } lead { op text }
    body { op before { __typename } after { __typename } words { op text } } } } }";

#[tokio::test]
async fn every_save_creates_a_revision() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let other = fixture.app.who("سامي", Role::Editor).await?;
        let id = &draft(&fixture).await?["id"];
        let input =
            json!({"id": id, "version": 1, "headline": "افتتاح الميناء القديم", "note": "الاسم"});
        mutate(&fixture, &other, "updateArticle", input).await?;
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({"id": id}),
        )
        .await?;
        let input = json!({"id": id, "version": 3, "note": "أضيفت الساعة", "body": [
            {"paragraph": {"text": "افتتح الوزير الميناء مساء اليوم."}}, {"heading": {"text": "خلفية"}}]});
        mutate(&fixture, &fixture.editor, "correctArticle", input).await?;
        let found = fixture
            .ask(&fixture.editor, REVISIONS, json!({"id": id}))
            .await?;
        let revisions = &found["article"]["revisions"];
        assert_eq!(revisions["totalCount"], 4);
        let found: Vec<_> = revisions["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| json!([it["version"], it["authorName"], it["step"], it["note"]]))
            .collect();
        assert_eq!(
            found,
            [
                json!([4, "ليلى", "CORRECT", "أضيفت الساعة"]),
                json!([3, "ليلى", "PUBLISH", null]),
                json!([2, "سامي", "SAVE", "الاسم"]),
                json!([1, "ليلى", "SAVE", null]),
            ]
        );
        assert_eq!(revisions["nodes"][3]["headline"], "افتتاح الميناء الجديد");
        let one =
            "query ($id: ID!) { article(id: $id) { revision(version: 1) { headline lead bodyText }
            missing: revision(version: 9) { headline } } }";
        let found = fixture.ask(&fixture.editor, one, json!({"id": id})).await?;
        assert_eq!(
            found["article"]["revision"]["headline"],
            "افتتاح الميناء الجديد"
        );
        assert_eq!(found["article"]["missing"], json!(null));

        let found = fixture
            .ask(&fixture.editor, DIFF, json!({"id": id, "from": 1, "to": 4}))
            .await?;
        assert_eq!(
            found["article"]["diff"],
            json!({
                "from": 1, "to": 4, "changed": ["HEADLINE", "BODY"],
                "headline": [{"op": "SAME", "text": "افتتاح الميناء "}, {"op": "REMOVED", "text": "الجديد"},
                    {"op": "ADDED", "text": "القديم"}],
                "lead": [{"op": "SAME", "text": "ملخص الخبر"}],
                "body": [
                    {"op": "CHANGED", "before": {"__typename": "ParagraphBlock"}, "after": {"__typename": "ParagraphBlock"},
                        "words": [{"op": "SAME", "text": "افتتح الوزير الميناء "}, {"op": "REMOVED", "text": "صباح"},
                            {"op": "ADDED", "text": "مساء"}, {"op": "SAME", "text": " اليوم."}]},
                    {"op": "ADDED", "before": null, "after": {"__typename": "HeadingBlock"}, "words": []},
                ]
            })
        );
        let none = fixture
            .ask(&fixture.editor, DIFF, json!({"id": id, "from": 1, "to": 9}))
            .await?;
        assert_eq!(none["article"]["diff"], json!(null));
    }
    Ok(())
}

#[tokio::test]
async fn revisions_are_visible_only_to_the_newsroom() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let contributor = fixture.app.who("نور", Role::Contributor).await?;
        let reader = fixture.app.who("قارئ", Role::Reader).await?;
        let own = mutate(
            &fixture,
            &contributor,
            "createArticle",
            json!({"headline": "خبر نور"}),
        )
        .await?;
        let other = draft(&fixture).await?;
        for id in [&own["id"], &other["id"]] {
            mutate(
                &fixture,
                &fixture.editor,
                "publishArticle",
                json!({"id": id}),
            )
            .await?;
        }
        let fields = [
            "revisions { nodes { version } }",
            "revision(version: 1) { version }",
            "diff(from: 1, to: 2) { changed }",
            "scheduledFor",
            "embargoUntil",
        ];
        for field in fields {
            let document = format!("query ($id: ID!) {{ article(id: $id) {{ {field} }} }}");
            let code = async |who: &Who, id: &Value| -> anyhow::Result<Value> {
                let variables = json!({"id": id});
                let response = fixture
                    .app
                    .ask_as(who, newsroom::now(), &document, &variables);
                let response = response.await?.value()?;
                Ok(response["errors"][0]["extensions"]["code"].clone())
            };
            assert_eq!(
                code(&Who::anonymous(), &own["id"]).await?,
                "UNAUTHENTICATED",
                "{field}"
            );
            assert_eq!(code(&reader, &own["id"]).await?, "FORBIDDEN", "{field}");
            assert_eq!(
                code(&contributor, &other["id"]).await?,
                "FORBIDDEN",
                "{field}"
            );
            assert_eq!(
                code(&contributor, &own["id"]).await?,
                json!(null),
                "{field}"
            );
            assert_eq!(
                code(&fixture.editor, &own["id"]).await?,
                json!(null),
                "{field}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_stale_write_is_rejected_with_both_diffs() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let other = fixture.app.who("سامي", Role::Editor).await?;
        let id = &draft(&fixture).await?["id"];
        let theirs = json!({"id": id, "version": 1, "headline": "افتتاح المرفأ الجديد"});
        mutate(&fixture, &other, "updateArticle", theirs).await?;
        let yours = json!({"id": id, "version": 1, "lead": "ملخص آخر", "body": [
            {"paragraph": {"text": "افتتح الوزير الميناء مساء اليوم."}}]});
        let payload = write_at(
            &fixture,
            &fixture.editor,
            newsroom::now(),
            "updateArticle",
            yours,
        )
        .await?;
        assert_eq!(payload["article"], json!(null));
        assert_eq!(payload["userErrors"][0]["code"], "STALE");
        assert_eq!(payload["userErrors"][0]["field"], json!(["version"]));
        let conflict = &payload["conflict"];
        assert_eq!(conflict["currentVersion"], 2);
        assert_eq!(
            conflict["base"],
            json!({"version": 1, "headline": "افتتاح الميناء الجديد"})
        );
        assert_eq!(conflict["theirs"]["changed"], json!(["HEADLINE"]));
        assert_eq!(
            conflict["theirs"]["headline"],
            json!([{"op": "SAME", "text": "افتتاح "},
            {"op": "REMOVED", "text": "الميناء"}, {"op": "ADDED", "text": "المرفأ"},
            {"op": "SAME", "text": " الجديد"}])
        );
        assert_eq!(conflict["yours"]["changed"], json!(["LEAD", "BODY"]));
        assert_eq!(
            (&conflict["yours"]["from"], &conflict["yours"]["to"]),
            (&json!(1), &json!(null))
        );
        assert_eq!(conflict["yours"]["body"], json!([{"op": "CHANGED"}]));
        // Nothing was overwritten.
        let read = "query ($id: ID!) { article(id: $id) { headline lead version } }";
        let found = fixture
            .ask(&fixture.editor, read, json!({"id": id}))
            .await?;
        assert_eq!(
            found["article"],
            json!({"headline": "افتتاح المرفأ الجديد", "lead": "ملخص الخبر", "version": 2})
        );

        // A workflow step that states an older version is refused, too.
        let step = json!({"id": id, "version": 1});
        let payload = write_at(
            &fixture,
            &fixture.editor,
            newsroom::now(),
            "publishArticle",
            step,
        )
        .await?;
        assert_eq!(payload["userErrors"][0]["code"], "STALE");
        assert_eq!(payload["conflict"]["yours"], json!(null));
        for version in [0, -1, 3] {
            let input = json!({"id": id, "version": version, "lead": "سطر"});
            let found = refused(&fixture, &fixture.editor, "updateArticle", input).await?;
            assert_eq!(
                found,
                ("version".to_owned(), "INVALID".to_owned()),
                "{version}"
            );
        }
    }
    Ok(())
}

/// A stale write is reported as a conflict even if a story of the article has been merged away
/// since.
#[tokio::test]
async fn a_stale_write_is_rejected_even_if_a_story_was_merged() -> anyhow::Result<()> {
    let merge = crate::invariants::mutation("mergeStories", "story { id }");
    for fixture in Fixture::each().await? {
        let from = fixture.id("story", "الجسر-الجديد").await?;
        let into = fixture.id("story", "فيضان-الربيع").await?;
        let input = json!({"headline": "افتتاح الجسر", "stories": [from]});
        let id = &mutate(&fixture, &fixture.editor, "createArticle", input).await?["id"];
        let theirs = json!({"id": id, "version": 1, "headline": "افتتاح الجسر غدا"});
        mutate(&fixture, &fixture.editor, "updateArticle", theirs).await?;
        fixture
            .mutate(&merge, json!({"from": from, "into": into}))
            .await?;
        let yours = json!({"id": id, "version": 1, "lead": "ملخص"});
        let hour = newsroom::now();
        let payload = write_at(&fixture, &fixture.editor, hour, "updateArticle", yours).await?;
        assert_eq!(payload["userErrors"][0]["code"], "STALE", "{payload}");
        assert_eq!(payload["conflict"]["yours"]["changed"], json!(["LEAD"]));
    }
    Ok(())
}

#[tokio::test]
async fn one_of_two_concurrent_writes_wins() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let other = fixture.app.who("سامي", Role::Editor).await?;
        let id = &draft(&fixture).await?["id"];
        for version in 1..=8 {
            let input = |lead: &str| json!({"id": id, "version": version, "lead": format!("{lead} {version}")});
            let hour = newsroom::now();
            let (one, two) = tokio::join!(
                write_at(
                    &fixture,
                    &fixture.editor,
                    hour,
                    "updateArticle",
                    input("ليلى")
                ),
                write_at(&fixture, &other, hour, "updateArticle", input("سامي")),
            );
            let (one, two) = (one?, two?);
            let won = [&one, &two]
                .iter()
                .filter(|it| !it["article"].is_null())
                .count();
            assert_eq!(won, 1, "{one}\n{two}");
            let lost = if one["article"].is_null() { &one } else { &two };
            assert_eq!(lost["userErrors"][0]["code"], "STALE");
            assert_eq!(lost["conflict"]["theirs"]["changed"], json!(["LEAD"]));
        }
        let found = fixture
            .ask(&fixture.editor, REVISIONS, json!({"id": id}))
            .await?;
        assert_eq!(found["article"]["revisions"]["totalCount"], 9);
    }
    Ok(())
}

#[tokio::test]
async fn restoring_a_revision_creates_a_new_version() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let id = &draft(&fixture).await?["id"];
        let input = json!({"id": id, "version": 1, "headline": "عنوان آخر", "slug": "عنوان", "lead": null, "body": null});
        mutate(&fixture, &fixture.editor, "updateArticle", input).await?;
        let input = json!({"id": id, "version": 2, "restore": 1, "note": "كان أفضل"});
        let back = mutate(&fixture, &fixture.editor, "restoreRevision", input).await?;
        assert_eq!(back["version"], 3);
        assert_eq!(back["headline"], "افتتاح الميناء الجديد");
        assert_eq!(back["lead"], "ملخص الخبر");
        assert_eq!(back["bodyText"], "افتتح الوزير الميناء صباح اليوم.");
        assert_eq!(back["slug"], "عنوان");
        let stale = json!({"id": id, "version": 1, "restore": 1});
        assert_eq!(
            refused(&fixture, &fixture.editor, "restoreRevision", stale)
                .await?
                .1,
            "STALE"
        );
        let unknown = json!({"id": id, "version": 3, "restore": 7});
        let unknown = refused(&fixture, &fixture.editor, "restoreRevision", unknown).await?;
        assert_eq!(unknown, ("restore".to_owned(), "NOT_FOUND".to_owned()));

        // Restoring a revision of a published article is a correction, which requires a note.
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({"id": id}),
        )
        .await?;
        let mut input = json!({"id": id, "version": 4, "restore": 2});
        let silent = refused(&fixture, &fixture.editor, "restoreRevision", input.clone()).await?;
        assert_eq!(silent, ("note".to_owned(), "INVALID".to_owned()));
        input["note"] = json!("أعيد العنوان");
        let back = mutate(&fixture, &fixture.editor, "restoreRevision", input).await?;
        assert_eq!(back["headline"], "عنوان آخر");
        assert_eq!(back["corrections"][0]["note"], "أعيد العنوان");
    }
    Ok(())
}

/// Restoring a revision resolves its references to the present: a merged story is replaced by the
/// story it was merged into, and a deleted section is omitted.
#[tokio::test]
async fn restoring_a_revision_adapts_missing_references() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let admin = fixture.app.who("مدير", Role::Admin).await?;
        let make = async |name: &str, of: &str, title: &str| -> anyhow::Result<Value> {
            let input = json!({of: title});
            let document = format!(
                "mutation ($input: Create{name}Input!) {{ create{name}(input: $input) {{
                    {} {{ id }} userErrors {{ message }} }} }}",
                name.to_lowercase()
            );
            let payload = fixture.write(&admin, &document, input).await?;
            Ok(payload[name.to_lowercase()]["id"].clone())
        };
        let mut stories = Vec::new();
        for title in ["سد الوادي", "ماء المدينة", "الأنهار", "المطر"]
        {
            stories.push(make("Story", "title", title).await?);
        }
        let section = make("Section", "name", "مياه").await?;
        let input = json!({"headline": "السد يمتلئ", "section": section,
            "stories": [stories[0], stories[3], stories[1]]});
        let id = &mutate(&fixture, &fixture.editor, "createArticle", input).await?["id"];
        let input = json!({"id": id, "version": 1, "section": null, "stories": []});
        mutate(&fixture, &fixture.editor, "updateArticle", input).await?;

        // Merge the first story into the second and the second into the third, so that both resolve
        // to the third.
        let merge = "mutation ($input: MergeStoriesInput!) { mergeStories(input: $input) {
            userErrors { message } } }";
        for (from, into) in [(0, 1), (1, 2)] {
            let input = json!({"from": stories[from], "into": stories[into]});
            let payload = fixture.write(&admin, merge, input).await?;
            assert_eq!(payload["userErrors"], json!([]));
        }
        let delete = "mutation ($input: DeleteSectionInput!) { deleteSection(input: $input) {
            userErrors { message } } }";
        let payload = fixture
            .write(&admin, delete, json!({"id": section}))
            .await?;
        assert_eq!(payload["userErrors"], json!([]));

        let input = json!({"id": id, "version": 2, "restore": 1});
        mutate(&fixture, &fixture.editor, "restoreRevision", input).await?;
        let read = "query ($id: ID!) { article(id: $id) { section { id } stories { id } } }";
        let found = fixture
            .ask(&fixture.editor, read, json!({"id": id}))
            .await?;
        assert_eq!(
            found["article"],
            json!({"section": null, "stories": [{"id": stories[2]}, {"id": stories[3]}]})
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_imported_text_is_kept_as_a_revision() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let read =
            r#"{ article(slug: "سوق-السمك-يعود-إلى-الرصيف-القديم") { id version headline } }"#;
        let fish = &fixture.ask(&Who::anonymous(), read, json!({})).await?["article"];
        let input = json!({"id": fish["id"], "version": fish["version"], "headline": "سوق السمك يعود", "note": "عنوان أقصر"});
        mutate(&fixture, &fixture.editor, "correctArticle", input).await?;
        let found = fixture
            .ask(&fixture.editor, REVISIONS, json!({"id": fish["id"]}))
            .await?;
        let nodes = &found["article"]["revisions"]["nodes"];
        assert_eq!(nodes[0]["step"], "CORRECT");
        assert_eq!(nodes[1]["headline"], fish["headline"]);
        assert_eq!(
            (&nodes[1]["authorName"], &nodes[1]["step"]),
            (&json!("khabar"), &json!("PUBLISH"))
        );
    }
    Ok(())
}
