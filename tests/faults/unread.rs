//! Responses that the client never reads: they occupy a bounded amount of memory for a bounded time.

use std::time::Duration;

use anyhow::ensure;
use khabar_domain::Role;
use khabar_tests::harness::until;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::http2::{Connection, connect_from};
use crate::newsroom;
use crate::server::{DEADLINE, Launch, Server};

/// The maximum growth of memory under attack, in bytes.
const ROOM: u64 = 256 << 20;

/// Publishes an article with about 40 kB of text and returns its slug.
async fn long_article(editor: &Client) -> anyhow::Result<String> {
    let text = "موج البحر ".repeat(220);
    let body: Vec<_> = (0..10)
        .map(|_| json!({"paragraph": {"text": text}}))
        .collect();
    let create = "mutation ($input: CreateArticleInput!) {
        createArticle(input: $input) { article { id version slug } userErrors { message } } }";
    let input = json!({"headline": "نص طويل", "lead": "ملخص", "body": body});
    let made = editor
        .post(create, json!({ "input": input }))
        .await?
        .data()?;
    let article = &made["createArticle"]["article"];
    let publish = "mutation ($input: PublishArticleInput!) {
        publishArticle(input: $input) { userErrors { message } } }";
    let input = json!({"id": article["id"], "version": article["version"]});
    let published = editor
        .post(publish, json!({ "input": input }))
        .await?
        .data()?;
    ensure!(
        published["publishArticle"]["userErrors"] == json!([]),
        "{published}"
    );
    Ok(article["slug"].as_str().unwrap_or_default().to_owned())
}

/// Returns a query with a response of about 700 kB. Each number gives a different query.
fn large(slug: &str, number: usize) -> String {
    let fields: Vec<_> = (0..18).map(|n| format!("a{n}: bodyText")).collect();
    let fields = fields.join(" ");
    format!("query Large{number} {{ article(slug: \"{slug}\") {{ {fields} }} }}")
}

/// Returns the value of a metric, or 0 if it is missing.
pub(crate) async fn metric(server: &Server, name: &str) -> anyhow::Result<u64> {
    let metrics = server.client.path("/metrics").await?.text;
    let line = metrics.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.rsplit(' ').next());
    Ok(value.unwrap_or_default().parse().unwrap_or_default())
}

#[tokio::test]
async fn unread_http2_streams_have_bounded_memory() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    let server = Launch::over(db.url())
        .set("cache.max_bytes", 16 << 20)
        .set("http.write_timeout_ms", 15_000)
        .start()
        .await?;
    let slug = long_article(&server.client.with_token(&token)).await?;
    let response = server.client.post(&large(&slug, 0), Value::Null).await?;
    ensure!(response.text.len() > 600_000, "{}", response.text.len());
    let before = server.memory()?;

    // Requests 400 responses of 700 kB (280 MB) and reads none of them.
    let mut connections = Vec::new();
    let mut answers = Vec::new();
    let mut most = before;
    for number in 0..4 {
        let stream = connect_from("127.0.0.2", server.address).await?;
        let mut connection = Connection::open(stream, 0).await?;
        for stream in 0..100 {
            let query = large(&slug, 1 + number * 100 + stream);
            answers.push(connection.ask(&query).await?);
        }
        connections.push(connection);
        most = most.max(server.memory()?);
    }
    let mut refused = 0;
    let mut heads = Vec::new();
    for response in answers {
        // Retains the responses so that the streams stay open.
        if let Ok(response) = response.await {
            refused += u32::from(response.status() == 503);
            heads.push(response);
        }
        most = most.max(server.memory()?);
    }
    ensure!(most - before < ROOM, "{} MB more", (most - before) >> 20);
    ensure!(refused > 100, "{refused} were refused");
    let buffered = metric(&server, "khabar_http_buffered_bytes").await?;
    ensure!(buffered <= 72 << 20, "{buffered}");
    // Clients that do read are still served, even with large responses.
    let response = server.client.post(&large(&slug, 0), Value::Null).await?;
    ensure!(response.status == 200, "{}", response.status);

    // The server closes the connections and frees their buffers.
    for connection in connections {
        connection.ended(DEADLINE).await?;
    }
    until("the buffers are empty", || async {
        Ok(metric(&server, "khabar_http_buffered_bytes").await? < 1 << 20)
    })
    .await?;
    let cut = metric(
        &server,
        "khabar_http_connections_ended_total{why=\"unread\"}",
    )
    .await?;
    ensure!(cut == 4, "{cut}");
    server.kill().await
}

#[tokio::test]
async fn slow_readers_are_served_and_stalled_ones_disconnected() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    let server = Launch::over(db.url())
        .set("http.write_timeout_ms", 1_000)
        .start()
        .await?;
    let slug = long_article(&server.client.with_token(&token)).await?;
    let body = json!({ "query": large(&slug, 0) }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );

    // Requests more data than the socket buffers of both sides hold.
    let mut stuck = TcpStream::connect(server.address).await?;
    for _ in 0..40 {
        stuck.write_all(request.as_bytes()).await?;
    }
    until("it is cut off", || async {
        let name = "khabar_http_connections_ended_total{why=\"unread\"}";
        Ok(metric(&server, name).await? == 1)
    })
    .await?;
    drop(stuck);

    let mut slow = TcpStream::connect(server.address).await?;
    for _ in 0..20 {
        slow.write_all(request.as_bytes()).await?;
    }
    let mut read = 0;
    let mut buffer = vec![0; 1 << 20];
    while read < 20 * 700_000 {
        let some = tokio::time::timeout(DEADLINE, slow.read(&mut buffer)).await??;
        ensure!(some > 0, "it was cut off after {read} bytes");
        read += some;
        // The write timeout is a rule about time, and it is the client's pauses that it must outlast.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.kill().await
}

#[tokio::test]
async fn request_bodies_share_a_memory_limit() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .set("http.buffer_bytes", 8 << 20)
        .start()
        .await?;
    // One address may use a quarter of the buffer, here 2 MiB. Five unfinished bodies exceed that.
    let mut bodies = Vec::new();
    for _ in 0..5 {
        let mut stream = connect_from("127.0.0.2", server.address).await?;
        let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                    content-length: 900000\r\n\r\n{\"query\":\"";
        stream.write_all(head.as_bytes()).await?;
        // The server may refuse the request before the whole body has arrived.
        let _ = stream.write_all(&vec![b'x'; 800_000]).await;
        bodies.push(stream);
    }
    let mut refused = 0;
    for stream in &mut bodies {
        let mut response = Vec::new();
        let reading = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut response)).await?;
        let response = String::from_utf8_lossy(&response);
        // Accepted requests end with a timeout instead.
        let is_refused = response.starts_with("HTTP/1.1 503") && response.contains("OVERLOADED");
        refused += u32::from(is_refused || reading.is_err());
    }
    ensure!(refused >= 3, "{refused} were refused");
    let response = server
        .client
        .post("{ editions { name } }", Value::Null)
        .await?;
    ensure!(response.status == 200, "{response:?}");
    server.kill().await
}

#[tokio::test]
async fn oversized_responses_are_not_cached() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    let server = Launch::over(db.url())
        .set("graphql.cached_response_bytes", 100_000)
        .start()
        .await?;
    let slug = long_article(&server.client.with_token(&token)).await?;
    let hits = "khabar_cache_hits_total{kind=\"responses\"}";
    for _ in 0..3 {
        ensure!(
            server
                .client
                .post(&large(&slug, 0), Value::Null)
                .await?
                .status
                == 200
        );
    }
    ensure!(metric(&server, hits).await? == 0);
    for _ in 0..3 {
        server
            .client
            .post("{ editions { name } }", Value::Null)
            .await?;
    }
    ensure!(metric(&server, hits).await? == 2);
    server.kill().await
}
