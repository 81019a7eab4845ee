//! The server: accepts connections within the limits, enforces their timeouts, and shuts down
//! gracefully.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use khabar_domain::Network;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::buffer_budget::BufferBudget;
use super::connection::{Connection, Shared, turn_away};
use super::connection_limits::{self, ConnectionLimits};
use super::files;
use super::settings::Settings;
use super::stats::{Refused, Stats};
use crate::auth::Peer;

/// The pause after a failed `accept`. The usual cause is a lack of file descriptors, and an immediate
/// retry would only spin.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// Maximum number of rejected connections that are answered at the same time. Answering takes a
/// moment. Further connections are closed without a response.
const MAX_OVERLOAD_REPLIES: usize = 128;

/// The fraction of the shutdown time that requests in flight have to finish. The rest is reserved for
/// the steps that follow.
const FINISHING: (u32, u32) = (4, 5);

/// Serves until `shutdown` completes, then waits for requests in flight to finish. The wait takes at
/// most four fifths of [`Settings::shutdown_grace_ms`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let server = Server::new(settings);
    server.serve(listener, router, shutdown).await
}

/// Whether an address belongs to a proxy, whose connections carry the requests of many clients.
type IsProxy = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// A server for one listener.
pub struct Server {
    settings: Settings,
    is_proxy: IsProxy,
    stats: Arc<Stats>,
}

impl Server {
    /// Creates a server with these limits.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            is_proxy: Box::new(|_| false),
            stats: Arc::default(),
        }
    }

    /// Sets which addresses belong to proxies. The limits per address do not apply to a proxy, because
    /// all its clients would share them.
    #[must_use]
    pub fn behind(self, is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_proxy: Box::new(is_proxy),
            ..self
        }
    }

    /// Sets the statistics that connections are counted in.
    #[must_use]
    pub fn counting(self, stats: Arc<Stats>) -> Self {
        Self { stats, ..self }
    }

    /// Serves until `shutdown` completes, then waits for requests in flight to finish. The wait takes at
    /// most four fifths of [`Settings::shutdown_grace_ms`].
    pub async fn serve(
        self,
        listener: TcpListener,
        router: Router,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let Settings {
            connections,
            max_connections_per_address,
            buffer_bytes,
            shutdown_grace_ms,
            ..
        } = self.settings;
        let limits =
            ConnectionLimits::new(files::affordable(connections), max_connections_per_address);
        let buffers = BufferBudget::new(buffer_bytes);
        self.stats.watch(&limits, &buffers);
        let (stop, stopping) = watch::channel(false);
        let door = Acceptor {
            shared: Arc::new(Shared {
                builder: builder(&self.settings),
                router,
                patience: (&self.settings).into(),
                buffers,
                stats: self.stats,
            }),
            limits,
            is_proxy: self.is_proxy,
            overload_replies: Arc::new(Semaphore::new(MAX_OVERLOAD_REPLIES)),
            stopping,
        };
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, peer)) => door.accept_connection(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "connection_accept_failed");
                    tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
                }
            }
        }
        drop((listener, door));
        stop.send_replace(true);
        let (part, of) = FINISHING;
        let patience = Duration::from_millis(shutdown_grace_ms) * part / of;
        // Each connection holds a receiver until it ends.
        if tokio::time::timeout(patience, stop.closed()).await.is_err() {
            tracing::warn!("shutdown_requests_aborted");
        }
        Ok(())
    }
}

fn builder(settings: &Settings) -> Builder<TokioExecutor> {
    let header = Duration::from_millis(settings.header_timeout_ms);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_concurrent_streams)
        // Pings detect peers that are gone.
        .keep_alive_interval(header)
        .keep_alive_timeout(header);
    builder
}

/// The state needed to admit or reject new connections.
struct Acceptor {
    shared: Arc<Shared>,
    limits: Arc<ConnectionLimits>,
    is_proxy: IsProxy,
    overload_replies: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Acceptor {
    fn accept_connection(&self, stream: TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        let client = (!(self.is_proxy)(address)).then(|| Network::of(address));
        let shared = Arc::clone(&self.shared);
        match self.limits.take(client) {
            Ok(permit) => {
                let connection = Connection {
                    stream,
                    peer: Peer(peer.ip()),
                    client,
                    shared,
                    stopping: self.stopping.clone(),
                    permit,
                };
                tokio::spawn(connection.run());
            }
            Err(why) => {
                self.shared.stats.refuse(match why {
                    connection_limits::LimitReached::All => Refused::Connections,
                    connection_limits::LimitReached::Client => Refused::Address,
                });
                if let Ok(turn) = Arc::clone(&self.overload_replies).try_acquire_owned() {
                    tokio::spawn(turn_away(stream, shared, why, turn));
                }
            }
        }
    }
}
