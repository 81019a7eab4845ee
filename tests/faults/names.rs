//! Names chosen by strangers, in documents, metrics and the log.

use anyhow::{Context as _, ensure};
use khabar_tests::harness::until;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::Client;
use crate::newsroom;
use crate::server::Launch;

/// An upper bound for the size of `/metrics` on a server with little traffic, in bytes.
const USUAL: usize = 64 * 1024;

#[tokio::test]
async fn long_names_are_rejected_and_unregistered_ones_are_no_metric_labels() -> anyhow::Result<()>
{
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url()).start().await?;
    let ask = |query: String| {
        let client = server.client.clone();
        async move { client.post(&query, Value::Null).await }
    };
    for number in 0..300 {
        let name = format!("N{number}{}", "n".repeat(60_000));
        let response = ask(format!("query {name} {{ editions {{ name }} }}")).await?;
        ensure!(response.code() == "LIMIT_NAME", "{:.200}", response.text);
        let response = ask(format!("{{ {name}: editions {{ name }} }}")).await?;
        ensure!(response.code() == "LIMIT_NAME", "{:.200}", response.text);
        let response = ask(format!("query Made{number} {{ editions {{ slug }} }}")).await?;
        ensure!(response.status == 200, "{response:?}");
    }
    // The error does not repeat a long operation name.
    let url = format!(
        "/graphql?query=%7Beditions%7Bname%7D%7D&operationName={}",
        "n".repeat(9_000)
    );
    let response = server.client.path(&url).await?;
    ensure!(
        response.code() == "BAD_REQUEST" && response.text.len() < 1_000,
        "{}",
        response.text
    );

    let metrics = server.client.path("/metrics").await?.text;
    ensure!(metrics.len() < USUAL, "{}", metrics.len());
    ensure!(!metrics.contains("Made"), "{metrics}");
    let line = "khabar_request_duration_seconds_count{kind=\"query\",operation=\"(unregistered)\"";
    ensure!(metrics.contains(line), "{metrics}");
    server.kill().await
}

#[tokio::test]
async fn registered_documents_are_metric_labels() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let launch = || Launch::over(db.url());
        let folder = tempfile::tempdir()?;
        let manifest = folder.path().join("manifest.json");
        std::fs::write(
            &manifest,
            r#"{"home-1": "query Home { editions { name } }"}"#,
        )?;
        let manifest = manifest.to_str().context("no text")?;
        let (ok, out, error) = launch().run(&["documents", "register", manifest]).await?;
        ensure!(ok, "{out}{error}");
        let server = launch().start().await?;
        let response = server.client.path("/graphql?documentId=home-1").await?;
        ensure!(response.status == 200, "{response:?}");
        // An unregistered document that uses the name of the registered one.
        let made_up = "query Home { editions { slug } }";
        server.client.post(made_up, Value::Null).await?;
        let metrics = server.client.path("/metrics").await?.text;
        for (operation, hit) in [("Home", "miss"), ("(unregistered)", "miss")] {
            let line = format!(
                "khabar_request_duration_seconds_count{{kind=\"query\",operation=\"{operation}\",\
                 cache=\"{hit}\"}} 1"
            );
            ensure!(metrics.contains(&line), "{line}\n{metrics}");
        }
        server.kill().await?;
    }
    Ok(())
}

#[tokio::test]
async fn metrics_can_have_their_own_listener() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .set("metrics_listen", "127.0.0.1:0")
        .set("http.connections", 1)
        .start()
        .await?;
    // Occupies the only connection of the main listener, which does not serve /metrics.
    let mut only = server.client.raw().await?;
    only.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
        .await?;
    let mut begun = [0; 12];
    only.read_exact(&mut begun).await?;
    ensure!(&begun == b"HTTP/1.1 404", "{begun:?}");
    until("it says where it is", || async {
        Ok(server.log.says("metrics_listening address="))
    })
    .await?;
    let line = server
        .log
        .lines()
        .into_iter()
        .find(|line| line.contains("metrics_listening address="));
    let address = line
        .as_deref()
        .and_then(|line| line.split("address=").nth(1));
    let own = Client::new(address.context("no address")?.trim().parse()?)?;
    let metrics = own.path("/metrics").await?;
    ensure!(
        metrics.status == 200 && metrics.text.contains("khabar_http_connections 1"),
        "{metrics:?}"
    );
    ensure!(own.path("/health/ready").await?.status == 200);
    ensure!(
        own.path("/graphql?query=%7Beditions%7Bname%7D%7D")
            .await?
            .status
            == 404
    );
    server.kill().await
}

#[tokio::test]
async fn unknown_http_methods_do_not_flood_the_log() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url()).start().await?;
    let mut stream = server.client.raw().await?;
    let method = "M".repeat(50_000);
    let request = format!("{method} /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    ensure!(response.starts_with("HTTP/1.1 405"), "{response}");
    until("it is logged", || async { Ok(server.log.says("other")) }).await?;
    let longest = server.log.lines().iter().map(String::len).max();
    ensure!(longest < Some(1_000), "{longest:?}");
    server.kill().await
}
