//! Comparing texts: a diff ends in time for any input, reports when it did not compare word by word,
//! and blocks no other request.

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::large_responses::{aliased, editor, large_body, publish};
use crate::newsroom;
use crate::server::Launch;

/// The number of small reads that are answered before the first of several large diffs.
const READS: usize = 5;

#[tokio::test]
async fn a_large_diff_ends_in_time() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        // A busy machine may take longer than the default for twenty diffs, and only their budget is tested.
        let server = Launch::over(db.url())
            .set("graphql.request_timeout_ms", 35_000)
            .start()
            .await?;
        let editor = editor(&db, &server.client).await?;
        let (id, version) = publish(&editor, &large_body("one")).await?;
        let correct = "mutation ($input: CorrectArticleInput!) {
            correctArticle(input: $input) { article { version } userErrors { message } } }";
        for (last, body) in (version..).zip([large_body("other"), large_body("others")]) {
            let input = json!({"id": id, "version": last, "body": body, "note": "Rewritten."});
            let response = editor
                .post(correct, json!({ "input": input }))
                .await?
                .data()?;
            let now = &response["correctArticle"]["article"]["version"];
            ensure!(now.as_i64() > Some(last), "{response}");
        }
        // Runs four diffs of the largest permitted size at once, while another client reads.
        let mut four = JoinSet::new();
        let query = format!(
            "{{ article(id: \"{id}\") {{ diff(from: {version}, to: {}) {{
                granularity changed body {{ op }} }} }} }}",
            version + 1
        );
        for _ in 0..4 {
            let (editor, query) = (editor.clone(), query.clone());
            four.spawn(async move { editor.post(&query, Value::Null).await });
        }
        let mut diffs = Vec::new();
        let mut reads = 0;
        while diffs.is_empty() {
            let response = server
                .client
                .post("{ editions { name } }", Value::Null)
                .await?;
            ensure!(response.status == 200, "{response:?}");
            diffs.extend(four.try_join_next());
            reads += usize::from(diffs.is_empty());
        }
        // If the diffs held up the threads that serve requests, a read would have waited for one of them.
        ensure!(reads >= READS, "{reads} reads were answered before a diff");
        while let Some(diff) = four.join_next().await {
            diffs.push(diff);
        }
        for response in diffs {
            let response = response??.data()?;
            let diff = &response["article"]["diff"];
            ensure!(diff["granularity"] == "BLOCK", "{}", diff["granularity"]);
            ensure!(diff["changed"] == json!(["BODY"]), "{}", diff["changed"]);
            ensure!(diff["body"].as_array().is_some_and(|it| it.len() >= 45));
        }

        // All diffs in one request share a time budget, and each counts towards the complexity limit.
        let diff = format!(
            "diff(from: {version}, to: {}) {{ granularity }}",
            version + 1
        );
        let many = |times| {
            format!(
                "{{ article(id: \"{id}\") {{ {} }} }}",
                aliased(&diff, times)
            )
        };
        let response = editor.post(&many(20), Value::Null).await?;
        ensure!(response.data()?["article"]["a19"]["granularity"] == "BLOCK");
        let response = editor.post(&many(30), Value::Null).await?;
        ensure!(response.code() == "LIMIT_COMPLEXITY", "{response:?}");

        // Similar texts are compared word by word.
        let small = "mutation ($input: CreateArticleInput!) {
            createArticle(input: $input) { article { id version } userErrors { message } } }";
        let body = json!([{"paragraph": {"text": "The bridge was opened today"}}]);
        let input = json!({"headline": "Bridge", "body": body});
        let created = editor
            .post(small, json!({ "input": input }))
            .await?
            .data()?;
        let id = &created["createArticle"]["article"]["id"];
        let body = json!([{"paragraph": {"text": "The bridge was opened yesterday"}}]);
        let update = "mutation ($input: UpdateArticleInput!) {
            updateArticle(input: $input) { article { diff(from: 1, to: 2) {
                granularity body { op words { op text } } } } userErrors { message } } }";
        let input = json!({"id": id, "version": 1, "body": body});
        let response = editor
            .post(update, json!({ "input": input }))
            .await?
            .data()?;
        let diff = &response["updateArticle"]["article"]["diff"];
        ensure!(diff["granularity"] == "WORD", "{response}");
        ensure!(
            diff["body"][0]["words"][2]["text"] == "yesterday",
            "{response}"
        );
    }
    Ok(())
}
