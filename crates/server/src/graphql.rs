//! GraphQL over HTTP, at `/graphql`.
//!
//! It keeps to the GraphQL-over-HTTP specification: what was asked in which way decides the status,
//! and every answer, refusals too, is a GraphQL response. Nothing that a page of another origin can
//! send without asking the browser's leave (a form, `text/plain`, a link) runs a mutation.

pub mod documents;
mod etag;
pub mod fresh;
mod media;
mod read;
pub mod surrogate;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::any;
use khabar_graphql::answer::{Answer, Api, Data, RequestError};
use khabar_graphql::document::{Incoming, Kind, Ready};
use khabar_graphql::error::{Code, Error};
use serde::{Deserialize, Serialize};
use tower_http::compression::CompressionLayer;

use self::documents::Documents;
use self::media::Media;
use crate::identity;

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
    /// Milliseconds for an operation to be answered.
    ///
    /// 15 seconds: twice what a reader waits for; proxies usually give up after 30.
    pub request_timeout_ms: u64,
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

    /// The server's own failure: the cause goes to the log.
    pub fn failed(cause: &dyn std::error::Error) -> Self {
        tracing::error!(%cause, "could not find out who is asking");
        Self::Failed
    }
}

/// What answers at the route.
struct Front<D> {
    api: Api,
    documents: Documents,
    settings: Settings,
    data: D,
}

/// `/graphql`, for a router of any state. `data` finds out who is asking, and gives resolvers what
/// belongs to this request.
pub fn routes<S, D, F>(api: Api, settings: Settings, data: D) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    D: Fn(&Parts) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Data, Refused>> + Send + 'static,
{
    let front = Arc::new(Front {
        api,
        documents: Documents::new(&settings.documents),
        settings,
        data,
    });
    Router::new()
        .route(
            "/graphql",
            any(move |request: Request| {
                let front = Arc::clone(&front);
                async move { front.respond(request).await }
            }),
        )
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(etag::conditional))
}

/// What is sent back, before it is known as which media type. It is boxed: it is the error of results
/// whose other side is small.
struct Reply {
    answer: Answer,
    status: Status,
    /// The longest that caches may hold it, where what was asked says so.
    hold: Option<Duration>,
}

enum Status {
    /// The request was understood; the media type says how its answer's status is told.
    Understood,
    /// HTTP itself has a status for this.
    Fixed(StatusCode),
}

impl Reply {
    fn understood(answer: Answer) -> Box<Self> {
        Box::new(Self {
            answer,
            status: Status::Understood,
            hold: None,
        })
    }

    /// The same, which caches may not hold for longer than this.
    fn held_for(mut self: Box<Self>, hold: Option<Duration>) -> Box<Self> {
        self.hold = hold;
        self
    }

    /// Whether it says all that was asked.
    fn is_whole(&self) -> bool {
        matches!(self.status, Status::Understood)
            && !self.answer.is_refused()
            && self.answer.codes().next().is_none()
    }

    fn fixed(status: StatusCode, code: Code, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            answer: Answer::because(Error::new(code, message)),
            status: Status::Fixed(status),
            hold: None,
        })
    }

    fn of_nobody(refused: Refused) -> Box<Self> {
        match refused {
            Refused::Unauthenticated(message) => {
                Self::fixed(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
            }
            Refused::BadInput(message) => {
                Self::fixed(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
            }
            Refused::Failed => Self::fixed(
                StatusCode::INTERNAL_SERVER_ERROR,
                Code::Internal,
                "The server could not find out who is asking.",
            ),
        }
    }

    /// The document that was asked for cannot be had, or does not run here.
    fn of_no_document(error: Error) -> Box<Self> {
        let is_ours = error.code() == Code::Internal;
        let answer = Answer::because(error);
        log(None, &answer);
        let mut reply = Self::understood(answer);
        if is_ours {
            reply.status = Status::Fixed(StatusCode::INTERNAL_SERVER_ERROR);
        }
        reply
    }

    fn unreadable(error: RequestError) -> Box<Self> {
        Box::new(Self {
            answer: Answer::refused(vec![error]),
            status: Status::Fixed(StatusCode::BAD_REQUEST),
            hold: None,
        })
    }
}

/// The methods that the route knows.
const READING_AND_WRITING: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
/// The methods that may run a mutation.
const WRITING: HeaderValue = HeaderValue::from_static("POST");

/// What a client is to bring that brought nothing that counts (RFC 6750 §3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");
/// An answer to somebody in particular is nobody else's, and not to be found on their machine later.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
/// What was sent by POST is no resource to keep, and an error is rather asked again.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

impl<D, F> Front<D>
where
    D: Fn(&Parts) -> F + Send + Sync,
    F: Future<Output = Result<Data, Refused>> + Send,
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
        response
    }

    async fn respond_to(&self, parts: Parts, body: Body) -> Response {
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
            return send(&reply, Media::Json, None);
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
                let reply = self.answer(&parts, &incoming, is_post).await;
                let is_public = !is_post && !identity::is_private(&parts.headers);
                let cache = is_public.then_some(&self.settings.cache);
                let mut response = send(&reply, media, cache);
                if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                    response.headers_mut().insert(header::ALLOW, WRITING);
                }
                response
            }
            Err(reply) => {
                let mut response = send(&reply, media, None);
                let headers = response.headers_mut();
                match reply.status {
                    Status::Fixed(StatusCode::METHOD_NOT_ALLOWED) => {
                        headers.insert(header::ALLOW, READING_AND_WRITING);
                    }
                    // What is left of the body would be read as the next request.
                    Status::Fixed(StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE) => {
                        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
                    }
                    _ => {}
                }
                response
            }
        }
    }

    async fn answer(&self, parts: &Parts, incoming: &Incoming, is_post: bool) -> Box<Reply> {
        // First of all: what says who is asking and does not count is never taken for nobody's.
        let data = match (self.data)(parts).await {
            Ok(data) => data,
            Err(refused) => return Reply::of_nobody(refused),
        };
        let named = incoming;
        let incoming = match self.documents.find(&data, named).await {
            Ok(found) => found,
            Err(error) => return Reply::of_no_document(error),
        };
        let ready = match self.api.admit(&incoming) {
            Ok(ready) => ready,
            Err(answer) => {
                log(None, &answer);
                return Reply::understood(answer);
            }
        };
        self.documents.remember(named);
        if ready.kind() == Kind::Mutation && !is_post {
            return Reply::fixed(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::MethodNotAllowed,
                "A mutation is sent by POST.",
            );
        }
        let about = About::of(&ready);
        let hold = ready.hold();
        let limit = Duration::from_millis(self.settings.request_timeout_ms);
        let answer = tokio::time::timeout(limit, self.api.run(ready, data)).await;
        let reply = answer.map_or_else(
            |_| {
                Reply::fixed(
                    StatusCode::SERVICE_UNAVAILABLE,
                    Code::RequestTimeout,
                    format!("The answer took longer than {} ms.", limit.as_millis()),
                )
            },
            |answer| Reply::understood(answer).held_for(hold),
        );
        log(Some(&about), &reply.answer);
        reply
    }
}

/// What the log says of an operation.
struct About {
    kind: Kind,
    name: Option<String>,
    cost: u64,
}

impl About {
    fn of(ready: &Ready) -> Self {
        Self {
            kind: ready.kind(),
            name: ready.name().map(str::to_owned),
            cost: ready.cost(),
        }
    }
}

fn log(about: Option<&About>, answer: &Answer) {
    let codes: Vec<_> = answer.codes().collect();
    if let Some(about) = about {
        tracing::info!(
            kind = ?about.kind,
            operation = about.name.as_deref(),
            cost = about.cost,
            ?codes,
            "answered"
        );
    } else {
        tracing::info!(?codes, "refused");
    }
}

/// Writes a reply; caches may hold it by these settings, if there are any and it is whole.
fn send(reply: &Reply, media: Media, cache: Option<&fresh::Settings>) -> Response {
    let status = match reply.status {
        Status::Fixed(status) => status,
        Status::Understood if reply.answer.is_refused() => media.status_of_refusal(),
        Status::Understood => StatusCode::OK,
    };
    let body = reply.answer.to_json();
    let (cache_control, tag) = match cache {
        Some(cache) if reply.is_whole() => (
            cache.public(reply.hold),
            etag::of(&media.content_type(), &body),
        ),
        _ => (NO_STORE, None),
    };
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.content_type());
    headers.insert(header::CACHE_CONTROL, cache_control);
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept, authorization, khabar-position, khabar-preview"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
