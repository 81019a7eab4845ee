//! A log that cannot be written, because the disk is full or the reader is gone or blocked. Clients of
//! the server must not notice.

use std::time::Duration;

use anyhow::ensure;
use khabar_domain::Role;
use serde_json::{Value, json};

use crate::newsroom;
use crate::server::Launch;

const EDITIONS: &str = "{ editions { name } }";

/// The broken standard errors: a description and the shell script that sets each one up.
const BENT: [(&str, &str); 4] = [
    ("a full disk", "exec \"$@\" 2>/dev/full"),
    ("a reader that has left", "exec \"$@\" 2> >(exec true)"),
    (
        "a reader that stands still",
        "exec \"$@\" 2> >(exec sleep 60)",
    ),
    ("no standard error", "exec \"$@\" 2>&-"),
];

#[tokio::test]
async fn a_blocked_log_does_not_block_requests() -> anyhow::Result<()> {
    for (what, script) in BENT {
        // Rust opens /dev/null if standard error is closed, so no line is lost that fits into the buffer.
        let is_lost = what != "no standard error";
        let buffer_bytes = if is_lost { 4 * 1024 } else { 4 * 1024 * 1024 };
        let db = newsroom::sqlite().await?;
        let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
        let mut server = Launch::over(db.url())
            .set("log.filter", "debug")
            .set("log.buffer_bytes", buffer_bytes)
            .set("http.shutdown_grace_ms", 10_000)
            .through(&["bash", "-c", script, "-"])
            .start()
            .await?;
        for number in 0..150 {
            let response = server.client.post(EDITIONS, Value::Null).await?;
            ensure!(response.status == 200, "{what}: {response:?}");
            let broken = format!("{{ strange{number} }}");
            let response = server.client.post(&broken, Value::Null).await?;
            ensure!(
                response.code() == "GRAPHQL_VALIDATION_FAILED",
                "{what}: {response:?}"
            );
        }
        for path in ["/health/live", "/health/ready"] {
            let response = server.client.path(path).await?;
            ensure!(response.status == 200, "{what}: {response:?}");
        }
        let editor = server.client.with_token(&token);
        let create = "mutation ($input: CreateArticleInput!) {
            createArticle(input: $input) { article { id } } }";
        let input = json!({ "input": { "headline": "خبر" } });
        let made = editor.post(create, input).await?.data()?;
        ensure!(
            made["createArticle"]["article"]["id"].is_string(),
            "{what}: {made}"
        );
        let metrics = server.client.path("/metrics").await?.text;
        let dropped = metrics.lines().find_map(|line| {
            let count = line.strip_prefix("khabar_log_lines_dropped_total ")?;
            count.parse::<u64>().ok()
        });
        ensure!((dropped > Some(0)) == is_lost, "{what}: {dropped:?}");
        server.signal("TERM").await?;
        let code = server.ended(Duration::from_secs(15)).await?;
        ensure!(code == Some(0), "{what}: {code:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_command_fails_if_its_output_cannot_be_written() -> anyhow::Result<()> {
    let full = ["sh", "-c", "exec \"$@\" > /dev/full", "-"];
    let (ok, _, error) = Launch::over("sqlite:x.db")
        .through(&full)
        .run(&["schema"])
        .await?;
    ensure!(!ok && error.contains("could not write"), "{error}");
    // A reader that closes the pipe early does not make the command fail.
    let left = [
        "bash",
        "-c",
        "\"$@\" | head -n 1; exit ${PIPESTATUS[0]}",
        "-",
    ];
    let (ok, out, error) = Launch::over("sqlite:x.db")
        .through(&left)
        .run(&["schema"])
        .await?;
    ensure!(ok && out.lines().count() == 1, "{out}{error}");
    Ok(())
}
