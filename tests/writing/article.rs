//! Tests of writing articles.

mod contributor;
mod input;
mod related;
mod unpublished;

use chrono::{DateTime, Utc};
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;

/// Builds the document of an article mutation that selects every field editors use.
pub(crate) fn mutation(name: &str) -> String {
    let input = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    format!(
        "mutation ($input: {input}!) {{ {name}(input: $input) {{
            article {{ id slug headline lead status version kind language direction excerpt
                hasPhotos hasVideo hasAudio canonicalUrl bodyHtml bodyText readingMinutes isStub
                hero {{ id }} source {{ id }} section {{ id }} authors {{ id }} topics {{ id }}
                stories {{ id }} firstPublishedAt publishedAt updatedAt listedAt scheduledFor
                embargoUntil corrections {{ note version at }} }}
            conflict {{ currentVersion base {{ version headline }}
                theirs {{ from to changed headline {{ op text }} }}
                yours {{ from to changed headline {{ op text }} body {{ op }} }} }}
            userErrors {{ field code message }} idempotencyKey }} }}"
    )
}

/// Sends an article mutation as `who` at the time `hour`, and returns its payload.
pub(crate) async fn write_at(
    fixture: &Fixture,
    who: &Who,
    hour: DateTime<Utc>,
    name: &str,
    input: Value,
) -> anyhow::Result<Value> {
    let variables = json!({ "input": input });
    let document = mutation(name);
    let answered = fixture.app.ask_as(who, hour, &document, &variables);
    let mut value = answered.await?.value()?;
    anyhow::ensure!(value["errors"].is_null(), "{name}: {}", value["errors"]);
    Ok(value["data"][name].take())
}

/// Sends an article mutation that must succeed, at the usual time. Returns the article.
pub(crate) async fn mutate(
    fixture: &Fixture,
    who: &Who,
    name: &str,
    input: Value,
) -> anyhow::Result<Value> {
    let payload = write_at(fixture, who, newsroom::now(), name, input).await?;
    anyhow::ensure!(payload["userErrors"] == json!([]), "{name}: {payload}");
    Ok(payload["article"].clone())
}

/// Sends an article mutation that must be refused, at the usual time. Returns the field path and the
/// error code.
pub(crate) async fn refused(
    fixture: &Fixture,
    who: &Who,
    name: &str,
    input: Value,
) -> anyhow::Result<(String, String)> {
    let payload = write_at(fixture, who, newsroom::now(), name, input).await?;
    anyhow::ensure!(
        payload["article"].is_null(),
        "{name} was carried out: {payload}"
    );
    let error = &payload["userErrors"][0];
    let field = error["field"].as_array().into_iter().flatten();
    let field: Vec<_> = field.filter_map(Value::as_str).collect();
    Ok((
        field.join("."),
        error["code"].as_str().unwrap_or_default().to_owned(),
    ))
}

/// Creates a draft as the editor.
pub(crate) async fn draft(fixture: &Fixture) -> anyhow::Result<Value> {
    let input = json!({"headline": "افتتاح الميناء الجديد", "lead": "ملخص الخبر",
        "body": [{"paragraph": {"text": "افتتح الوزير الميناء صباح اليوم."}}]});
    mutate(fixture, &fixture.editor, "createArticle", input).await
}

/// Returns IDs of objects in the small newsroom.
pub(crate) async fn shelf(fixture: &Fixture) -> anyhow::Result<Value> {
    let document = r#"{
        boats: article(slug: "جولة-في-ورش-صناعة-القوارب") { id hero { id } authors { id } }
        race: article(slug: "سباق-القوارب-يجمع-ثلاث-قرى") { id hero { id } }
        fish: article(slug: "سوق-السمك-يعود-إلى-الرصيف-القديم") { id source { id } topics { id }
            section { id slug } }
        bridge: article(slug: "انتهاء-أساسات-الجسر-الجديد") { id stories { id slug } }
        abroad: article(slug: "three-villages-race-their-boats", edition: "en") { id } }"#;
    fixture.ask(&Who::anonymous(), document, json!({})).await
}

#[tokio::test]
async fn an_article_is_created_with_every_field() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let shelf = shelf(&fixture).await?;
        let (picture, film) = (&shelf["boats"]["hero"]["id"], &shelf["race"]["hero"]["id"]);
        let fish = &shelf["fish"];
        let input = json!({
            "headline": "  افتتاح الميناء  الجديد ", "lead": "ملخص", "kind": "ANALYSIS",
            "canonicalUrl": "https://khabar.example/port", "hero": picture,
            "hasPhotos": true, "source": fish["source"]["id"], "section": fish["section"]["id"],
            "authors": [shelf["boats"]["authors"][0]["id"]], "topics": [fish["topics"][0]["id"]],
            "stories": [shelf["bridge"]["stories"][0]["id"]], "idempotencyKey": "one",
            "body": [
                {"paragraph": {"runs": [{"text": "افتتح "}, {"text": "الوزير", "strong": true,
                    "emphasis": true, "link": "https://khabar.example/minister"}]}},
                {"heading": {"text": "خلفية", "level": 3}},
                {"quotation": {"quote": {"text": "يوم كبير"}, "attribution": "الوزير"}},
                {"list": {"ordered": true, "items": [{"text": "أول"}, {"text": "ثان"}]}},
                {"image": {"image": picture}},
                {"gallery": {"images": [picture, picture]}},
                {"video": {"video": film}},
                {"embed": {"provider": "موقع", "url": "https://embed.example/1", "title": "عنوان"}},
                {"table": {"caption": "أرقام", "header": ["سنة"], "rows": [["2024"], ["2025"]]}},
            ]
        });
        let payload = write_at(
            &fixture,
            &fixture.editor,
            newsroom::now(),
            "createArticle",
            input.clone(),
        );
        let payload = payload.await?;
        assert_eq!(payload["userErrors"], json!([]));
        let article = &payload["article"];
        assert_eq!(article["headline"], "افتتاح الميناء الجديد");
        assert_eq!(article["slug"], "افتتاح-الميناء-الجديد");
        assert_eq!(article["status"], "DRAFT");
        assert_eq!(article["version"], 1);
        assert_eq!(article["direction"], "RTL");
        assert_eq!(article["hero"]["id"], *picture);
        assert_eq!(article["excerpt"], "ملخص");
        assert_eq!(article["publishedAt"], json!(null));
        let html = article["bodyHtml"].as_str().unwrap_or_default();
        let link = "<a href=\"https://khabar.example/minister\" rel=\"noopener noreferrer\"><strong><em>الوزير</em></strong></a>";
        for part in [link, "<h3>", "<blockquote", "<ol>", "<img", "<table"] {
            assert!(html.contains(part), "{part} is not in {html}");
        }

        // A retry creates no second article. The slug of a repeated headline gets a number.
        let again = write_at(
            &fixture,
            &fixture.editor,
            newsroom::now(),
            "createArticle",
            input,
        );
        assert_eq!(again.await?["article"]["id"], article["id"]);
        let second = mutate(
            &fixture,
            &fixture.editor,
            "createArticle",
            json!({"headline": "افتتاح الميناء الجديد"}),
        );
        assert_eq!(second.await?["slug"], "افتتاح-الميناء-الجديد-2");
    }
    Ok(())
}

#[tokio::test]
async fn a_patch_changes_only_its_fields() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let shelf = shelf(&fixture).await?;
        let article = draft(&fixture).await?;
        let id = &article["id"];
        let authors = json!([shelf["boats"]["authors"][0]["id"]]);
        let input = json!({"id": id, "version": 1, "headline": "عنوان آخر", "hero": shelf["boats"]["hero"]["id"],
            "authors": authors, "language": "en", "hasVideo": true, "note": "صورة"});
        let changed = mutate(&fixture, &fixture.editor, "updateArticle", input).await?;
        assert_eq!(changed["version"], 2);
        assert_eq!(changed["lead"], "ملخص الخبر");
        assert_eq!(changed["bodyText"], article["bodyText"]);
        assert_eq!(changed["direction"], "LTR");
        // The slug is unchanged unless the patch names it.
        assert_eq!(changed["slug"], article["slug"]);

        let input = json!({"id": id, "version": 2, "lead": null, "hero": null, "authors": null, "body": null});
        let cleared = mutate(&fixture, &fixture.editor, "updateArticle", input).await?;
        for field in ["lead", "hero"] {
            assert_eq!(cleared[field], json!(null), "{field}");
        }
        assert_eq!(cleared["authors"], json!([]));
        assert_eq!(cleared["bodyText"], "");
        assert_eq!(cleared["hasVideo"], true);

        // Saving without a change creates no version.
        let same = json!({"id": id, "version": 3, "headline": "عنوان آخر"});
        let same = mutate(&fixture, &fixture.editor, "updateArticle", same).await?;
        assert_eq!(same["version"], 3);
    }
    Ok(())
}

#[tokio::test]
async fn a_former_slug_redirects_to_its_article() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let id = &draft(&fixture).await?["id"];
        mutate(
            &fixture,
            &fixture.editor,
            "publishArticle",
            json!({"id": id}),
        )
        .await?;
        let input = json!({"id": id, "version": 2, "slug": "الميناء", "silent": true});
        mutate(&fixture, &fixture.editor, "correctArticle", input).await?;
        let read = "{ article(slug: \"افتتاح-الميناء-الجديد\") { id slug } }";
        let found = fixture.ask(&Who::anonymous(), read, json!({})).await?;
        assert_eq!(found["article"], json!({"id": id, "slug": "الميناء"}));
        let taken =
            json!({"id": id, "version": 3, "slug": "سباق-القوارب-يجمع-ثلاث-قرى", "silent": true});
        let taken = refused(&fixture, &fixture.editor, "correctArticle", taken).await?;
        assert_eq!(taken, ("slug".to_owned(), "TAKEN".to_owned()));
    }
    Ok(())
}

/// Root fields are nullable: a mutation that was carried out is reported even if the next one fails.
#[tokio::test]
async fn an_error_does_not_hide_the_mutations_before_it() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let document = "mutation {
            first: createTopic(input: {name: \"موضوع\"}) { topic { name } }
            second: createToken(input: {name: \"x\", role: READER}) { userErrors { message } }
        }";
        let nothing = json!({});
        let asked = fixture
            .app
            .ask_as(&fixture.editor, newsroom::now(), document, &nothing);
        let response = asked.await?.value()?;
        assert_eq!(response["data"]["first"]["topic"]["name"], "موضوع");
        assert!(response["data"]["second"].is_null(), "{response}");
        assert_eq!(response["errors"][0]["path"], json!(["second"]));
        assert_eq!(response["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }
    Ok(())
}
