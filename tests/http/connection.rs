//! Tests of slow connections and of graceful shutdown.

use std::pin::pin;

use khabar_server::graphql::Settings;
use khabar_server::http::Settings as Http;
use khabar_service::admission;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::{Server, start};
use crate::sample_schema;

fn short_timeouts() -> Http {
    Http {
        header_timeout_ms: 30,
        ..Http::default()
    }
}

/// Sends raw text and returns everything that the server replies until it closes the connection.
pub(crate) async fn said(server: &Server, sent: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    // A reset also counts as closing the connection.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = start(
        Settings::default(),
        short_timeouts(),
        sample_schema::Handle::default(),
    )
    .await;
    assert_eq!(said(&server, "").await, "");
    // Half of the HTTP/2 connection preface, and half of the HTTP/1 headers.
    assert_eq!(said(&server, "PRI * HT").await, "");
    let response = said(&server, "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-").await;
    assert!(
        response.is_empty() || response.starts_with("HTTP/1.1 408"),
        "{response}"
    );
}

#[tokio::test]
async fn a_missing_body_times_out() {
    let settings = Settings {
        body_timeout_ms: 30,
        ..Settings::default()
    };
    let server = start(settings, Http::default(), sample_schema::Handle::default()).await;
    let response = said(
        &server,
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{\"query\":",
    )
    .await;
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    assert!(
        response.contains(r#""code":"REQUEST_TIMEOUT""#),
        "{response}"
    );
    assert!(
        response.to_lowercase().contains("connection: close"),
        "{response}"
    );
}

#[tokio::test]
async fn a_graceful_shutdown_finishes_requests_in_flight() {
    let handle = sample_schema::Handle::default();
    let server = start(Settings::default(), Http::default(), handle.clone()).await;
    let Server {
        address,
        stop,
        ended,
    } = server;
    let body = r#"{"query":"{ held }"}"#;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    handle.begun.entered.acquire().await.unwrap().forget();

    stop.send(()).unwrap();
    // New connections are refused before the last request has completed.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!ended.is_finished());

    handle.begun.leave.add_permits(1);
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(response.contains(r#"{"data":{"held":true}"#), "{response}");
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_graceful_shutdown_has_a_deadline() {
    let handle = sample_schema::Handle::default();
    let timeouts = Http {
        shutdown_grace_ms: 30,
        ..Http::default()
    };
    let server = start(Settings::default(), timeouts, handle.clone()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = "GET /graphql?query={held} HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    handle.begun.entered.acquire().await.unwrap().forget();
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn excess_operations_are_rejected_with_retry_after() {
    let handle = sample_schema::Handle::default();
    let settings = Settings {
        operations: admission::Settings {
            queries: 1,
            queued: 1,
            wait_ms: 20_000,
            ..admission::Settings::default()
        },
        ..Settings::default()
    };
    let server = start(settings, Http::default(), handle.clone()).await;
    let ask = |field: &str| {
        format!("GET /graphql?query={{{field}}} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    };
    let mut blocked = TcpStream::connect(server.address).await.unwrap();
    blocked.write_all(ask("held").as_bytes()).await.unwrap();
    handle.begun.entered.acquire().await.unwrap().forget();
    // One operation is running, one is queued, and the rest exceed the queue.
    let soon = ask("soon");
    let (mut one, mut other) = (pin!(said(&server, &soon)), pin!(said(&server, &soon)));
    let (first, second) = tokio::select! {
        first = one.as_mut() => {
            handle.begun.leave.add_permits(1);
            (first, other.await)
        }
        first = other.as_mut() => {
            handle.begun.leave.add_permits(1);
            (first, one.await)
        }
    };
    let (refused, answered): (Vec<_>, Vec<_>) = [first, second]
        .into_iter()
        .partition(|said| said.starts_with("HTTP/1.1 503"));
    assert_eq!((refused.len(), answered.len()), (1, 1), "{answered:?}");
    assert!(refused[0].contains(r#""code":"OVERLOADED""#), "{refused:?}");
    assert!(
        refused[0].to_lowercase().contains("retry-after: 1"),
        "{refused:?}"
    );
    assert!(answered[0].starts_with("HTTP/1.1 200"), "{answered:?}");
    let again = said(&server, &soon).await;
    assert!(again.starts_with("HTTP/1.1 200"), "{again}");
}
