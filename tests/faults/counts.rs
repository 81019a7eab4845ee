//! Counting: a count reads a limited number of rows, and is marked as inexact if there are more.

use anyhow::ensure;
use serde_json::Value;

use crate::large_responses::{aliased, editor};
use crate::newsroom;
use crate::server::Launch;

const FILTERED: &str = "articles(filter: {hasAudio: false}) { totalCount totalCountIsExact }";

#[tokio::test]
async fn long_lists_are_counted_up_to_a_limit() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url()).start().await?;
        let query = format!("{{ {FILTERED} }}");
        let whole = server.client.get(&query).await?.data()?;
        ensure!(whole["articles"]["totalCountIsExact"] == true, "{whole}");
        let number = whole["articles"]["totalCount"].as_i64().unwrap_or(0);
        ensure!(number > 5, "{whole}");

        let limited = Launch::over(db.url()).set("limits.counted_rows", 3);
        let limited = limited.start().await?;
        let editor = editor(&db, &limited.client).await?;
        let cut = limited.client.get(&query).await?.data()?;
        ensure!(cut["articles"]["totalCountIsExact"] == false, "{cut}");
        let least = cut["articles"]["totalCount"].as_i64().unwrap_or(-1);
        ensure!((0..=4).contains(&least), "{cut}");

        // The limit applies to every kind of connection that has to count. The count is a lower bound.
        for list in [
            "articles(filter: {kinds: [NEWS]})",
            "articles(filter: {publishedSince: \"2000-01-01T00:00:00Z\"})",
            "unpublishedArticles",
            "stories",
            "audit",
        ] {
            let query = format!("{{ {list} {{ totalCount totalCountIsExact }} }}");
            let cut = editor.post(&query, Value::Null).await?;
            let full = server
                .client
                .as_who(&editor)
                .post(&query, Value::Null)
                .await?;
            let name = list.split('(').next().unwrap_or_default();
            let (cut, full) = (cut.data()?, full.data()?);
            let (cut, full) = (&cut[name], &full[name]);
            ensure!(full["totalCountIsExact"] == true, "{list}: {full}");
            let (least, number) = (cut["totalCount"].as_i64(), full["totalCount"].as_i64());
            ensure!(least <= number && least <= Some(4), "{list}: {cut} {full}");
            let is_exact = number <= Some(3);
            ensure!(cut["totalCountIsExact"] == is_exact, "{list}: {cut} {full}");
        }
        // No rows are counted where the length of a list is stored.
        let stored = limited
            .client
            .get("{ articles { totalCount totalCountIsExact } }")
            .await?;
        let stored = stored.data()?;
        ensure!(stored["articles"]["totalCountIsExact"] == true, "{stored}");
        ensure!(
            stored["articles"]["totalCount"].as_i64() > Some(5),
            "{stored}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_filtered_count_has_a_cost() -> anyhow::Result<()> {
    let mut each = newsroom::each().await?;
    let db = each.swap_remove(0);
    let server = Launch::over(db.url()).start().await?;
    let field = "articles(filter: {hasAudio: false}) { totalCount }";
    let response = server
        .client
        .get(&format!("{{ {} }}", aliased(field, 49)))
        .await?;
    ensure!(
        response.data()?["a48"]["totalCount"].is_i64(),
        "{response:?}"
    );
    let field = "articles(filter: {hasAudio: false}) { totalCount totalCountIsExact }";
    let response = server
        .client
        .get(&format!("{{ {} }}", aliased(field, 49)))
        .await?;
    ensure!(response.code() == "LIMIT_COMPLEXITY", "{response:?}");
    Ok(())
}
