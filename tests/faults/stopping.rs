//! Shutdown and request timeouts: both take effect, whatever the database does.

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_persistence::article;
use khabar_persistence::change::Position;
use khabar_tests::harness::newsroom::now;
use khabar_tests::harness::until;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::HttpResponse;
use crate::newsroom;
use crate::proxy::{Network, Proxy};
use crate::server::{DEADLINE, Launch};

const EDITIONS: &str = "{ articles(first: 3) { nodes { headline } } }";

#[tokio::test]
async fn shutdown_is_bounded_even_if_the_database_hangs() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let (proxy, through) = Proxy::before(db.url()).await?;
    // No other timeout ends what the server waits for.
    let mut server = Launch::over(through)
        .set("http.shutdown_grace_ms", 3_000)
        .set("graphql.request_timeout_ms", 3_600_000)
        .set("database_timeouts.read_ms", 3_600_000)
        .set("database_timeouts.connect_ms", 3_600_000)
        .set("database_timeouts.acquire_ms", 3_600_000)
        .set("cache.max_bytes", 0)
        .start()
        .await?;
    proxy.set(Network::Stalls);
    // The client waits for as long as the server does.
    let body = json!({ "query": EDITIONS }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut asked = server.client.raw().await?;
    asked.write_all(request.as_bytes()).await?;
    until("it is in flight", || async {
        let metrics = server.client.path("/health/live").await?;
        Ok(metrics.status == 200)
    })
    .await?;
    // The scheduler polls every 500 ms, so it waits for the database as well.
    server.signal("TERM").await?;
    let code = server.ended(DEADLINE).await?;
    ensure!(code.is_some(), "a signal ended it");
    drop(asked);
    Ok(())
}

#[tokio::test]
async fn a_second_signal_stops_immediately() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    for (signal, expected) in [("TERM", 143), ("INT", 130)] {
        let (proxy, through) = Proxy::before(db.url()).await?;
        let mut server = Launch::over(through)
            .set("http.shutdown_grace_ms", 50_000)
            .set("graphql.request_timeout_ms", 50_000)
            .set("cache.max_bytes", 0)
            .start()
            .await?;
        proxy.set(Network::Stalls);
        let client = server.client.clone();
        let asked = tokio::spawn(async move { client.post(EDITIONS, Value::Null).await });
        server.signal(signal).await?;
        until("it is stopping", || async {
            Ok(server.log.says("shutdown_started"))
        })
        .await?;
        // A server that did not wait for the request would end with another code.
        server.signal(signal).await?;
        let code = server.ended(DEADLINE).await?;
        ensure!(code == Some(expected), "{code:?}");
        let _ = asked.await?;
    }
    Ok(())
}

/// Checks that the time of a request was over before anything else ended it.
fn is_over(response: &HttpResponse) -> anyhow::Result<()> {
    ensure!(
        response.status == 503 && response.code() == "REQUEST_TIMEOUT",
        "{response:?}"
    );
    ensure!(!response.header("retry-after").is_empty(), "{response:?}");
    Ok(())
}

#[tokio::test]
async fn the_request_timeout_covers_authentication_and_body() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    let (proxy, through) = Proxy::before(db.url()).await?;
    let server = Launch::over(through)
        .set("graphql.request_timeout_ms", 800)
        .start()
        .await?;
    let editor = server.client.with_token(&token);
    let response = server.client.get(EDITIONS).await?;
    let position: Position = response.header("khabar-position").parse()?;
    let beyond = Position {
        seq: position.seq + 1_000,
        ..position
    };
    let beyond = beyond.to_string();
    let headers = [("khabar-position", beyond.as_str())];
    proxy.set(Network::Stalls);
    for _ in 0..3 {
        let response = editor.post("{ viewer { name } }", Value::Null).await?;
        is_over(&response)?;
        is_over(&server.client.get_with(&headers, EDITIONS).await?)?;
    }
    let mut unfinished = server.client.raw().await?;
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{";
    unfinished.write_all(head.as_bytes()).await?;
    let mut response = String::new();
    unfinished.read_to_string(&mut response).await?;
    ensure!(
        response.starts_with("HTTP/1.1 408") && response.contains("REQUEST_TIMEOUT"),
        "{response}"
    );
    proxy.set(Network::Passes);
    until("it answers again", || async {
        Ok(editor
            .post("{ viewer { name } }", Value::Null)
            .await?
            .status
            == 200)
    })
    .await?;
    server.kill().await
}

#[tokio::test]
async fn a_timed_out_write_has_an_unknown_outcome() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
        let server = Launch::over(db.url())
            .set("graphql.request_timeout_ms", 700)
            .start()
            .await?;
        let editor = server.client.with_token(&token);
        let create = "mutation ($input: CreateArticleInput!) {
            createArticle(input: $input) { article { id version } userErrors { message } } }";
        let input = json!({ "input": { "headline": "خبر" } });
        let made = editor.post(create, input).await?.data()?;
        let article = &made["createArticle"]["article"];
        let id = article["id"].as_str().context("no id")?;

        // Locks the row (on SQLite, the whole database).
        let writer = db.db().writer(now()).await?;
        article::lock(&writer, local(id)?).await?;
        let update = "mutation ($input: UpdateArticleInput!) {
            updateArticle(input: $input) { article { version headline } userErrors { message } } }";
        let input = json!({ "input": {
            "id": id, "version": 1, "headline": "خبر آخر", "idempotencyKey": "mine",
        } });
        let response = editor.post(update, input.clone()).await?;
        ensure!(
            response.status == 503 && response.code() == "OUTCOME_UNKNOWN",
            "{response:?}"
        );
        ensure!(response.text.contains("idempotencyKey"), "{response:?}");
        drop(writer);

        // Repeated with its idempotency key until it is answered, the mutation is applied once.
        until("it is answered", || async {
            let response = editor.post(update, input.clone()).await?;
            if response.status != 200 {
                return Ok(false);
            }
            let article = &response.data()?["updateArticle"]["article"];
            ensure!(
                article["version"] == 2 && article["headline"] == "خبر آخر",
                "{article}"
            );
            Ok(true)
        })
        .await?;
        server.kill().await?;
    }
    Ok(())
}

/// Decodes the database id of an article from its global id.
fn local(global: &str) -> anyhow::Result<khabar_domain::ArticleId> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(global)?;
    let (_, id) = bytes.split_first().context("no id")?;
    Ok(uuid::Uuid::from_slice(id)?.into())
}
