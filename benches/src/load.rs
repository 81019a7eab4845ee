//! The load: requests over a few persistent connections. On each connection a request is sent when
//! the previous one is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Number of connections: two for each core of the machine that produced the figures in
/// `docs/benchmarks.md`. A request is then always waiting, so that the server is never idle.
pub(crate) const CONNECTIONS: usize = 4;

/// The time taken by a series of requests.
pub(crate) struct Timings {
    /// Time from the first request to the last response.
    pub(crate) whole: Duration,
    /// Time of each request.
    pub(crate) each: Vec<Duration>,
}

/// Returns a POST request with this JSON body.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAccept: application/graphql-response+json\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Returns a POST request with this JSON body and a bearer token.
pub(crate) fn post_by(token: &str, path: &str, body: &str) -> Vec<u8> {
    let mut request = post(path, body);
    let head = request.windows(2).position(|two| two == b"\r\n");
    let line = format!("\r\nAuthorization: Bearer {token}");
    let at = head.unwrap_or(request.len());
    request.splice(at..at, line.into_bytes());
    request
}

/// Returns a GET request for this path.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes()
}

/// Sends this number of requests, using the samples in turn.
pub(crate) async fn run(
    address: SocketAddr,
    samples: Vec<Vec<u8>>,
    requests: usize,
) -> anyhow::Result<Timings> {
    let samples = Arc::new(samples);
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for (first, mut connection) in connections.into_iter().enumerate() {
        let samples = Arc::clone(&samples);
        tasks.spawn(async move {
            let mut each = Vec::with_capacity(requests / CONNECTIONS + 1);
            for number in (first..requests).step_by(CONNECTIONS) {
                let sent = Instant::now();
                connection
                    .exchange(&samples[number % samples.len()])
                    .await?;
                each.push(sent.elapsed());
            }
            anyhow::Ok(each)
        });
    }
    let mut each = Vec::with_capacity(requests);
    while let Some(done) = tasks.join_next().await {
        each.extend(done??);
    }
    Ok(Timings {
        whole: begun.elapsed(),
        each,
    })
}

/// A persistent HTTP connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(64 * 1024),
        })
    }

    /// Returns the last response, head and body.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }

    /// Returns the body of the last response.
    pub(crate) fn body(&self) -> &[u8] {
        let end = self
            .received
            .windows(END.len())
            .position(|four| four == END);
        end.map_or(&[], |end| &self.received[end + END.len()..])
    }

    /// Sends a request and waits for the last byte of its response.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let mut wanted = None;
        while wanted.is_none_or(|wanted| self.received.len() < wanted) {
            let read = self.stream.read_buf(&mut self.received).await?;
            ensure!(read > 0, "the server closed the connection");
            if wanted.is_none() {
                wanted = length(&self.received)?;
            }
        }
        Ok(())
    }
}

/// The separator between head and body.
const END: &[u8] = b"\r\n\r\n";

/// Returns the length of a response, head and body, or `None` until the head is complete. Fails if
/// the status is not 200 or the head has no `Content-Length`.
fn length(received: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = received.windows(END.len()).position(|four| four == END) else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&received[..end])?.to_ascii_lowercase();
    ensure!(head.starts_with("http/1.1 200 "), "the answer is {head}");
    let body = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse::<usize>().ok())
        .context("the answer does not say how long it is")?;
    Ok(Some(end + END.len() + body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_as_long_as_its_content_length() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(length(response).unwrap(), Some(response.len()));
        assert_eq!(length(&response[..20]).unwrap(), None);
        assert!(length(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").is_err());
    }
}
