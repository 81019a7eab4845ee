//! Connections: accepted, held to their time, and let finish when the server stops.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use super::Cors;
use crate::identity::Peer;
use crate::rate_limit::RateLimits;

/// How long a connection may keep the server waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Milliseconds for a request's headers to arrive, and for a kept connection to be used again.
    ///
    /// 15 seconds: `axum::serve` would wait for ever, and a silent connection costs a socket.
    pub header_ms: u64,
    /// Milliseconds that requests under way are given to finish when the server stops.
    ///
    /// 30 seconds: what orchestrators give before they kill.
    pub shutdown_ms: u64,
    /// Which pages of other origins may use the API.
    pub cors: Cors,
    /// How much a client may send in a minute.
    pub rate_limits: RateLimits,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header_ms: 15_000,
            shutdown_ms: 30_000,
            cors: Cors::default(),
            rate_limits: RateLimits::default(),
        }
    }
}

/// After a failed `accept` (out of file handles, mostly) trying again at once would only spin.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Serves until `shutdown` comes, then lets what is under way finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    timeouts: Timeouts,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let header = Duration::from_millis(timeouts.header_ms);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header);
    builder
        .http2()
        .timer(TokioTimer::new())
        // A peer that is gone does not answer a ping.
        .keep_alive_interval(header)
        .keep_alive_timeout(header);
    let builder = Arc::new(builder);

    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = Connection {
                    stream,
                    peer: Peer(peer.ip()),
                    builder: Arc::clone(&builder),
                    router: router.clone(),
                    watcher: graceful.watcher(),
                    patience: header,
                };
                tokio::spawn(connection.run());
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
            }
        }
    }
    drop(listener);
    let patience = Duration::from_millis(timeouts.shutdown_ms);
    if tokio::time::timeout(patience, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way when the time to finish was over");
    }
    Ok(())
}

struct Connection {
    stream: TcpStream,
    peer: Peer,
    builder: Arc<Builder<TokioExecutor>>,
    router: Router,
    watcher: Watcher,
    patience: Duration,
}

impl Connection {
    async fn run(self) {
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = self.stream.set_nodelay(true);
        let has_spoken = Arc::new(AtomicBool::new(false));
        let router = self.router;
        let spoken = Arc::clone(&has_spoken);
        let peer = self.peer;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            spoken.store(true, Ordering::Relaxed);
            router.clone().oneshot(request.map(Body::new))
        });
        let connection = self
            .builder
            .serve_connection_with_upgrades(TokioIo::new(self.stream), service)
            .into_owned();
        let mut connection = pin!(self.watcher.watch(connection));
        // hyper-util finds out the version of HTTP without a time limit, so the first request has
        // ours; hyper's own holds for the headers of all others.
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = tokio::time::sleep(self.patience) => {
                if !has_spoken.load(Ordering::Relaxed) {
                    return;
                }
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}
