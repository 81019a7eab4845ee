//! GraphQL over HTTP, at `/graphql`.
//!
//! The route follows the GraphQL-over-HTTP specification. The request and the negotiated media type
//! determine the status code, and every answer, including a refusal, is a GraphQL response. A request
//! that a page of another origin can send without a CORS preflight (a form, `text/plain`, a link)
//! never runs a mutation.

pub mod admission;
pub mod cache_control;
mod cached_response;
mod content_encoding;
mod error_response;
mod etag;
mod execute;
mod media_type;
mod parse;
pub mod persisted_documents;
mod request_log;
mod single_flight;
pub mod surrogate;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::any;
use khabar_domain::{Scope, Viewer};
use khabar_graphql::document::{Kind, OperationRequest, PreparedOperation};
use khabar_graphql::error::Code;
use khabar_graphql::response::{Api, Data};
use khabar_persistence::ReadSession;
use khabar_persistence::change::Position;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::Instrument as _;

use self::admission::Operations;
use self::cached_response::CachedResponse;
use self::error_response::{ErrorResponse, Status, send, send_cached};
pub use self::execute::StaleIfError;
use self::execute::{Deadline, Execution, OperationInfo, Outcome, is_for};
use self::media_type::ResponseType;
use self::persisted_documents::Documents;
use self::request_log::RequestLog;
use self::single_flight::{Role, SingleFlight, Waited};
use crate::metrics::Metrics;
use crate::rate_limit::{Limited, Meter};
use crate::{auth, consistency_token, http};

/// Time and size limits of requests, and the settings for operations, caching and documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Maximum size of a request body, in bytes.
    ///
    /// Defaults to 1 MiB: enough for the largest document allowed plus an article in the variables.
    pub body_bytes: usize,
    /// Maximum time to receive a request body, in milliseconds.
    ///
    /// Defaults to 10 seconds: enough for a megabyte over a poor mobile network.
    pub body_timeout_ms: u64,
    /// Maximum time to answer a request, in milliseconds, counted from the arrival of its headers.
    /// Reading the body and authenticating the caller count towards it.
    ///
    /// Defaults to 15 seconds: twice as long as a reader is willing to wait. Proxies usually give up
    /// after 30.
    pub request_timeout_ms: u64,
    /// Maximum size of a whole answer in the cache, in bytes. Larger answers are not cached.
    ///
    /// Defaults to 1 MiB: ten times a large page. A larger answer would evict many others.
    pub cached_response_bytes: usize,
    /// Limits on the number of concurrent operations.
    pub operations: admission::Settings,
    /// Cache lifetimes of answers in browsers and shared caches.
    pub cache: cache_control::Settings,
    /// Rules for named documents, and for the documents that may run.
    pub persisted_documents: persisted_documents::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            body_timeout_ms: 10_000,
            request_timeout_ms: 15_000,
            cached_response_bytes: 1024 * 1024,
            operations: admission::Settings::default(),
            cache: cache_control::Settings::default(),
            persisted_documents: persisted_documents::Settings::default(),
        }
    }
}

/// The reason for refusing a request before its operation runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextError {
    /// The credentials are not accepted. The message gives the reason.
    Unauthenticated(String),
    /// The request contains invalid input. The message describes it.
    BadInput(String),
    /// The client has exceeded a rate limit.
    TooMany(Limited),
    /// The database is unavailable, or too many requests are waiting for it.
    Unavailable,
    /// The server failed to identify the caller. The cause is in its log.
    Failed,
}

impl ContextError {
    /// Creates a refusal for credentials that are not accepted.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::Unauthenticated(message.into())
    }

    /// Creates a refusal for invalid input.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::BadInput(message.into())
    }

    /// Creates a refusal for a failed read and logs the cause.
    pub fn of(cause: &khabar_persistence::Error) -> Self {
        if cause.is_unavailable() {
            Self::unavailable(cause)
        } else {
            Self::failed(cause)
        }
    }

    /// Creates a refusal for an unavailable database and logs the cause as a warning.
    pub fn unavailable(cause: &dyn std::error::Error) -> Self {
        tracing::warn!(%cause, "request_unavailable");
        Self::Unavailable
    }

    /// Creates a refusal for a failure of the server and logs the cause as an error.
    pub fn failed(cause: &dyn std::error::Error) -> Self {
        tracing::error!(%cause, "authentication_failed");
        Self::Failed
    }
}

/// The context of a request, created before the request is answered.
pub struct RequestContext {
    /// The data available to resolvers in their context.
    pub data: Data,
    /// The viewer, and the point in time for which data is read.
    pub scope: Scope,
    /// The reader for this request, if there is one. If it records its reads, whole answers are cached.
    pub reader: Option<ReadSession>,
    /// The stale answers that may be served while the database is unavailable. `None` if not allowed.
    pub stale: Option<StaleIfError>,
    /// The position in the change feed that the answer to a query reflects at least, if known.
    pub position: Option<Position>,
}

impl RequestContext {
    /// Whether the whole answer may be stored in the cache and served from it.
    fn keeps(&self) -> bool {
        let reader = self.reader.as_ref();
        reader.is_some_and(|reader| reader.record().is_some())
    }
}

/// The handler of the route, with its shared state.
struct Endpoint<D> {
    api: Api,
    metrics: Arc<Metrics>,
    documents: Documents,
    settings: Settings,
    data: D,
    flights: Arc<SingleFlight<CachedResponse>>,
    operations: Arc<Operations>,
}

/// Maximum number of times that a request waits for an identical one before it runs its operation alone.
const FLIGHTS: usize = 3;

/// Returns a router with the route `/graphql`, for any router state. `data` identifies the caller of
/// a request and creates the request's context.
pub fn routes<S, D, F>(api: Api, settings: Settings, metrics: Arc<Metrics>, data: D) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    D: Fn(&Parts) -> F + Send + Sync + 'static,
    F: Future<Output = Result<RequestContext, ContextError>> + Send + 'static,
{
    let front = Arc::new(Endpoint {
        api,
        metrics,
        documents: Documents::new(&settings.persisted_documents),
        operations: Arc::new(Operations::new(&settings.operations)),
        settings,
        data,
        flights: Arc::default(),
    });
    Router::new()
        .route(
            "/graphql",
            any(move |request: Request| {
                let front = Arc::clone(&front);
                async move { front.respond(request).await }
            }),
        )
        .layer(middleware::from_fn(etag::conditional))
}

/// Returns the rate limit meter of a request. `None` if there are no rate limits.
fn meter(parts: &Parts) -> Option<&Meter> {
    parts.extensions.get::<Arc<Meter>>().map(Arc::as_ref)
}

/// The `Allow` header listing the methods that the route accepts.
const READING_AND_WRITING: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
/// The `Allow` header listing the methods that may run a mutation.
const WRITING: HeaderValue = HeaderValue::from_static("POST");

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The `WWW-Authenticate` challenge sent when credentials are not accepted (RFC 6750 §3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");
/// The `Cache-Control` header of answers to a particular client. They must not be shared, nor be left
/// behind on the client's machine.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Marks a response as stale with `Age` (RFC 9111 §5.1) and `Warning` (RFC 7234 §5.5.1).
fn marked_stale(mut response: Response, age: Duration) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    headers.insert(header::WARNING, STALE);
    response
}

const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");

impl<D, F> Endpoint<D>
where
    D: Fn(&Parts) -> F + Send + Sync,
    F: Future<Output = Result<RequestContext, ContextError>> + Send,
{
    async fn respond(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let is_private = auth::is_private(&parts.headers);
        let mut response = self.respond_to(parts, body).await;
        let headers = response.headers_mut();
        if is_private {
            headers.insert(header::CACHE_CONTROL, PRIVATE);
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            http::refusal::retry_after(&mut response);
        }
        response
    }

    async fn respond_to(&self, parts: Parts, body: Body) -> Response {
        let milliseconds = self.settings.request_timeout_ms;
        let limit = Deadline {
            milliseconds,
            deadline: Instant::now() + Duration::from_millis(milliseconds),
        };
        let Some(media) = media_type::negotiate(&parts.headers) else {
            let reply = ErrorResponse::fixed(
                StatusCode::NOT_ACCEPTABLE,
                Code::NotAcceptable,
                format!(
                    "This server answers with {} or {}.",
                    ResponseType::GraphQl,
                    ResponseType::Json
                ),
            );
            return send(&reply, ResponseType::Json, &parts.headers).await;
        };
        let is_post = parts.method == Method::POST;
        let read = match parts.method {
            Method::GET | Method::HEAD => parse::url(&parts.uri),
            Method::POST => parse::body(&parts.headers, body, &self.settings).await,
            _ => Err(ErrorResponse::fixed(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::MethodNotAllowed,
                "GraphQL is asked for by GET or POST.",
            )),
        };
        match read {
            Ok(incoming) => {
                let mut journal = RequestLog::new();
                let answer = self.answer(&parts, &incoming, limit, &mut journal);
                let answer = tokio::time::timeout_at(limit.deadline, answer).await;
                let (outcome, position) = answer.unwrap_or_else(|_| {
                    let reply = ErrorResponse::of_no_time(limit, journal.interrupted());
                    (reply.into(), None)
                });
                if let Outcome::Error(reply) = &outcome
                    && let Some(meter) = meter(&parts)
                    && reply.is_clients_fault()
                {
                    meter.error();
                }
                let timing = journal.close(&outcome, &self.metrics);
                let is_stale = matches!(outcome, Outcome::Stale(..));
                let is_read = is_stale || matches!(outcome, Outcome::Complete(..));
                let mut response = match outcome {
                    Outcome::Complete(cached, now) => {
                        let is_public = !is_post && !auth::is_private(&parts.headers);
                        let cache = is_public.then_some((&self.settings.cache, now));
                        send_cached(&cached, media, &parts.headers, cache).await
                    }
                    Outcome::Stale(cached, age) => {
                        let response = send_cached(&cached, media, &parts.headers, None).await;
                        marked_stale(response, age)
                    }
                    Outcome::Error(reply) => send(&reply, media, &parts.headers).await,
                };
                let headers = response.headers_mut();
                if let Some(timing) = timing {
                    headers.insert(SERVER_TIMING, timing);
                }
                let position = position.filter(|_| !is_stale);
                if let Some(position) = position.and_then(consistency_token::header) {
                    headers.insert(consistency_token::POSITION, position);
                } else if !is_post || is_read {
                    // More may have been written by now than the answer reflects.
                    response.extensions_mut().insert(consistency_token::Unknown);
                }
                if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                    response.headers_mut().insert(header::ALLOW, WRITING);
                }
                response
            }
            Err(reply) => {
                if let Some(meter) = meter(&parts) {
                    if let Err(limited) = meter.request() {
                        return send(&ErrorResponse::too_many(limited), media, &parts.headers)
                            .await;
                    }
                    meter.error();
                }
                let mut response = send(&reply, media, &parts.headers).await;
                let headers = response.headers_mut();
                match reply.status {
                    Status::Fixed(StatusCode::METHOD_NOT_ALLOWED) => {
                        headers.insert(header::ALLOW, READING_AND_WRITING);
                    }
                    // The unread rest of the body would be parsed as the next request.
                    Status::Fixed(
                        StatusCode::REQUEST_TIMEOUT
                        | StatusCode::PAYLOAD_TOO_LARGE
                        | StatusCode::SERVICE_UNAVAILABLE,
                    ) => {
                        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
                    }
                    _ => {}
                }
                response
            }
        }
    }

    /// Answers a request. Also returns the change feed position that the answer reflects, if known.
    async fn answer(
        &self,
        parts: &Parts,
        incoming: &OperationRequest,
        limit: Deadline,
        journal: &mut RequestLog,
    ) -> (Outcome, Option<Position>) {
        let is_post = parts.method == Method::POST;
        let mut flights = 0;
        loop {
            // This comes first: a request with invalid credentials is never treated as anonymous.
            let given = match (self.data)(parts).await {
                Ok(given) => given,
                Err(refused) => return (ErrorResponse::of_nobody(refused).into(), None),
            };
            let (scope, position) = (given.scope, given.position);
            journal.given(scope, given.reader.as_ref());
            let named = incoming;
            let incoming = match self.documents.find(&given.data, named).await {
                Ok(found) => {
                    journal.found(found.is_registered);
                    found.incoming
                }
                Err(error) => return (ErrorResponse::of_no_document(error).into(), position),
            };
            if given.keeps()
                && let Some(reader) = &given.reader
                && let Some(name) = self.api.answer_name(&incoming)
                && let Some(cached) = reader.answer(&name, |cached| is_for(scope, cached))
            {
                self.documents.remember(named);
                journal.kept();
                return (Outcome::Complete(cached, scope.as_of), position);
            }
            let ready = match self.api.admit(&incoming) {
                Ok(ready) => ready,
                Err(answer) => return (ErrorResponse::understood(answer).into(), position),
            };
            journal.admitted();
            self.documents.remember(named);
            if ready.kind() == Kind::Mutation && !is_post {
                let reply = ErrorResponse::fixed(
                    StatusCode::METHOD_NOT_ALLOWED,
                    Code::MethodNotAllowed,
                    "A mutation is sent by POST.",
                );
                return (reply.into(), position);
            }
            if ready.kind() == Kind::Mutation
                && let Some(meter) = meter(parts)
                && let Err(limited) = meter.mutations(ready.root_fields())
            {
                return (ErrorResponse::too_many(limited).into(), position);
            }
            // The position of a write is known only when the write is done.
            let position = position.filter(|_| ready.kind() == Kind::Query);
            journal.runs(OperationInfo::of(&ready));
            let stale = given.stale.clone();
            let stale = stale
                .filter(|_| ready.kind() == Kind::Query && scope.viewer == Viewer::anonymous());
            let stale = stale.map(|stale| (stale, ready.answer_name(), scope));
            let run = self.run(ready, given, limit);
            let is_shared = run.is_cacheable() && scope.viewer == Viewer::anonymous();
            if !is_shared || flights == FLIGHTS {
                return (run.alone().await.or_stale(stale), position);
            }
            flights += 1;
            match self.flights.join(run.name) {
                Role::Leader(leader) => {
                    // In its own task: a client that disconnects does not cancel the answer for others.
                    let run = tokio::spawn(run.with(leader).in_current_span());
                    let outcome = run.await.unwrap_or_else(|_| ErrorResponse::broken().into());
                    return (outcome.or_stale(stale), position);
                }
                Role::Follower(follower) => match follower.wait().await {
                    Waited::Shared(cached) if is_for(scope, &cached) => {
                        journal.kept();
                        return (Outcome::Complete(cached, scope.as_of), position);
                    }
                    // Try again with a new context. The present one predates the write.
                    Waited::Retry => {}
                    Waited::Shared(_) | Waited::NotShared => flights = FLIGHTS,
                },
            }
        }
    }

    fn run(&self, ready: PreparedOperation, given: RequestContext, limit: Deadline) -> Execution {
        Execution {
            api: self.api.clone(),
            limit,
            kept_bytes: self.settings.cached_response_bytes,
            operations: Arc::clone(&self.operations),
            name: ready.answer_name(),
            ready,
            given,
        }
    }
}
