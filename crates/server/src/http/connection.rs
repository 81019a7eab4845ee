//! One connection: its requests, each counted until its answer was taken, and its end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use khabar_domain::Network;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tower::ServiceExt as _;

use super::activity::{Activity, End, Exchange, Patience};
use super::buffers::{Buffers, Full, Room};
use super::outgoing::{Arriving, Outgoing, first};
use super::places::{self, Place};
use super::refusal::overloaded;
use super::stats::{Refused, Stats};
use crate::identity::Peer;

/// What all connections share.
pub(super) struct Shared {
    pub(super) builder: Builder<TokioExecutor>,
    pub(super) router: Router,
    pub(super) patience: Patience,
    pub(super) buffers: Arc<Buffers>,
    pub(super) stats: Arc<Stats>,
}

/// One that was let in.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: Peer,
    /// On whose account it is; none for a proxy, which brings many clients.
    pub(super) client: Option<Network>,
    pub(super) shared: Arc<Shared>,
    /// Changes when the server stops; the server waits until nobody looks at it any more.
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) place: Place,
}

/// What a request takes beside its text: what HTTP, the router and the task that sees to it keep of
/// it, about.
const OVERHEAD: usize = 4 * 1024;

/// What is said where the buffers are full.
const BUFFERS_FULL: &str = "The server has as much to send as it keeps in memory.";

impl Connection {
    pub(super) async fn run(mut self) {
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = self.stream.set_nodelay(true);
        let shared = Arc::clone(&self.shared);
        let activity = Activity::new(shared.patience);
        let (peer, client) = (self.peer, self.client);
        let requests = Arc::clone(&activity);
        let of_requests = Arc::clone(&shared);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let shared = Arc::clone(&of_requests);
            let exchange = requests.begin();
            async move { shared.answer(request, client, exchange).await }
        });
        let connection = shared
            .builder
            .serve_connection_with_upgrades(TokioIo::new(self.stream), service);
        let mut connection = pin!(connection);
        let mut is_stopping = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended badly");
                    }
                    break;
                }
                // An error is a server that is gone.
                _ = self.stopping.wait_for(|stopping| *stopping), if !is_stopping => {
                    is_stopping = true;
                    activity.leave();
                    connection.as_mut().graceful_shutdown();
                }
                end = activity.over() => {
                    shared.stats.end(end);
                    match end {
                        End::Idle | End::Aged => {
                            activity.leave();
                            connection.as_mut().graceful_shutdown();
                        }
                        End::Silent | End::Unread | End::Lingering => break,
                    }
                }
            }
        }
        drop(self.place);
    }
}

impl Shared {
    /// The answer to a request. An error, which is no answer at all, where there is no room even to
    /// say that there is none.
    async fn answer(
        &self,
        request: Request<Incoming>,
        client: Option<Network>,
        exchange: Exchange,
    ) -> Result<Response<Outgoing>, Full> {
        let text = request.uri().path_and_query();
        let text = text.map_or(0, |text| text.as_str().len());
        let Ok(room) = self.buffers.room(client, OVERHEAD + text) else {
            return self.refuse(client, exchange);
        };
        let room = Arc::new(Mutex::new(room));
        let request = request.map(|body| Body::new(Arriving::new(body, Arc::clone(&room))));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        shrink(&room);
        let (parts, mut body) = response.into_parts();
        let ready = first(&mut body);
        let answer = if ready.is_empty() {
            None
        } else {
            match self.buffers.room_for(client, &ready) {
                Ok(room) => Some(room),
                Err(Full) => return self.refuse(client, exchange),
            }
        };
        let body = Outgoing::new(exchange, room, ready, answer, body);
        Ok(Response::from_parts(parts, body))
    }

    fn refuse(
        &self,
        client: Option<Network>,
        exchange: Exchange,
    ) -> Result<Response<Outgoing>, Full> {
        self.stats.refuse(Refused::Buffers);
        let room = self.buffers.room_for_refusal(client, OVERHEAD)?;
        let (parts, mut body) = overloaded(BUFFERS_FULL).into_parts();
        let ready = first(&mut body);
        let body = Outgoing::new(exchange, Arc::new(Mutex::new(room)), ready, None, body);
        Ok(Response::from_parts(parts, body))
    }
}

/// The request was read; what lies in memory from now on is its answer.
fn shrink(room: &Mutex<Room>) {
    let mut room = room.lock().unwrap_or_else(PoisonError::into_inner);
    room.shrink(OVERHEAD);
}

/// For how long somebody who is turned away may take to ask and to hear it.
const GOODBYE: Duration = Duration::from_secs(1);

/// How much of what they ask is read: bytes that were not read when a connection is closed would
/// reset it, and take the answer with it.
const READ: usize = 64 * 1024;

/// Answers the requests of a connection for which there is no place: that of a health check, and to
/// all others that the house is full.
pub(super) async fn turn_away(
    stream: TcpStream,
    shared: Arc<Shared>,
    why: places::Full,
    _turn: OwnedSemaphorePermit,
) {
    let of_requests = Arc::clone(&shared);
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&of_requests);
        async move {
            let mut response = if request.uri().path().starts_with("/health/") {
                let request = request.map(Body::new);
                match shared.router.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            } else {
                // Read or not, the answer is the same.
                let _ = Limited::new(request.into_body(), READ).collect().await;
                overloaded(match why {
                    places::Full::All => "The server has as many connections as it takes.",
                    places::Full::Client => "This address has as many connections as it may have.",
                })
            };
            let headers = response.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            Ok::<_, Infallible>(response)
        }
    });
    let connection = shared
        .builder
        .serve_connection(TokioIo::new(stream), service);
    // Whoever takes longer is not told.
    let _ = tokio::time::timeout(GOODBYE, connection).await;
}
