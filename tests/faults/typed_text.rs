//! Normalisation of typed and pasted text, and of files with a byte order mark: differences in encoding
//! alone do not matter.

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::TestDb;
use serde_json::{Value, json};

use crate::newsroom;
use crate::server::Launch;

const CREATE: &str = "mutation($input: CreateArticleInput!) { createArticle(input: $input) { article { \
    headline lead bodyText } userErrors { message } } }";

#[tokio::test]
async fn typed_and_pasted_text_are_normalized_alike() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
        let editor = server.client.with_token(&token);
        let input = json!({
            "headline": "قال \u{2067}Reuters\u{2069}\r\nإن\u{feff}",
            "lead": "\u{202b}سطر\u{202c}\r\nآخر\u{200f}",
            "body": [
                { "paragraph": { "text": "سطر\r\nآخر" } },
                { "paragraph": { "runs": [{ "text": "\u{2067}من " }, { "text": "هنا\u{2069}\r\n" }] } },
                { "heading": { "text": "\u{202a}عنوان\u{202c}\r" } },
                { "quotation": { "quote": { "text": "قو\r\nل" }, "attribution": "e\u{301}\u{200b}" } },
                { "list": { "items": [{ "text": "أ\r\nب" }] } },
                { "table": { "rows": [["أ\r\n"]], "caption": "\u{2066}ج\u{2069}" } },
            ],
        });
        let response = editor.post(CREATE, json!({ "input": input })).await?;
        let article = response.data()?["createArticle"]["article"].clone();
        ensure!(article["headline"] == "قال Reuters إن", "{response:?}");
        ensure!(article["lead"] == "سطر\nآخر", "{response:?}");
        let text = article["bodyText"].as_str().context("no text")?;
        ensure!(
            text == "سطر\nآخر\n\nمن هنا\n\n\nعنوان\n\nقو\nل — é\n\nأ\nب\n\nج\n\nأ\n",
            "{text:?}"
        );
        // An unclosed directional control would reverse the text that follows it on the page.
        for open in ["a\u{202e}b", "a\u{2067}b\u{202c}", "a\u{2069}b"] {
            let input = json!({ "headline": open });
            let response = editor.post(CREATE, json!({ "input": input })).await?;
            ensure!(response.text.contains("may not be shown"), "{response:?}");
        }
    }
    Ok(())
}

/// The byte order mark (U+FEFF), which some editors write at the start of a file.
const MARK: &str = "\u{feff}";

#[tokio::test]
async fn a_leading_byte_order_mark_is_removed() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| -> anyhow::Result<String> {
            let path = folder.path().join(name);
            Ok(path.to_str().context("no UTF-8")?.to_owned())
        };
        let launch = Launch::over(db.url());
        let archive = file("newsroom.ndjson")?;
        let (ok, _, err) = launch.run(&["export", &archive]).await?;
        ensure!(ok, "{err}");
        std::fs::write(
            &archive,
            MARK.to_owned() + &std::fs::read_to_string(&archive)?,
        )?;
        for empty in TestDb::each().await? {
            let (ok, _, err) = Launch::over(empty.url())
                .run(&["restore", &archive])
                .await?;
            ensure!(ok, "{err}");
        }
        let manifest = file("manifest.json")?;
        std::fs::write(
            &manifest,
            MARK.to_owned() + r#"{"a1": "{ editions { name } }"}"#,
        )?;
        let (ok, _, err) = launch.run(&["documents", "register", &manifest]).await?;
        ensure!(ok, "{err}");

        let settings = file("khabar.toml")?;
        std::fs::write(&settings, MARK.to_owned() + "[limits]\ndepth = 9\n")?;
        let (ok, out, err) = launch.run(&["--config", &settings, "config"]).await?;
        let line = out.lines().find(|line| line.starts_with("limits.depth "));
        ensure!(
            ok && line.is_some_and(|line| line.contains(" 9 ")),
            "{out} {err}"
        );

        let server = launch.start().await?;
        let body = MARK.to_owned() + &json!({ "query": "{ editions { name } }" }).to_string();
        let response = server.client.post_body(body).await?;
        ensure!(response.data()?["editions"][0]["name"].is_string());
        let twice = format!("{MARK}{MARK}{{}}");
        let response = server.client.post_body(twice).await?;
        ensure!(response.status == 400, "{response:?}");
        let by_name = json!({ "documentId": "a1" }).to_string();
        let response = server.client.post_body(by_name).await?;
        ensure!(response.data()? != Value::Null);
    }
    Ok(())
}
