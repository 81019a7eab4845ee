//! Connection limits: a full server says so and recovers, one address cannot use all connections, and no
//! connection stays open for ever.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use khabar_tests::harness::until;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http2::{Connection, connect_from};
use crate::newsroom;
use crate::server::{DEADLINE, Launch, Server};

const EDITIONS: &str = "{ editions { name } }";

/// Sends a request on a new connection from this address and returns the raw response.
async fn asked(from: &str, to: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = connect_from(from, to).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut response)).await??;
    Ok(response)
}

async fn editions(from: &str, server: &Server) -> anyhow::Result<String> {
    asked(
        from,
        server.address,
        "/graphql?query=%7Beditions%7Bname%7D%7D",
    )
    .await
}

fn is_full(response: &str) -> bool {
    response.starts_with("HTTP/1.1 503")
        && response.contains("retry-after: 1\r\n")
        && response.contains(r#""code":"OVERLOADED""#)
}

/// Opens idle connections that the server has accepted.
async fn silent(server: &Server, from: &str, count: usize) -> anyhow::Result<Vec<TcpStream>> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = connect_from(from, server.address).await?;
        // A response proves that the server has accepted the connection.
        stream
            .write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            .await?;
        let mut response = [0; 12];
        stream.read_exact(&mut response).await?;
        ensure!(&response == b"HTTP/1.1 200", "{response:?}");
        all.push(stream);
    }
    Ok(all)
}

#[tokio::test]
async fn an_overloaded_server_rejects_requests_stays_healthy_and_recovers() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .set("http.connections", 8)
        .start()
        .await?;
    let all = silent(&server, "127.0.0.1", 8).await?;
    for _ in 0..20 {
        let response = editions("127.0.0.2", &server).await?;
        ensure!(is_full(&response), "{response}");
    }
    let health = asked("127.0.0.1", server.address, "/health/live").await?;
    ensure!(health.starts_with("HTTP/1.1 200"), "{health}");
    drop(all);
    until("there is room again", || async {
        Ok(editions("127.0.0.1", &server)
            .await?
            .starts_with("HTTP/1.1 200"))
    })
    .await?;
    let metrics = server.client.path("/metrics").await?.text;
    let refused = "khabar_http_refused_total{full=\"connections\"}";
    ensure!(metrics.contains(refused), "{metrics}");
    server.kill().await
}

#[tokio::test]
async fn one_address_cannot_exhaust_the_connections() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let launch = || Launch::over(db.url()).set("http.max_connections_per_address", 4);
    let server = launch().start().await?;
    let four = silent(&server, "127.0.0.1", 4).await?;
    let fifth = editions("127.0.0.1", &server).await?;
    ensure!(is_full(&fifth), "{fifth}");
    let other = editions("127.0.0.2", &server).await?;
    ensure!(other.starts_with("HTTP/1.1 200"), "{other}");
    drop(four);
    until("the address may connect again", || async {
        Ok(editions("127.0.0.1", &server)
            .await?
            .starts_with("HTTP/1.1 200"))
    })
    .await?;
    server.kill().await?;

    let server = launch()
        .set("auth.trusted_proxies", "127.0.0.0/8")
        .start()
        .await?;
    let _many = silent(&server, "127.0.0.1", 9).await?;
    let next = editions("127.0.0.1", &server).await?;
    ensure!(next.starts_with("HTTP/1.1 200"), "{next}");
    server.kill().await
}

#[tokio::test]
async fn idle_and_old_connections_end() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .set("http.idle_timeout_ms", 200)
        .start()
        .await?;
    let stream = TcpStream::connect(server.address).await?;
    let mut connection = Connection::open(stream, 65_535).await?;
    ensure!(connection.ask(EDITIONS).await?.await?.status() == 200);
    connection.ended(DEADLINE).await?;
    let mut idle = silent(&server, "127.0.0.1", 1).await?.remove(0);
    let mut nothing = Vec::new();
    let rest = idle.read_to_end(&mut nothing);
    tokio::time::timeout(Duration::from_secs(10), rest).await??;
    server.kill().await?;

    // The age limit applies even to a busy connection.
    let server = Launch::over(db.url())
        .set("http.max_connection_age_ms", 300)
        .start()
        .await?;
    let stream = TcpStream::connect(server.address).await?;
    let mut connection = Connection::open(stream, 65_535).await?;
    let ended = async {
        while let Ok(response) = connection.ask(EDITIONS).await {
            if response.await.is_err() {
                break;
            }
        }
        connection.ended(DEADLINE).await
    };
    tokio::time::timeout(DEADLINE, ended).await??;
    // A client that reconnects is served as before.
    ensure!(server.client.post(EDITIONS, Value::Null).await?.status == 200);
    server.kill().await
}

#[tokio::test]
async fn the_server_survives_running_out_of_file_descriptors() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .through(&["sh", "-c", "ulimit -Sn 64; exec \"$@\"", "-"])
        .start()
        .await?;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid()?))?;
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let files: Vec<_> = files.unwrap_or_default().split_whitespace().collect();
    ensure!(files.get(3) == files.get(4), "{limits}");
    server.kill().await?;

    let server = Launch::over(db.url())
        .through(&["sh", "-c", "ulimit -n 128; exec \"$@\"", "-"])
        .start()
        .await?;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(TcpStream::connect(server.address).await?);
    }
    let health = asked("127.0.0.1", server.address, "/health/live").await?;
    ensure!(health.starts_with("HTTP/1.1 200"), "{health}");
    let full = editions("127.0.0.1", &server).await?;
    ensure!(is_full(&full), "{full}");
    drop(crowd);
    until("there is room again", || async {
        Ok(editions("127.0.0.1", &server)
            .await?
            .starts_with("HTTP/1.1 200"))
    })
    .await?;
    server.kill().await
}
