//! Smoke tests of the suite itself: the server answers, the proxy breaks connections, signals arrive.

use std::time::Duration;

use anyhow::ensure;
use khabar_domain::Role;
use khabar_persistence::{Db, Options};
use khabar_tests::harness::until;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::newsroom;
use crate::proxy::{Network, Proxy};
use crate::server::Launch;

const EDITIONS: &str = "{ editions { name } }";

#[tokio::test]
async fn the_program_serves_each_database() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let launch = Launch::over(db.url()).set("log.filter", "info");
        let (ok, config, _) = launch.run(&["config"]).await?;
        ensure!(
            ok && config.contains("variable KHABAR_LOG__FILTER"),
            "{config}"
        );
        let mut server = launch
            .through(&["sh", "-c", "exec \"$@\"", "-"])
            .start()
            .await?;
        let response = server.client.post(EDITIONS, Value::Null).await?;
        ensure!(response.data()?["editions"][0]["name"].is_string());
        let response = server.client.get(EDITIONS).await?;
        ensure!(!response.header("etag").is_empty(), "{response:?}");
        ensure!(server.client.path("/health/live").await?.status == 200);
        let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
        let editor = server.client.with_token(&token);
        let response = editor.post("{ viewer { name } }", Value::Null).await?;
        ensure!(response.data()?["viewer"]["name"] == "ليلى", "{response:?}");
        ensure!(server.memory()? > 1 << 20);
        until("the requests are logged", || async {
            Ok(server.log.says("/graphql"))
        })
        .await?;
        server.signal("TERM").await?;
        let code = server.ended(Duration::from_secs(30)).await?;
        ensure!(code == Some(0), "{code:?}: {:?}", server.log.lines());
    }
    Ok(())
}

#[tokio::test]
async fn the_fault_proxy_cuts_and_restores_the_network() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let (proxy, through) = Proxy::before(db.url()).await?;
    let options = Options::new(&through);
    Db::open(&options).await?.close().await?;
    proxy.set(Network::Refuses);
    ensure!(Db::open(&options).await.is_err(), "it was not cut");
    proxy.set(Network::Delays(5));
    Db::open(&options).await?.close().await?;

    let server = Launch::over(db.url()).start().await?;
    let (before, through) = Proxy::before_tcp(server.address).await?;
    let mut stream = tokio::net::TcpStream::connect(through).await?;
    before.set(Network::Stalls);
    stream
        .write_all(b"GET /health/live HTTP/1.0\r\n\r\n")
        .await?;
    let mut response = String::new();
    let read = tokio::time::timeout(
        Duration::from_millis(200),
        stream.read_to_string(&mut response),
    );
    ensure!(read.await.is_err(), "it was not stalled: {response}");
    before.set(Network::Passes);
    stream.read_to_string(&mut response).await?;
    ensure!(response.contains("200"), "{response}");

    let mut stream = server.client.raw().await?;
    stream.write_all(b"nonsense\r\n\r\n").await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    ensure!(response.contains("400"), "{response}");
    let request = server
        .client
        .post_with(&[("x-request-id", "mine")], EDITIONS, Value::Null);
    ensure!(request.await?.header("x-request-id") == "mine");
    let request = server.client.get_with(&[("accept", "text/html")], EDITIONS);
    ensure!(request.await?.code() == "NOT_ACCEPTABLE");
    server.kill().await
}
