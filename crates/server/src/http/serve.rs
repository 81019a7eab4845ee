//! The server: connections are accepted as long as there is room, held to their time, and let finish
//! when it stops.

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

use super::buffers::Buffers;
use super::connection::{Connection, Shared, turn_away};
use super::files;
use super::places::{self, Places};
use super::settings::Settings;
use super::stats::{Refused, Stats};
use crate::identity::Peer;

/// After a failed `accept` (out of file handles, mostly) trying again at once would only spin.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// How many of those who are turned away are told why at a time. It takes them a moment; others are
/// hung up on.
const TOLD_AT_ONCE: usize = 128;

/// Of the time to stop, what requests in flight have to finish: the rest is for what comes after.
const FINISHING: (u32, u32) = (4, 5);

/// Serves until `shutdown` comes, then lets what is under way finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let server = Server::new(settings);
    server.serve(listener, router, shutdown).await
}

/// Whether an address is that of a proxy which brings many clients.
type IsProxy = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// A server for one listener.
pub struct Server {
    settings: Settings,
    is_proxy: IsProxy,
    stats: Arc<Stats>,
}

impl Server {
    /// A server with these limits.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            is_proxy: Box::new(|_| false),
            stats: Arc::default(),
        }
    }

    /// The same, where some addresses are those of proxies: what is limited for each address is not
    /// for them, because all their clients would share it.
    #[must_use]
    pub fn behind(self, is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_proxy: Box::new(is_proxy),
            ..self
        }
    }

    /// The same, counting here.
    #[must_use]
    pub fn counting(self, stats: Arc<Stats>) -> Self {
        Self { stats, ..self }
    }

    /// Serves until `shutdown` comes, then lets what is under way finish.
    pub async fn serve(
        self,
        listener: TcpListener,
        router: Router,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let Settings {
            connections,
            connections_per_address,
            buffer_bytes,
            shutdown_ms,
            ..
        } = self.settings;
        let places = Places::new(files::affordable(connections), connections_per_address);
        let buffers = Buffers::new(buffer_bytes);
        self.stats.watch(&places, &buffers);
        let (stop, stopping) = watch::channel(false);
        let door = Door {
            shared: Arc::new(Shared {
                builder: builder(&self.settings),
                router,
                patience: (&self.settings).into(),
                buffers,
                stats: self.stats,
            }),
            places,
            is_proxy: self.is_proxy,
            told: Arc::new(Semaphore::new(TOLD_AT_ONCE)),
            stopping,
        };
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, peer)) => door.let_in(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
                }
            }
        }
        drop((listener, door));
        stop.send_replace(true);
        let (part, of) = FINISHING;
        let patience = Duration::from_millis(shutdown_ms) * part / of;
        // Each connection looks at it until it ends.
        if tokio::time::timeout(patience, stop.closed()).await.is_err() {
            tracing::warn!("requests were still under way when the time to finish was over");
        }
        Ok(())
    }
}

fn builder(settings: &Settings) -> Builder<TokioExecutor> {
    let header = Duration::from_millis(settings.header_ms);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams_per_connection)
        // A peer that is gone does not answer a ping.
        .keep_alive_interval(header)
        .keep_alive_timeout(header);
    builder
}

/// Where connections come in.
struct Door {
    shared: Arc<Shared>,
    places: Arc<Places>,
    is_proxy: IsProxy,
    told: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Door {
    fn let_in(&self, stream: TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        let client = (!(self.is_proxy)(address)).then(|| Network::of(address));
        let shared = Arc::clone(&self.shared);
        match self.places.take(client) {
            Ok(place) => {
                let connection = Connection {
                    stream,
                    peer: Peer(peer.ip()),
                    client,
                    shared,
                    stopping: self.stopping.clone(),
                    place,
                };
                tokio::spawn(connection.run());
            }
            Err(why) => {
                self.shared.stats.refuse(match why {
                    places::Full::All => Refused::Connections,
                    places::Full::Client => Refused::Address,
                });
                if let Ok(turn) = Arc::clone(&self.told).try_acquire_owned() {
                    tokio::spawn(turn_away(stream, shared, why, turn));
                }
            }
        }
    }
}
