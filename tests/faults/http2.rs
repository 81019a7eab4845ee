//! An HTTP/2 client that can refuse to read responses.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// An HTTP/2 connection to a server.
pub(crate) struct Connection {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// Opens a TCP connection from the given local address.
pub(crate) async fn connect_from(from: &str, to: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.parse()?, 0))?;
    Ok(socket.connect(to).await?)
}

impl Connection {
    /// Opens a connection on which each response may have `window` bytes in flight. With 0, no
    /// response body is ever read.
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

    /// Sends a query. Await the returned future for the response.
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

    /// Waits until the server has closed the connection.
    pub(crate) async fn ended(self, within: Duration) -> anyhow::Result<()> {
        let ended = tokio::time::timeout(within, self.driver).await;
        // Accepts a close with or without a GOAWAY frame.
        let _ = ended.context("the connection goes on")??;
        Ok(())
    }
}
