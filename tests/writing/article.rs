//! Tests of writing articles.

use chrono::{DateTime, Utc};
use khabar_domain::Role;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use crate::Desk;

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
    desk: &Desk,
    who: &Who,
    hour: DateTime<Utc>,
    name: &str,
    input: Value,
) -> anyhow::Result<Value> {
    let variables = json!({ "input": input });
    let document = mutation(name);
    let answered = desk.app.ask_as(who, hour, &document, &variables);
    let mut value = answered.await?.value()?;
    anyhow::ensure!(value["errors"].is_null(), "{name}: {}", value["errors"]);
    Ok(value["data"][name].take())
}

/// Sends an article mutation that must succeed, at the usual time. Returns the article.
pub(crate) async fn done(
    desk: &Desk,
    who: &Who,
    name: &str,
    input: Value,
) -> anyhow::Result<Value> {
    let payload = write_at(desk, who, newsroom::now(), name, input).await?;
    anyhow::ensure!(payload["userErrors"] == json!([]), "{name}: {payload}");
    Ok(payload["article"].clone())
}

/// Sends an article mutation that must be refused, at the usual time. Returns the field path and the
/// error code.
pub(crate) async fn refused(
    desk: &Desk,
    who: &Who,
    name: &str,
    input: Value,
) -> anyhow::Result<(String, String)> {
    let payload = write_at(desk, who, newsroom::now(), name, input).await?;
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
pub(crate) async fn draft(desk: &Desk) -> anyhow::Result<Value> {
    let input = json!({"headline": "افتتاح الميناء الجديد", "lead": "ملخص الخبر",
        "body": [{"paragraph": {"text": "افتتح الوزير الميناء صباح اليوم."}}]});
    done(desk, &desk.editor, "createArticle", input).await
}

/// Returns IDs of objects in the small newsroom.
pub(crate) async fn shelf(desk: &Desk) -> anyhow::Result<Value> {
    let document = r#"{
        boats: article(slug: "جولة-في-ورش-صناعة-القوارب") { id hero { id } authors { id } }
        race: article(slug: "سباق-القوارب-يجمع-ثلاث-قرى") { id hero { id } }
        fish: article(slug: "سوق-السمك-يعود-إلى-الرصيف-القديم") { id source { id } topics { id }
            section { id slug } }
        bridge: article(slug: "انتهاء-أساسات-الجسر-الجديد") { id stories { id slug } }
        abroad: article(slug: "three-villages-race-their-boats", edition: "en") { id } }"#;
    desk.ask(&Who::anonymous(), document, json!({})).await
}

#[tokio::test]
async fn an_article_is_written_with_all_that_it_can_have() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let shelf = shelf(&desk).await?;
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
            &desk,
            &desk.editor,
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
        let again = write_at(&desk, &desk.editor, newsroom::now(), "createArticle", input);
        assert_eq!(again.await?["article"]["id"], article["id"]);
        let second = done(
            &desk,
            &desk.editor,
            "createArticle",
            json!({"headline": "افتتاح الميناء الجديد"}),
        );
        assert_eq!(second.await?["slug"], "افتتاح-الميناء-الجديد-2");
    }
    Ok(())
}

#[tokio::test]
async fn a_patch_changes_what_it_names() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let shelf = shelf(&desk).await?;
        let article = draft(&desk).await?;
        let id = &article["id"];
        let authors = json!([shelf["boats"]["authors"][0]["id"]]);
        let input = json!({"id": id, "version": 1, "headline": "عنوان آخر", "hero": shelf["boats"]["hero"]["id"],
            "authors": authors, "language": "en", "hasVideo": true, "note": "صورة"});
        let changed = done(&desk, &desk.editor, "updateArticle", input).await?;
        assert_eq!(changed["version"], 2);
        assert_eq!(changed["lead"], "ملخص الخبر");
        assert_eq!(changed["bodyText"], article["bodyText"]);
        assert_eq!(changed["direction"], "LTR");
        // The slug is unchanged unless the patch names it.
        assert_eq!(changed["slug"], article["slug"]);

        let input = json!({"id": id, "version": 2, "lead": null, "hero": null, "authors": null, "body": null});
        let cleared = done(&desk, &desk.editor, "updateArticle", input).await?;
        for field in ["lead", "hero"] {
            assert_eq!(cleared[field], json!(null), "{field}");
        }
        assert_eq!(cleared["authors"], json!([]));
        assert_eq!(cleared["bodyText"], "");
        assert_eq!(cleared["hasVideo"], true);

        // Saving without a change creates no version.
        let same = json!({"id": id, "version": 3, "headline": "عنوان آخر"});
        let same = done(&desk, &desk.editor, "updateArticle", same).await?;
        assert_eq!(same["version"], 3);
    }
    Ok(())
}

#[tokio::test]
async fn a_changed_slug_still_leads_to_its_article() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let id = &draft(&desk).await?["id"];
        done(&desk, &desk.editor, "publishArticle", json!({"id": id})).await?;
        let input = json!({"id": id, "version": 2, "slug": "الميناء", "silent": true});
        done(&desk, &desk.editor, "correctArticle", input).await?;
        let read = "{ article(slug: \"افتتاح-الميناء-الجديد\") { id slug } }";
        let found = desk.ask(&Who::anonymous(), read, json!({})).await?;
        assert_eq!(found["article"], json!({"id": id, "slug": "الميناء"}));
        let taken =
            json!({"id": id, "version": 3, "slug": "سباق-القوارب-يجمع-ثلاث-قرى", "silent": true});
        let taken = refused(&desk, &desk.editor, "correctArticle", taken).await?;
        assert_eq!(taken, ("slug".to_owned(), "TAKEN".to_owned()));
    }
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "a list of cases, one after another")]
#[tokio::test]
async fn bad_input_is_told_where() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let shelf = shelf(&desk).await?;
        let (picture, film) = (&shelf["boats"]["hero"]["id"], &shelf["race"]["hero"]["id"]);
        let author = &shelf["boats"]["authors"][0]["id"];
        let taken = json!({"headline": "خبر", "canonicalUrl": "https://khabar.example/taken"});
        done(&desk, &desk.editor, "createArticle", taken).await?;
        let unknown = "BwAAAAAAAAAAAAAAAAAAAAc";
        let cases = [
            (json!({"headline": " "}), "headline", "INVALID"),
            (json!({"headline": "خ".repeat(301)}), "headline", "INVALID"),
            (json!({"headline": "a\u{202e}b"}), "headline", "INVALID"),
            (json!({"headline": "a\u{7}b"}), "headline", "INVALID"),
            (json!({"headline": "؟!"}), "slug", "INVALID"),
            (json!({"lead": "خ".repeat(4_001)}), "lead", "INVALID"),
            (json!({"lead": "a\u{2066}b"}), "lead", "INVALID"),
            (json!({"edition": "xx"}), "edition", "NOT_FOUND"),
            (
                json!({"canonicalUrl": "https://khabar.example/taken"}),
                "canonicalUrl",
                "TAKEN",
            ),
            (
                json!({"slug": "سباق-القوارب-يجمع-ثلاث-قرى"}),
                "slug",
                "TAKEN",
            ),
            (json!({"hero": author}), "hero", "INVALID"),
            (json!({"hero": "nonsense"}), "hero", "INVALID"),
            (
                json!({"hero": "BgAAAAAAAAAAAAAAAAAAAAc"}),
                "hero",
                "NOT_FOUND",
            ),
            (
                json!({"authors": [author, unknown]}),
                "authors.1",
                "NOT_FOUND",
            ),
            (json!({"authors": [author, author]}), "authors.1", "INVALID"),
            (json!({"authors": vec![author; 101]}), "authors", "INVALID"),
            (json!({"topics": [author]}), "topics.0", "INVALID"),
            (
                json!({"section": shelf["fish"]["source"]["id"]}),
                "section",
                "INVALID",
            ),
            // Objects of another edition are not found.
            (
                json!({"edition": "en", "section": shelf["fish"]["section"]["id"]}),
                "section",
                "NOT_FOUND",
            ),
            (
                json!({"body": [{"paragraph": {"text": " "}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"paragraph": {"text": "خ".repeat(20_001)}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"paragraph": {"runs": []}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"heading": {"text": "خ", "level": 1}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"heading": {"text": "خ", "level": -1}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"embed": {"provider": "موقع", "url": "/e", "title": "a\u{202e}b"}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"table": {"rows": [["a"], []]}}]}),
                "body",
                "INVALID",
            ),
            (
                json!({"body": [{"paragraph": {"text": "خ"}}, {"image": {"image": film}}]}),
                "body.1",
                "NOT_FOUND",
            ),
            (
                json!({"body": [{"video": {"video": picture}}]}),
                "body.0",
                "NOT_FOUND",
            ),
            (
                json!({"body": [{"image": {"image": author}}]}),
                "body.0",
                "INVALID",
            ),
        ];
        for (part, field, code) in cases {
            let mut input = json!({"headline": "خبر"});
            for (name, value) in part.as_object().into_iter().flatten() {
                input[name] = value.clone();
            }
            let found = refused(&desk, &desk.editor, "createArticle", input).await?;
            assert_eq!(found, (field.to_owned(), code.to_owned()), "{part}");
        }
        // Input that does not match its type is rejected before the mutation runs.
        for part in [
            json!({"canonicalUrl": "javascript:alert(1)"}),
            json!({"slug": "a b"}),
            json!({"body": [{"paragraph": {"text": "a"}, "image": {"image": picture}}]}),
        ] {
            let mut input = json!({"headline": "خبر"});
            for (name, value) in part.as_object().into_iter().flatten() {
                input[name] = value.clone();
            }
            let code = desk
                .refused(&desk.editor, &mutation("createArticle"), input)
                .await?;
            assert!(
                ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code.as_str()),
                "{part}: {code}"
            );
        }
        // Refused input leaves nothing behind.
        let read = "{ unpublishedArticles { totalCount nodes { headline } } }";
        let found = desk.ask(&desk.editor, read, json!({})).await?;
        let drafts = found["unpublishedArticles"]["nodes"]
            .as_array()
            .into_iter()
            .flatten();
        assert_eq!(drafts.filter(|draft| draft["headline"] == "خبر").count(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_related_by_hand_stands_above_what_was_computed() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let shelf = shelf(&desk).await?;
        let read = r"query ($id: ID!) { article(id: $id) { related { edges { origin rank node { id } } } } }";
        let links = async |id: &Value| -> anyhow::Result<Vec<(String, String)>> {
            let found = desk.ask(&Who::anonymous(), read, json!({"id": id})).await?;
            let edges = found["article"]["related"]["edges"].as_array().cloned();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let edges = edges.unwrap_or_default();
            Ok(edges
                .iter()
                .map(|edge| (text(&edge["origin"]), text(&edge["node"]["id"])))
                .collect())
        };
        // An article with computed links in the small newsroom.
        let all = desk
            .ask(
                &Who::anonymous(),
                "{ articles(first: 100) { nodes { id } } }",
                json!({}),
            )
            .await?;
        let mut with = None;
        for node in all["articles"]["nodes"].as_array().into_iter().flatten() {
            if links(&node["id"])
                .await?
                .iter()
                .any(|(origin, _)| origin == "COMPUTED")
            {
                with = Some(node["id"].clone());
            }
        }
        let id = with.expect("the small newsroom has computed links");
        let before = links(&id).await?;
        let computed: Vec<_> = before
            .iter()
            .filter(|(origin, _)| origin == "COMPUTED")
            .cloned()
            .collect();
        let others = [
            &shelf["boats"]["id"],
            &shelf["fish"]["id"],
            &shelf["race"]["id"],
        ];
        let chosen: Vec<_> = others
            .into_iter()
            .filter(|other| **other != id)
            .take(2)
            .cloned()
            .collect();
        let input = json!({"id": id, "articles": chosen});
        done(&desk, &desk.editor, "setRelated", input).await?;
        let after = links(&id).await?;
        let mut wanted: Vec<_> = chosen
            .iter()
            .map(|id| {
                (
                    "EDITORIAL".to_owned(),
                    id.as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        wanted.extend(
            computed
                .iter()
                .filter(|(_, to)| !chosen.contains(&json!(to)))
                .cloned(),
        );
        assert_eq!(after, wanted);

        for (articles, field, code) in [
            (json!([id]), "articles.0", "INVALID"),
            (json!([chosen[0], chosen[0]]), "articles.1", "INVALID"),
            (json!([shelf["abroad"]["id"]]), "articles.0", "NOT_FOUND"),
            (
                json!([shelf["boats"]["hero"]["id"]]),
                "articles.0",
                "INVALID",
            ),
        ] {
            let input = json!({"id": id, "articles": articles});
            let found = refused(&desk, &desk.editor, "setRelated", input).await?;
            assert_eq!(found, (field.to_owned(), code.to_owned()));
        }
        done(
            &desk,
            &desk.editor,
            "setRelated",
            json!({"id": id, "articles": []}),
        )
        .await?;
        assert!(
            links(&id)
                .await?
                .iter()
                .all(|(origin, _)| origin == "COMPUTED")
        );
    }
    Ok(())
}

#[tokio::test]
async fn contributors_keep_to_what_is_theirs() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let contributor = desk.app.who("نور", Role::Contributor).await?;
        let other = desk.app.who("سامي", Role::Contributor).await?;
        let own = done(
            &desk,
            &contributor,
            "createArticle",
            json!({"headline": "مسودة نور"}),
        );
        let id = &own.await?["id"];
        let update = |id: &Value, version: i32| json!({"id": id, "version": version, "lead": format!("سطر {version}")});
        done(&desk, &contributor, "updateArticle", update(id, 1)).await?;
        // Another contributor's draft is not found. A published article is found but cannot be changed.
        let code = |code: &str| ("id".to_owned(), code.to_owned());
        assert_eq!(
            refused(&desk, &other, "updateArticle", update(id, 2)).await?,
            code("NOT_FOUND")
        );
        assert_eq!(
            refused(&desk, &other, "submitArticle", json!({"id": id})).await?,
            code("NOT_FOUND")
        );
        let shelf = shelf(&desk).await?;
        let published = update(&shelf["fish"]["id"], 1);
        assert_eq!(
            refused(&desk, &other, "updateArticle", published).await?,
            code("NOT_ALLOWED")
        );
        let read = "query ($id: ID!) { article(id: $id) { headline } }";
        assert_eq!(
            desk.ask(&other, read, json!({"id": id})).await?["article"],
            json!(null)
        );
        assert_eq!(
            desk.ask(&contributor, read, json!({"id": id})).await?["article"]["headline"],
            "مسودة نور"
        );
        // Once the editors have published it, the contributor can no longer change it.
        done(&desk, &contributor, "submitArticle", json!({"id": id})).await?;
        done(&desk, &contributor, "updateArticle", update(id, 3)).await?;
        done(&desk, &desk.editor, "publishArticle", json!({"id": id})).await?;
        assert_eq!(
            refused(&desk, &contributor, "updateArticle", update(id, 5)).await?,
            code("NOT_ALLOWED")
        );
        for step in ["publishArticle", "correctArticle", "withdrawArticle"] {
            let mut input = json!({"id": id});
            if step == "correctArticle" {
                input["version"] = json!(5);
            }
            if step == "withdrawArticle" {
                input["reason"] = json!("سبب");
            }
            assert_eq!(
                desk.refused(&contributor, &mutation(step), input).await?,
                "FORBIDDEN"
            );
        }
        let (anonymous, create) = (Who::anonymous(), mutation("createArticle"));
        let input = json!({"headline": "خبر"});
        let code = desk.refused(&anonymous, &create, input).await?;
        assert_eq!(code, "UNAUTHENTICATED");
    }
    Ok(())
}

#[tokio::test]
async fn the_desk_shows_what_lies_on_it() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let contributor = desk.app.who("نور", Role::Contributor).await?;
        let first = done(
            &desk,
            &contributor,
            "createArticle",
            json!({"headline": "أولى"}),
        )
        .await?;
        let hour = newsroom::now() + chrono::Duration::minutes(1);
        write_at(
            &desk,
            &desk.editor,
            hour,
            "createArticle",
            json!({"headline": "ثانية"}),
        )
        .await?;
        let read = "query ($mine: Boolean, $status: ArticleStatus, $edition: Slug) {
            unpublishedArticles(mine: $mine, status: $status, edition: $edition, first: 50) { totalCount nodes { headline status } } }";
        let headlines = async |who: &Who, variables: Value| -> anyhow::Result<Vec<Value>> {
            let found = desk.ask(who, read, variables).await?;
            let nodes = found["unpublishedArticles"]["nodes"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            assert_eq!(
                found["unpublishedArticles"]["totalCount"],
                json!(nodes.len())
            );
            assert!(nodes.iter().all(|node| node["status"] != "PUBLISHED"));
            Ok(nodes.iter().map(|node| node["headline"].clone()).collect())
        };
        let all = headlines(&desk.editor, json!({})).await?;
        assert_eq!(all[..2], [json!("ثانية"), json!("أولى")]);
        assert!(all.len() > 2, "the small newsroom has drafts of its own");
        assert_eq!(
            headlines(&desk.editor, json!({"mine": true})).await?,
            ["ثانية"]
        );
        assert_eq!(headlines(&contributor, json!({})).await?, ["أولى"]);
        assert!(
            headlines(&contributor, json!({"status": "REVIEW"}))
                .await?
                .is_empty()
        );
        assert!(
            headlines(&desk.editor, json!({"status": "PUBLISHED"}))
                .await?
                .is_empty()
        );
        assert!(
            headlines(&desk.editor, json!({"edition": "none"}))
                .await?
                .is_empty()
        );
        // The most recently changed article comes first.
        let hour = hour + chrono::Duration::minutes(1);
        let input = json!({"id": first["id"], "version": 1, "lead": "سطر"});
        write_at(&desk, &contributor, hour, "updateArticle", input).await?;
        assert_eq!(
            headlines(&desk.editor, json!({})).await?[..2],
            [json!("أولى"), json!("ثانية")]
        );

        for (who, code) in [
            (Who::anonymous(), "UNAUTHENTICATED"),
            (desk.app.who("قارئ", Role::Reader).await?, "FORBIDDEN"),
        ] {
            let answer = desk
                .app
                .ask_as(
                    &who,
                    hour,
                    "{ unpublishedArticles { nodes { id } } }",
                    &json!({}),
                )
                .await?
                .value()?;
            assert_eq!(answer["errors"][0]["extensions"]["code"], code);
        }
    }
    Ok(())
}

/// Root fields are nullable: a mutation that was carried out is reported even if the next one fails.
#[tokio::test]
async fn an_error_does_not_hide_the_mutations_before_it() -> anyhow::Result<()> {
    for desk in Desk::each().await? {
        let document = "mutation {
            first: createTopic(input: {name: \"موضوع\"}) { topic { name } }
            second: createToken(input: {name: \"x\", role: READER}) { userErrors { message } }
        }";
        let nothing = json!({});
        let asked = desk
            .app
            .ask_as(&desk.editor, newsroom::now(), document, &nothing);
        let answer = asked.await?.value()?;
        assert_eq!(answer["data"]["first"]["topic"]["name"], "موضوع");
        assert!(answer["data"]["second"].is_null(), "{answer}");
        assert_eq!(answer["errors"][0]["path"], json!(["second"]));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }
    Ok(())
}
