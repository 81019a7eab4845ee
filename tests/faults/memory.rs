//! The memory use of the cache stays within `cache.max_bytes`, whatever the cache is filled with.

use anyhow::ensure;
use khabar_tests::harness::TestDb;
use serde_json::{Value, json};

use crate::large_responses::{editor, large_body, publish};
use crate::newsroom;
use crate::server::{Launch, Server};

/// The maximum size of the cache, in bytes.
const BYTES: u64 = 48 << 20;

/// The memory allowed in addition to the cache, in bytes. Stricter than the bound in
/// `docs/operating.md`.
const BESIDES: u64 = 192 << 20;

/// Fills the cache with one kind of content, named by `with`.
async fn fill(server: &Server, with: &str, ids: &[String]) -> anyhow::Result<()> {
    let codings = ["br", "zstd", "gzip", "identity"];
    match with {
        // Requests each response in every content coding.
        "large answers" => {
            let query = "query ($id: ID!, $n: Int!) { article(id: $id) {
                id bodyText related(first: $n) { nodes { headline } } } }";
            for n in 1..30 {
                for (id, coding) in ids.iter().flat_map(|id| codings.map(|coding| (id, coding))) {
                    let variables = json!({"id": id, "n": n});
                    let wanted = [("accept-encoding", coding)];
                    server.client.post_with(&wanted, query, variables).await?;
                }
            }
        }
        "small answers" => {
            let query = "query ($a: Int!, $b: Int!) {
                home { latest(first: $a) { nodes { headline slug topics { name } } } }
                sections { name articles(first: $b) { nodes { headline } } } }";
            for (a, b) in (1..=100).flat_map(|a| (1..=30).map(move |b| (a, b))) {
                server.client.post(query, json!({"a": a, "b": b})).await?;
            }
        }
        // Reads bodies for responses that are too large to be cached.
        _ => {
            for id in ids {
                let query = format!("{{ article(id: \"{id}\") {{ bodyHtml bodyText }} }}");
                server.client.post(&query, Value::Null).await?;
            }
        }
    }
    Ok(())
}

/// Returns a body of nearly the maximum size that consists of many small parts.
fn cells() -> Vec<Value> {
    let row = vec!["م"; 60];
    let table = json!({"table": {"rows": vec![row; 300]}});
    vec![table; 9]
}

async fn newsroom_of(db: &TestDb, body: &[Value], count: usize) -> anyhow::Result<Vec<String>> {
    let server = Launch::over(db.url()).start().await?;
    let editor = editor(db, &server.client).await?;
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(publish(&editor, body).await?.0);
    }
    server.kill().await?;
    Ok(ids)
}

#[tokio::test]
async fn the_cache_uses_no_more_memory_than_configured() -> anyhow::Result<()> {
    for (with, body, count) in [
        ("large answers", &large_body("word")[..4], 8),
        ("small answers", &large_body("word")[..1], 8),
        ("bodies of small parts", &cells()[..], 24),
    ] {
        let db = newsroom::sqlite().await?;
        let ids = newsroom_of(&db, body, count).await?;
        let server = Launch::over(db.url())
            .set("cache.max_bytes", BYTES)
            .start()
            .await?;
        fill(&server, with, &ids).await?;
        let cached = cached_bytes(&server).await?;
        let memory = server.memory()?;
        println!("{with}: {} MiB cached, {} MiB", cached >> 20, memory >> 20);
        ensure!(cached > BYTES / 2, "{with}: only {cached} bytes are cached");
        ensure!(
            memory <= BYTES * 3 / 2 + BESIDES,
            "{with}: {memory} bytes, of which the cache believes to have {cached}"
        );
        server.kill().await?;
    }
    Ok(())
}

async fn cached_bytes(server: &Server) -> anyhow::Result<u64> {
    let metrics = server.client.path("/metrics").await?.text;
    let mut lines = metrics.lines();
    let line = lines.find_map(|line| line.strip_prefix("khabar_cache_size_bytes "));
    Ok(line.unwrap_or_default().parse().unwrap_or_default())
}
