//! GraphQL over HTTP, at `/graphql`.
//!
//! The route follows the GraphQL-over-HTTP specification. The request and the negotiated media type
//! determine the status code, and every response, including a refusal, is a GraphQL response. A request
//! that a page of another origin can send without a CORS preflight (a form, `text/plain`, a link)
//! never runs a mutation.

pub mod cache_control;
mod content_encoding;
mod error_response;
mod etag;
mod media_type;
mod parse;
mod request_log;
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
use khabar_graphql::document::OperationRequest;
use khabar_graphql::error::Code;
use khabar_service::context::ContextSource;
use khabar_service::outcome::{Outcome, UncachedResponse};
use khabar_service::rate_limit::Meter;
use khabar_service::request::{Deadline, MutationPolicy, Request as ServiceRequest};
use khabar_service::service::{self, Response as ServiceResponse, Service};
use khabar_service::{admission, persisted_documents};
use serde::{Deserialize, Serialize};

use self::error_response::{ErrorResponse, Status, send, send_cached};
use self::media_type::ResponseType;
use crate::auth::TrustedProxies;
use crate::metrics::Metrics;
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
    /// Maximum size of a whole response in the cache, in bytes. Larger responses are not cached.
    ///
    /// Defaults to 1 MiB: ten times a large page. A larger response would evict many others.
    pub cached_response_bytes: usize,
    /// Limits on the number of concurrent operations.
    pub operations: admission::Settings,
    /// Cache lifetimes of responses in browsers and shared caches.
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

impl Settings {
    /// Returns the settings that do not depend on the transport.
    pub fn service(&self) -> service::Settings {
        service::Settings {
            cached_response_bytes: self.cached_response_bytes,
            operations: self.operations.clone(),
            persisted_documents: self.persisted_documents.clone(),
        }
    }
}

/// The route `/graphql`: a service, and what turns its outcomes into HTTP responses.
pub struct Endpoint<C> {
    /// The service that executes the requests.
    pub service: Arc<Service<C>>,
    /// Time and size limits, and cache lifetimes.
    pub settings: Settings,
    /// The metrics in which requests are counted.
    pub metrics: Arc<Metrics>,
    /// The proxies that are trusted to give the client address.
    pub proxies: Arc<TrustedProxies>,
}

/// The `Allow` header listing the methods that the route accepts.
const READING_AND_WRITING: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
/// The `Allow` header listing the methods that may run a mutation.
const WRITING: HeaderValue = HeaderValue::from_static("POST");

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The `WWW-Authenticate` challenge sent when credentials are not accepted (RFC 6750 §3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");
/// The `Cache-Control` header of responses to a particular client. They must not be shared, nor be left
/// behind on the client's machine.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
/// The `Warning` header of stale responses (RFC 7234 §5.5.1).
const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");

impl<C: ContextSource> Endpoint<C> {
    /// Returns a router with the route `/graphql`, for any router state.
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let endpoint = Arc::new(self);
        Router::new()
            .route(
                "/graphql",
                any(move |request: Request| {
                    let endpoint = Arc::clone(&endpoint);
                    async move { endpoint.respond(request).await }
                }),
            )
            .layer(middleware::from_fn(etag::conditional))
    }

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
        let deadline = Deadline::after(Duration::from_millis(self.settings.request_timeout_ms));
        let Some(media) = media_type::negotiate(&parts.headers) else {
            let error = ErrorResponse::fixed(
                StatusCode::NOT_ACCEPTABLE,
                Code::NotAcceptable,
                format!(
                    "This server answers with {} or {}.",
                    ResponseType::GraphQl,
                    ResponseType::Json
                ),
            );
            return send(&error, ResponseType::Json, &parts.headers).await;
        };
        let parsed = match parts.method {
            Method::GET | Method::HEAD => parse::url(&parts.uri),
            Method::POST => parse::body(&parts.headers, body, &self.settings).await,
            _ => Err(ErrorResponse::fixed(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::MethodNotAllowed,
                "GraphQL is asked for by GET or POST.",
            )),
        };
        match parsed {
            Ok(operation) => {
                let request = self.request(&parts, operation, deadline);
                let response = self.service.execute(&request).await;
                self.encode(response, &parts, media).await
            }
            Err(error) => refuse(&error, &parts, media).await,
        }
    }

    /// Creates the service's request from the headers.
    fn request(
        &self,
        parts: &Parts,
        operation: OperationRequest,
        deadline: Deadline,
    ) -> ServiceRequest {
        ServiceRequest {
            operation,
            credentials: auth::presented(parts, &self.proxies),
            position: consistency_token::requested(&parts.headers),
            mutations: if parts.method == Method::POST {
                MutationPolicy::Allow
            } else {
                MutationPolicy::Refuse("A mutation is sent by POST.")
            },
            deadline,
            meter: parts.extensions.get::<Arc<Meter>>().cloned(),
        }
    }

    /// Encodes the service's response: its status, headers and body.
    async fn encode(
        &self,
        response: ServiceResponse,
        parts: &Parts,
        media: ResponseType,
    ) -> Response {
        let timing = request_log::record(&response, &self.metrics);
        let ServiceResponse {
            outcome, position, ..
        } = response;
        let is_post = parts.method == Method::POST;
        let is_uncached = matches!(outcome, Outcome::Uncached(_));
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
            Outcome::Uncached(uncached) => send(&uncached.into(), media, &parts.headers).await,
        };
        let headers = response.headers_mut();
        if let Some(timing) = timing {
            headers.insert(SERVER_TIMING, timing);
        }
        if let Some(position) = position.and_then(consistency_token::header) {
            headers.insert(consistency_token::POSITION, position);
        } else if !is_post || !is_uncached {
            // More may have been written by now than the response reflects.
            response
                .extensions_mut()
                .insert(consistency_token::UnknownPosition);
        }
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, WRITING);
        }
        response
    }
}

/// Builds the response to a request that could not be parsed, and counts it against the rate limits.
async fn refuse(error: &ErrorResponse, parts: &Parts, media: ResponseType) -> Response {
    if let Some(meter) = parts.extensions.get::<Arc<Meter>>() {
        if let Err(limited) = meter.request() {
            let error = UncachedResponse::rate_limited(limited).into();
            return send(&error, media, &parts.headers).await;
        }
        meter.error();
    }
    let mut response = send(error, media, &parts.headers).await;
    let headers = response.headers_mut();
    match error.status {
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

/// Marks a response as stale with `Age` (RFC 9111 §5.1) and `Warning`.
fn marked_stale(mut response: Response, age: Duration) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    headers.insert(header::WARNING, STALE);
    response
}
