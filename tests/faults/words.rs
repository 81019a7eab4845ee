//! Tests of strings chosen by the client: they are bounded, invalid ones are refused by name, and a
//! retried write is recognised by its input.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::client::Client;
use crate::large_responses::editor;
use crate::newsroom;
use crate::server::Launch;

const CREATE: &str = "mutation ($input: CreateTopicInput!) {
    createTopic(input: $input) { topic { id name } userErrors { message } } }";

async fn create(client: &Client, input: Value) -> anyhow::Result<crate::client::HttpResponse> {
    client.post(CREATE, json!({ "input": input })).await
}

#[tokio::test]
async fn overlong_keys_and_control_characters_are_rejected() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let editor = editor(&db, &server.client).await?;
        let long = "x".repeat(100_000);
        for id in ["a\0b", "a\nb", &long, &"م".repeat(129)] {
            let input = json!({"name": "موضوع", "idempotencyKey": id});
            let response = create(&editor, input).await?;
            ensure!(response.code() == "BAD_USER_INPUT", "{response:?}");
            ensure!(response.text.contains("`idempotencyKey`"), "{response:?}");
            ensure!(response.text.len() < 2_000, "{}", response.text.len());
        }
        let id = "م".repeat(128);
        let response = create(&editor, json!({"name": "موضوع", "idempotencyKey": id})).await?;
        ensure!(
            response.data()?["createTopic"]["topic"]["id"].is_string(),
            "{response:?}"
        );

        for name in ["a\0b", "a\u{7}b", &long] {
            let hash = json!({"persistedQuery": {"version": 1, "sha256Hash": name}});
            for (what, body) in [
                ("documentId", json!({"documentId": name})),
                (
                    "operationName",
                    json!({"query": "{ __typename }", "operationName": name}),
                ),
                ("sha256Hash", json!({"extensions": hash})),
            ] {
                let response = server.client.post_json(&body).await?;
                ensure!(
                    response.status == 400 && response.code() == "BAD_REQUEST",
                    "{response:?}"
                );
                ensure!(response.text.contains(what), "{response:?}");
                ensure!(response.text.len() < 2_000, "{}", response.text.len());
            }
        }
        // All other lookups.
        for (query, words) in [
            ("query ($w: ID!) { node(id: $w) { id } }", "a\0b"),
            ("query ($w: ID!) { article(id: $w) { slug } }", "a\0b"),
            ("query ($w: Slug!) { article(slug: $w) { slug } }", "a\0b"),
            ("query ($w: Slug!) { edition(slug: $w) { slug } }", "a\0b"),
            (
                "query ($w: Url!) { article(url: $w) { slug } }",
                "https://a.example/\0",
            ),
            (
                "query ($w: String!) { articles(after: $w) { totalCount } }",
                "a\0b",
            ),
            (
                "query ($w: Language!) { articles(filter: {language: $w}) { totalCount } }",
                "a\0b",
            ),
        ] {
            for words in [words, &long] {
                let response = editor.post(query, json!({ "w": words })).await?;
                let code = response.code();
                ensure!(
                    code != "INTERNAL" && response.status < 500,
                    "{query}: {response:?}"
                );
                ensure!(
                    response.text.len() < 5_000,
                    "{query}: {}",
                    response.text.len()
                );
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn repeated_writes_are_recognised_by_their_input() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let editor = editor(&db, &server.client).await?;
        let given =
            json!({"idempotencyKey": "one", "name": "نهر", "kind": "PLACE", "summary": null});
        let first = create(&editor, given).await?.data()?;
        let id = &first["createTopic"]["topic"]["id"];
        ensure!(id.is_string(), "{first}");
        let literal = "mutation { createTopic(input: {summary: null, kind: PLACE, name: \"نهر\",
            idempotencyKey: \"one\"}) { topic { id } userErrors { message } } }";
        let again = editor.post(literal, Value::Null).await?.data()?;
        ensure!(again["createTopic"]["topic"]["id"] == *id, "{again}");
        for other in [
            json!({"idempotencyKey": "one", "name": "نهر", "kind": "PLACE"}),
            json!({"idempotencyKey": "one", "name": "بحر", "kind": "PLACE", "summary": null}),
        ] {
            let response = create(&editor, other).await?;
            ensure!(
                response.text.contains("give each write its own"),
                "{response:?}"
            );
        }
    }
    Ok(())
}
