//! A single connection: counts each request until its response was read, and decides when to close.

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

use super::activity::{Activity, CloseReason, ConnectionTimeouts, Exchange};
use super::body::{RequestBody, ResponseBody, first};
use super::buffer_budget::{BudgetExceeded, BufferBudget, BufferPermit};
use super::connection_limits::{self, ConnectionPermit};
use super::refusal::overloaded;
use super::stats::{Refused, Stats};
use crate::auth::Peer;

/// The state shared by all connections.
pub(super) struct Shared {
    pub(super) builder: Builder<TokioExecutor>,
    pub(super) router: Router,
    pub(super) patience: ConnectionTimeouts,
    pub(super) buffers: Arc<BufferBudget>,
    pub(super) stats: Arc<Stats>,
}

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: Peer,
    /// The client that the connection is accounted to. `None` for a proxy, which serves many clients.
    pub(super) client: Option<Network>,
    pub(super) shared: Arc<Shared>,
    /// Changes when the server stops. The server waits until all receivers are dropped.
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) permit: ConnectionPermit,
}

/// The approximate memory of a request besides its text, in bytes: the state of the HTTP connection,
/// the router and the task.
const OVERHEAD: usize = 4 * 1024;

/// The error message sent when the buffers are full.
const BUFFERS_FULL: &str = "The server has as much to send as it keeps in memory.";

impl Connection {
    pub(super) async fn run(mut self) {
        // Responses are written whole, so Nagle's algorithm would only delay them.
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
            async move { shared.respond(request, client, exchange).await }
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
                        tracing::debug!(%error, "connection_failed");
                    }
                    break;
                }
                // An error means that the server itself is gone.
                _ = self.stopping.wait_for(|stopping| *stopping), if !is_stopping => {
                    is_stopping = true;
                    activity.leave();
                    connection.as_mut().graceful_shutdown();
                }
                end = activity.over() => {
                    shared.stats.end(end);
                    match end {
                        CloseReason::Idle | CloseReason::Aged => {
                            activity.leave();
                            connection.as_mut().graceful_shutdown();
                        }
                        CloseReason::Silent | CloseReason::Unread | CloseReason::Lingering => break,
                    }
                }
            }
        }
        drop(self.permit);
    }
}

impl Shared {
    /// Answers a request. Returns an error, which sends no response at all, if there is not even room
    /// for a refusal.
    async fn respond(
        &self,
        request: Request<Incoming>,
        client: Option<Network>,
        exchange: Exchange,
    ) -> Result<Response<ResponseBody>, BudgetExceeded> {
        let text = request.uri().path_and_query();
        let text = text.map_or(0, |text| text.as_str().len());
        let Ok(permit) = self.buffers.reserve(client, OVERHEAD + text) else {
            return self.refuse(client, exchange);
        };
        let permit = Arc::new(Mutex::new(permit));
        let request = request.map(|body| Body::new(RequestBody::new(body, Arc::clone(&permit))));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        shrink(&permit);
        let (parts, mut body) = response.into_parts();
        let first_bytes = first(&mut body);
        let response_permit = if first_bytes.is_empty() {
            None
        } else {
            match self.buffers.reserve_shared(client, &first_bytes) {
                Ok(permit) => Some(permit),
                Err(BudgetExceeded) => return self.refuse(client, exchange),
            }
        };
        let body = ResponseBody::new(exchange, permit, first_bytes, response_permit, body);
        Ok(Response::from_parts(parts, body))
    }

    fn refuse(
        &self,
        client: Option<Network>,
        exchange: Exchange,
    ) -> Result<Response<ResponseBody>, BudgetExceeded> {
        self.stats.refuse(Refused::Buffers);
        let permit = self.buffers.reserve_for_refusal(client, OVERHEAD)?;
        let (parts, mut body) = overloaded(BUFFERS_FULL).into_parts();
        let first_bytes = first(&mut body);
        let body = ResponseBody::new(
            exchange,
            Arc::new(Mutex::new(permit)),
            first_bytes,
            None,
            body,
        );
        Ok(Response::from_parts(parts, body))
    }
}

/// Releases the memory of a request that was read. From now on only its response takes memory.
fn shrink(permit: &Mutex<BufferPermit>) {
    let mut permit = permit.lock().unwrap_or_else(PoisonError::into_inner);
    permit.shrink(OVERHEAD);
}

/// Maximum time for a rejected client to send its request and to read the response.
const GOODBYE: Duration = Duration::from_secs(1);

/// Maximum number of bytes read from a rejected request. Closing a connection with unread data would
/// reset it, and the response would be lost.
const READ: usize = 64 * 1024;

/// Serves a connection that exceeds the limits. Health checks are answered as usual. All other requests
/// are answered with an error that says the server is overloaded.
pub(super) async fn turn_away(
    stream: TcpStream,
    shared: Arc<Shared>,
    why: connection_limits::LimitReached,
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
                // The response is the same whether or not the body could be read.
                let _ = Limited::new(request.into_body(), READ).collect().await;
                overloaded(match why {
                    connection_limits::LimitReached::All => {
                        "The server has as many connections as it takes."
                    }
                    connection_limits::LimitReached::Client => {
                        "This address has as many connections as it may have."
                    }
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
    // Slower clients are disconnected without a response.
    let _ = tokio::time::timeout(GOODBYE, connection).await;
}
