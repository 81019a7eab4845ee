//! Tests of strings chosen by the client: they are bounded, invalid ones are refused by name, and a
//! retried write is recognised by its input.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::answers::editor;
use crate::client::Client;
use crate::newsroom;
use crate::server::Launch;

const CREATE: &str = "mutation ($input: CreateTopicInput!) {
    createTopic(input: $input) { topic { id name } userErrors { message } } }";

async fn create(client: &Client, input: Value) -> anyhow::Result<crate::client::Answer> {
    client.post(CREATE, json!({ "input": input })).await
}

#[tokio::test]
async fn a_name_that_no_database_takes_is_refused_by_name() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let editor = editor(&db, &server.client).await?;
        let long = "x".repeat(100_000);
        for id in ["a\0b", "a\nb", &long, &"م".repeat(129)] {
            let input = json!({"name": "موضوع", "idempotencyKey": id});
            let answer = create(&editor, input).await?;
            ensure!(answer.code() == "BAD_USER_INPUT", "{answer:?}");
            ensure!(answer.text.contains("`idempotencyKey`"), "{answer:?}");
            ensure!(answer.text.len() < 2_000, "{}", answer.text.len());
        }
        let id = "م".repeat(128);
        let answer = create(&editor, json!({"name": "موضوع", "idempotencyKey": id})).await?;
        ensure!(
            answer.data()?["createTopic"]["topic"]["id"].is_string(),
            "{answer:?}"
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
                let answer = server.client.post_json(&body).await?;
                ensure!(
                    answer.status == 400 && answer.code() == "BAD_REQUEST",
                    "{answer:?}"
                );
                ensure!(answer.text.contains(what), "{answer:?}");
                ensure!(answer.text.len() < 2_000, "{}", answer.text.len());
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
                let answer = editor.post(query, json!({ "w": words })).await?;
                let code = answer.code();
                ensure!(
                    code != "INTERNAL" && answer.status < 500,
                    "{query}: {answer:?}"
                );
                ensure!(answer.text.len() < 5_000, "{query}: {}", answer.text.len());
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_sent_again_is_known_by_what_was_given() -> anyhow::Result<()> {
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
            let answer = create(&editor, other).await?;
            ensure!(
                answer.text.contains("give each write its own"),
                "{answer:?}"
            );
        }
    }
    Ok(())
}
