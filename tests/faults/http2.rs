//! A client of HTTP/2 that reads as little as it likes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// A connection to a server.
pub(crate) struct Connection {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// A TCP connection that comes from this address.
pub(crate) async fn connect_from(from: &str, to: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.parse()?, 0))?;
    Ok(socket.connect(to).await?)
}

impl Connection {
    /// A connection on which each answer may have so many bytes in flight: with 0, nothing of it is
    /// ever read.
    pub(crate) async fn open(stream: TcpStream, window: u32) -> anyhow::Result<Self> {
        let (requests, connection) = h2::client::Builder::new()
            .initial_window_size(window)
            .handshake(stream)
            .await?;
        Ok(Self {
            requests,
            driver: tokio::spawn(connection),
        })
    }

    /// Sends a query. Its answer comes when the future is waited for.
    pub(crate) async fn ask(&mut self, query: &str) -> anyhow::Result<ResponseFuture> {
        let mut requests = self.requests.clone().ready().await?;
        let request = Request::post("http://khabar.test/graphql")
            .header("content-type", "application/json")
            .body(())?;
        let (response, mut body) = requests.send_request(request, false)?;
        let text = json!({ "query": query }).to_string();
        body.send_data(text.into(), true)?;
        Ok(response)
    }

    /// Waits until the server has ended the connection.
    pub(crate) async fn ended(self, within: Duration) -> anyhow::Result<()> {
        let ended = tokio::time::timeout(within, self.driver).await;
        // With or without a goodbye.
        let _ = ended.context("the connection goes on")??;
        Ok(())
    }
}
