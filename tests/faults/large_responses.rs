//! Answer size limits: a small document cannot request more than the server has memory for.

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::TestDb;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::newsroom;
use crate::server::Launch;

/// Maximum growth of the server's memory during an attack, in bytes.
const MOST: u64 = 256 << 20;

/// Returns a selection of one field, repeated under different aliases.
pub(crate) fn aliased(field: &str, times: usize) -> String {
    let fields = (0..times).map(|n| format!("a{n}: {field}"));
    fields.collect::<Vec<_>>().join(" ")
}

/// Returns a body close to the size limit, made of numbered variants of `word`.
pub(crate) fn large_body(word: &str) -> Vec<Value> {
    let paragraph = |n: usize| {
        let words = (0..4_000).map(|m| format!("{word}{}", (n * 7 + m) % 90));
        let text: String = words
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(19_990)
            .collect();
        json!({"paragraph": {"text": text.trim()}})
    };
    (0..45).map(paragraph).collect()
}

/// Publishes an article with this body and returns its ID and version.
pub(crate) async fn publish(editor: &Client, body: &[Value]) -> anyhow::Result<(String, i64)> {
    let input = json!({"headline": "A long read", "body": body});
    let document = "mutation ($input: CreateArticleInput!) {
        createArticle(input: $input) { article { id } userErrors { message } } }";
    let created = editor.post(document, json!({ "input": input })).await?;
    let created = created.data()?;
    let id = created["createArticle"]["article"]["id"].as_str();
    let id = id.with_context(|| format!("{created}"))?.to_owned();
    let document = "mutation ($id: ID!) {
        publishArticle(input: {id: $id}) { article { status version } userErrors { message } } }";
    let published = editor.post(document, json!({ "id": id })).await?.data()?;
    let article = &published["publishArticle"]["article"];
    ensure!(article["status"] == "PUBLISHED", "{published}");
    Ok((id, article["version"].as_i64().context("no version")?))
}

/// Returns a client with the administrator role.
pub(crate) async fn editor(db: &TestDb, client: &Client) -> anyhow::Result<Client> {
    let token = newsroom::token(db, "ليلى", Role::Admin).await?;
    Ok(client.with_token(&token))
}

#[tokio::test]
async fn a_small_document_cannot_produce_a_huge_response() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let editor = editor(&db, &server.client).await?;
        let (id, version) = publish(&editor, &large_body("word")).await?;
        let of_article = |fields: &str| format!("{{ article(id: \"{id}\") {{ {fields} }} }}");
        let before = server.memory()?;

        // Refused before execution: the complexity estimate covers these fields.
        for field in ["bodyText", "bodyHtml"] {
            let query = of_article(&aliased(field, 199));
            for response in [
                server.client.get(&query).await?,
                server.client.post(&query, Value::Null).await?,
            ] {
                ensure!(
                    response.code() == "LIMIT_COMPLEXITY",
                    "{field}: {response:?}"
                );
            }
        }

        // Documents that pass this check are stopped when the response gets too large, by GET as by POST.
        let block = "... on ParagraphBlock";
        let texts = aliased("text", 190);
        let revisions = aliased("revision(version: 1) { bodyText }", 90);
        // One article is resolved once, and copied a hundred times.
        let copies = vec![format!("\"{id}\""); 100].join(", ");
        let copies = format!("{{ nodes(ids: [{copies}]) {{ ... on Article {{ bodyText }} }} }}");
        for (case, asker, query) in [
            (
                "text",
                &server.client,
                of_article(&aliased("bodyText", 190)),
            ),
            (
                "html",
                &server.client,
                of_article(&aliased("bodyHtml", 190)),
            ),
            (
                "blocks",
                &server.client,
                of_article(&format!("body {{ {block} {{ {texts} }} }}")),
            ),
            ("copies", &server.client, copies),
            ("revisions", &editor, of_article(&revisions)),
            (
                "lists",
                &server.client,
                format!(
                    "{{ articles(first: 1) {{ nodes {{ {} }} }} }}",
                    aliased("bodyText", 190)
                ),
            ),
        ] {
            let by_get = asker.get(&query).await?;
            ensure!(
                by_get.code() == "LIMIT_RESPONSE_BYTES",
                "{case}: {by_get:?}"
            );
            let mut eight = JoinSet::new();
            for _ in 0..8 {
                let (asker, query) = (asker.clone(), query.clone());
                eight.spawn(async move { asker.post(&query, Value::Null).await });
            }
            let by_post = eight.join_all().await.into_iter();
            for response in by_post.chain([Ok(by_get)]) {
                let response = response?;
                // Parallel requests may exceed the shared limit before a single one exceeds its own.
                let codes = ["LIMIT_RESPONSE_BYTES", "OVERLOADED"];
                ensure!(codes.contains(&&*response.code()), "{case}: {response:?}");
                ensure!(response.json()?["data"].is_null(), "{case}: {response:?}");
                ensure!(
                    response.text.len() < 1_000,
                    "{case}: {}",
                    response.text.len()
                );
            }
            let moved = server.peak_memory()?.saturating_sub(before);
            ensure!(moved < MOST, "{case}: {} MiB", moved >> 20);
        }

        // A completed write is not rolled back, and the error says so.
        let query = format!(
            "mutation {{ correctArticle(input: {{id: \"{id}\", version: {version}, headline: \"Corrected\", note: \"Typo.\"}}) {{ article {{ {} }} userErrors {{ message }} }} }}",
            aliased("bodyText", 190)
        );
        let response = editor.post(&query, Value::Null).await?;
        ensure!(response.code() == "LIMIT_RESPONSE_BYTES", "{response:?}");
        ensure!(response.text.contains("have been saved"), "{response:?}");
        let response = server.client.get(&of_article("headline")).await?.data()?;
        ensure!(response["article"]["headline"] == "Corrected", "{response}");

        // The largest article can be read in all formats in one request.
        let whole = of_article("bodyText bodyHtml body { ... on ParagraphBlock { text html } }");
        let whole = server.client.get(&whole).await?.data()?;
        let length = whole["article"]["bodyText"].as_str().map_or(0, str::len);
        ensure!(length > 890_000, "{length}");
    }
    Ok(())
}

/// Each response alone is allowed. All 64 together would take about a gigabyte.
#[tokio::test]
async fn concurrent_large_responses_share_a_memory_limit() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    // The least part that they may have: that of one response, for its values and for its text.
    let server = Launch::over(db.url())
        .set("limits.concurrent_response_bytes", 1)
        .start()
        .await?;
    let editor = editor(&db, &server.client).await?;
    let (id, _) = publish(&editor, &large_body("word")).await?;
    let large = |number: usize| {
        let texts = aliased("bodyText", 17);
        format!("query Large{number} {{ article(id: \"{id}\") {{ {texts} }} }}")
    };
    let alone = server.client.post(&large(0), Value::Null).await?;
    ensure!(alone.data().is_ok() && alone.text.len() > 14 << 20);
    let before = server.memory()?;
    let mut many = JoinSet::new();
    for number in 1..=64 {
        let (client, query) = (server.client.clone(), large(number));
        many.spawn(async move { client.post(&query, Value::Null).await });
    }
    let (mut refused, mut crowded) = (0, 0);
    for response in many.join_all().await {
        let response = response?;
        if response.status != 200 {
            // A busy machine may not response all of them in time.
            let codes = ["OVERLOADED", "REQUEST_TIMEOUT"];
            ensure!(codes.contains(&&*response.code()), "{response:?}");
            ensure!(!response.header("retry-after").is_empty(), "{response:?}");
            refused += 1;
            crowded += u32::from(response.text.contains("limits.concurrent_response_bytes"));
        }
    }
    ensure!(
        crowded > 0,
        "{refused} were refused, and none of them because of the others"
    );
    let moved = server.peak_memory()?.saturating_sub(before);
    ensure!(moved < MOST, "{} MiB", moved >> 20);
    // The memory reserved for them is released.
    let again = server.client.post(&large(0), Value::Null).await?;
    ensure!(again.status == 200, "{again:?}");
    server.kill().await
}
