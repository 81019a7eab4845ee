//! GraphQL over HTTP, at `/graphql`.
//!
//! It keeps to the GraphQL-over-HTTP specification: what was asked in which way decides the status,
//! and every answer, refusals too, is a GraphQL response. Nothing that a page of another origin can
//! send without asking the browser's leave (a form, `text/plain`, a link) runs a mutation.

mod coding;
pub mod documents;
mod etag;
mod flight;
pub mod fresh;
mod journal;
mod media;
pub mod operations;
mod read;
mod reply;
mod run;
pub mod surrogate;
mod whole;

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
use khabar_graphql::answer::{Api, Data};
use khabar_graphql::document::{Incoming, Kind, Ready};
use khabar_graphql::error::Code;
use khabar_persistence::Reader;
use khabar_persistence::change::Position;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::Instrument as _;

use self::documents::Documents;
use self::flight::{Flights, Seat};
use self::journal::Journal;
use self::media::Media;
use self::operations::Operations;
use self::reply::{Reply, Status, send, send_whole};
pub use self::run::Stale;
use self::run::{About, Limit, Run, Told, is_for};
use self::whole::Whole;
use crate::metrics::Metrics;
use crate::rate_limit::{Limited, Meter};
use crate::{http, identity, position};

/// How long and how large a request may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes of a request's body.
    ///
    /// 1 MiB: the largest document allowed, and an article's worth of variables.
    pub body_bytes: usize,
    /// Milliseconds for a body to arrive.
    ///
    /// 10 seconds: a megabyte over a poor mobile network.
    pub body_timeout_ms: u64,
    /// Milliseconds for a request to be answered, from its headers on: to read its body and to find
    /// out who asks count, too.
    ///
    /// 15 seconds: twice what a reader waits for; proxies usually give up after 30.
    pub request_timeout_ms: u64,
    /// Bytes of a whole answer that is kept, at most.
    ///
    /// 1 MiB: ten times a large page. What is larger costs the places of many others.
    pub kept_answer_bytes: usize,
    /// How many operations are carried out at a time.
    pub operations: operations::Settings,
    /// How long caches may hold answers.
    pub cache: fresh::Settings,
    /// How documents are named and which run.
    pub documents: documents::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            body_timeout_ms: 10_000,
            request_timeout_ms: 15_000,
            kept_answer_bytes: 1024 * 1024,
            operations: operations::Settings::default(),
            cache: fresh::Settings::default(),
            documents: documents::Settings::default(),
        }
    }
}

/// Why what a request brings along does not let it be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It says who is asking, and that does not count here: the message says why not.
    Unauthenticated(String),
    /// It says something that cannot be understood: the message says what.
    BadInput(String),
    /// Its client has sent too much lately.
    TooMany(Limited),
    /// The database does not answer, or there are too many who wait for it.
    Unavailable,
    /// The server could not find out; its log says why.
    Failed,
}

impl Refused {
    /// What says who is asking does not count.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::Unauthenticated(message.into())
    }

    /// What it says cannot be understood.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::BadInput(message.into())
    }

    /// A read that failed on the way: its cause goes to the log.
    pub fn of(cause: &khabar_persistence::Error) -> Self {
        if cause.is_unavailable() {
            Self::unavailable(cause)
        } else {
            Self::failed(cause)
        }
    }

    /// The database does not answer: the cause goes to the log.
    pub fn unavailable(cause: &dyn std::error::Error) -> Self {
        tracing::warn!(%cause, "request_unavailable");
        Self::Unavailable
    }

    /// The server's own failure: the cause goes to the log.
    pub fn failed(cause: &dyn std::error::Error) -> Self {
        tracing::error!(%cause, "could not find out who is asking");
        Self::Failed
    }
}

/// What a request is given on its way in.
pub struct Given {
    /// What resolvers find in their context.
    pub data: Data,
    /// Who is asking, and as of when.
    pub scope: Scope,
    /// What reads for it, if anything does. Where it takes down what it reads, whole answers are kept.
    pub reader: Option<Reader>,
    /// The answers that may be told when the database does not answer, if any may.
    pub stale: Option<Stale>,
    /// How far in the change feed the answer to a query goes at least, where that is known.
    pub position: Option<Position>,
}

impl Given {
    /// Whether its whole answer may be kept, and one that is kept be given.
    fn keeps(&self) -> bool {
        let reader = self.reader.as_ref();
        reader.is_some_and(|reader| reader.record().is_some())
    }
}

/// What answers at the route.
struct Front<D> {
    api: Api,
    metrics: Arc<Metrics>,
    documents: Documents,
    settings: Settings,
    data: D,
    flights: Arc<Flights<Whole>>,
    operations: Arc<Operations>,
}

/// How often a request waits for another that is like it, before it sees to its own answer.
const FLIGHTS: usize = 3;

/// `/graphql`, for a router of any state. `data` finds out who is asking, and gives resolvers what
/// belongs to this request.
pub fn routes<S, D, F>(api: Api, settings: Settings, metrics: Arc<Metrics>, data: D) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    D: Fn(&Parts) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Given, Refused>> + Send + 'static,
{
    let front = Arc::new(Front {
        api,
        metrics,
        documents: Documents::new(&settings.documents),
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

/// What counts a request, where anything is limited.
fn meter(parts: &Parts) -> Option<&Meter> {
    parts.extensions.get::<Arc<Meter>>().map(Arc::as_ref)
}

/// The methods that the route knows.
const READING_AND_WRITING: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
/// The methods that may run a mutation.
const WRITING: HeaderValue = HeaderValue::from_static("POST");

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What a client is to bring that brought nothing that counts (RFC 6750 §3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");
/// An answer to somebody in particular is nobody else's, and not to be found on their machine later.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Marks an answer that may be old (RFC 9111 §5.1; RFC 7234 §5.5.1 for `Warning`).
fn marked_stale(mut response: Response, age: Duration) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    headers.insert(header::WARNING, STALE);
    response
}

const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");

impl<D, F> Front<D>
where
    D: Fn(&Parts) -> F + Send + Sync,
    F: Future<Output = Result<Given, Refused>> + Send,
{
    async fn respond(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let is_private = identity::is_private(&parts.headers);
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
        let limit = Limit {
            milliseconds,
            deadline: Instant::now() + Duration::from_millis(milliseconds),
        };
        let Some(media) = media::negotiate(&parts.headers) else {
            let reply = Reply::fixed(
                StatusCode::NOT_ACCEPTABLE,
                Code::NotAcceptable,
                format!(
                    "This server answers with {} or {}.",
                    Media::GraphQl,
                    Media::Json
                ),
            );
            return send(&reply, Media::Json, &parts.headers).await;
        };
        let is_post = parts.method == Method::POST;
        let read = match parts.method {
            Method::GET | Method::HEAD => read::url(&parts.uri),
            Method::POST => read::body(&parts.headers, body, &self.settings).await,
            _ => Err(Reply::fixed(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::MethodNotAllowed,
                "GraphQL is asked for by GET or POST.",
            )),
        };
        match read {
            Ok(incoming) => {
                let mut journal = Journal::new();
                let answer = self.answer(&parts, &incoming, limit, &mut journal);
                let answer = tokio::time::timeout_at(limit.deadline, answer).await;
                let (told, position) = answer.unwrap_or_else(|_| {
                    let reply = Reply::of_no_time(limit, journal.interrupted());
                    (reply.into(), None)
                });
                if let Told::Reply(reply) = &told
                    && let Some(meter) = meter(&parts)
                    && reply.is_clients_fault()
                {
                    meter.error();
                }
                let timing = journal.close(&told, &self.metrics);
                let is_stale = matches!(told, Told::Stale(..));
                let is_read = is_stale || matches!(told, Told::Whole(..));
                let mut response = match told {
                    Told::Whole(whole, now) => {
                        let is_public = !is_post && !identity::is_private(&parts.headers);
                        let cache = is_public.then_some((&self.settings.cache, now));
                        send_whole(&whole, media, &parts.headers, cache).await
                    }
                    Told::Stale(whole, age) => {
                        let response = send_whole(&whole, media, &parts.headers, None).await;
                        marked_stale(response, age)
                    }
                    Told::Reply(reply) => send(&reply, media, &parts.headers).await,
                };
                let headers = response.headers_mut();
                if let Some(timing) = timing {
                    headers.insert(SERVER_TIMING, timing);
                }
                let position = position.filter(|_| !is_stale);
                if let Some(position) = position.and_then(position::header) {
                    headers.insert(position::POSITION, position);
                } else if !is_post || is_read {
                    // By now more may have been written than it knows of.
                    response.extensions_mut().insert(position::Unknown);
                }
                if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                    response.headers_mut().insert(header::ALLOW, WRITING);
                }
                response
            }
            Err(reply) => {
                if let Some(meter) = meter(&parts) {
                    if let Err(limited) = meter.request() {
                        return send(&Reply::too_many(limited), media, &parts.headers).await;
                    }
                    meter.error();
                }
                let mut response = send(&reply, media, &parts.headers).await;
                let headers = response.headers_mut();
                match reply.status {
                    Status::Fixed(StatusCode::METHOD_NOT_ALLOWED) => {
                        headers.insert(header::ALLOW, READING_AND_WRITING);
                    }
                    // What is left of the body would be read as the next request.
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

    /// What a client is told, and how far in the change feed that goes, where it is known.
    async fn answer(
        &self,
        parts: &Parts,
        incoming: &Incoming,
        limit: Limit,
        journal: &mut Journal,
    ) -> (Told, Option<Position>) {
        let is_post = parts.method == Method::POST;
        let mut flights = 0;
        loop {
            // First of all: what says who is asking and does not count is never taken for nobody's.
            let given = match (self.data)(parts).await {
                Ok(given) => given,
                Err(refused) => return (Reply::of_nobody(refused).into(), None),
            };
            let (scope, position) = (given.scope, given.position);
            journal.given(scope, given.reader.as_ref());
            let named = incoming;
            let incoming = match self.documents.find(&given.data, named).await {
                Ok(found) => {
                    journal.found(found.is_registered);
                    found.incoming
                }
                Err(error) => return (Reply::of_no_document(error).into(), position),
            };
            if given.keeps()
                && let Some(reader) = &given.reader
                && let Some(name) = self.api.answer_name(&incoming)
                && let Some(whole) = reader.answer(&name, |whole| is_for(scope, whole))
            {
                self.documents.remember(named);
                journal.kept();
                return (Told::Whole(whole, scope.as_of), position);
            }
            let ready = match self.api.admit(&incoming) {
                Ok(ready) => ready,
                Err(answer) => return (Reply::understood(answer).into(), position),
            };
            journal.admitted();
            self.documents.remember(named);
            if ready.kind() == Kind::Mutation && !is_post {
                let reply = Reply::fixed(
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
                return (Reply::too_many(limited).into(), position);
            }
            // How far a write goes is known when it is done.
            let position = position.filter(|_| ready.kind() == Kind::Query);
            journal.runs(About::of(&ready));
            let stale = given.stale.clone();
            let stale = stale
                .filter(|_| ready.kind() == Kind::Query && scope.viewer == Viewer::anonymous());
            let stale = stale.map(|stale| (stale, ready.answer_name(), scope));
            let run = self.run(ready, given, limit);
            let is_shared = run.is_kept() && scope.viewer == Viewer::anonymous();
            if !is_shared || flights == FLIGHTS {
                return (run.alone().await.or_stale(stale), position);
            }
            flights += 1;
            match self.flights.board(run.name) {
                Seat::Pilot(pilot) => {
                    // A client that goes away takes nobody's answer with it.
                    let run = tokio::spawn(run.with(pilot).in_current_span());
                    let told = run.await.unwrap_or_else(|_| Reply::broken().into());
                    return (told.or_stale(stale), position);
                }
                Seat::Passenger(passenger) => match passenger.arrive().await {
                    Ok(whole) if is_for(scope, &whole) => {
                        journal.kept();
                        return (Told::Whole(whole, scope.as_of), position);
                    }
                    // As of now: what this request was given is as of before the write.
                    Err(true) => {}
                    Ok(_) | Err(false) => flights = FLIGHTS,
                },
            }
        }
    }

    fn run(&self, ready: Ready, given: Given, limit: Limit) -> Run {
        Run {
            api: self.api.clone(),
            limit,
            kept_bytes: self.settings.kept_answer_bytes,
            operations: Arc::clone(&self.operations),
            name: ready.answer_name(),
            ready,
            given,
        }
    }
}
