//! HTTP responses to GraphQL requests: their media type, content coding, status and cache headers.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use khabar_graphql::document::Kind;
use khabar_graphql::error::{Code, Error, Outage};
use khabar_graphql::response::{Answer, RequestError};

use super::cached_response::CachedResponse;
use super::content_encoding::{self, ContentEncoding};
use super::execute::{Deadline, OperationInfo};
use super::media_type::ResponseType;
use super::{ContextError, cache_control, surrogate};
use crate::rate_limit::Limited;

/// The request headers that a response depends on, besides the URL.
const VARY: HeaderValue = HeaderValue::from_static(
    "accept, accept-encoding, authorization, khabar-position, khabar-preview",
);
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// The `Cache-Control` value of responses that must not be stored. Responses to POST are not cached,
/// and a request that failed should be sent again.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A response before content negotiation.
pub(super) struct ErrorResponse {
    /// Boxed because a reply is the error type of results whose success type is small.
    pub(super) answer: Box<Answer>,
    pub(super) status: Status,
    /// The operation that was executed, if any.
    pub(super) about: Option<OperationInfo>,
}

pub(super) enum Status {
    /// The request was well formed. The HTTP status depends on the media type.
    Understood,
    /// A status that applies to either media type.
    Fixed(StatusCode),
}

impl ErrorResponse {
    /// Creates the reply to a well-formed request. If an outage of the server left nothing of the
    /// answer, the status says so, whatever the media type and the method: caches treat a 200 as a
    /// valid answer, but on a 5xx they serve the previous one (RFC 5861 §4). Non-null `data` requires a
    /// 200, so `data` whose fields are all null is left out.
    pub(super) fn understood(answer: Answer) -> Self {
        let (answer, status) = match answer.outage() {
            None => (answer, Status::Understood),
            Some(outage) => (answer.without_data(), Status::Fixed(status_of(outage))),
        };
        Self {
            answer: Box::new(answer),
            status,
            about: None,
        }
    }

    pub(super) fn fixed(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self {
            answer: Box::new(Answer::because(Error::new(code, message))),
            status: Status::Fixed(status),
            about: None,
        }
    }

    pub(super) fn of_nobody(refused: ContextError) -> Self {
        match refused {
            ContextError::Unauthenticated(message) => {
                Self::fixed(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
            }
            ContextError::BadInput(message) => {
                Self::fixed(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
            }
            ContextError::TooMany(limited) => Self::too_many(limited),
            ContextError::Unavailable => Self::fixed(
                StatusCode::SERVICE_UNAVAILABLE,
                Code::Unavailable,
                "The database does not answer. Try again in a moment.",
            ),
            ContextError::Failed => Self::fixed(
                StatusCode::INTERNAL_SERVER_ERROR,
                Code::Internal,
                "The server could not find out who is asking.",
            ),
        }
    }

    /// Creates the reply to a client that exceeded a rate limit.
    pub(super) fn too_many(limited: Limited) -> Self {
        let Limited {
            counted,
            quota,
            retry_after,
        } = limited;
        let message = format!(
            "No more than {quota} {counted} are answered in a minute: send the next in {retry_after} s."
        );
        Self::fixed(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, message)
    }

    /// Whether the reply reports an error caused by the client. Server outages are excluded, and so is
    /// status 429, which the rate limiter has already counted.
    pub(super) fn is_clients_fault(&self) -> bool {
        self.answer.has_errors()
            && !self.answer.has_outage()
            && !matches!(self.status, Status::Fixed(StatusCode::TOO_MANY_REQUESTS))
    }

    /// Creates the reply to a request that exceeded its time limit. If the operation was a mutation,
    /// its outcome is unknown.
    pub(super) fn of_no_time(limit: Deadline, about: Option<OperationInfo>) -> Self {
        let is_write = about
            .as_ref()
            .is_some_and(|about| about.kind == Kind::Mutation);
        let took = format!("took longer than {} ms", limit.milliseconds);
        let (code, message) = if is_write {
            let message = format!(
                "The write {took}, and its outcome is unknown: it may have been carried out, or may \
                 be yet. Send it again with the same `idempotencyKey`: it is done once, and the \
                 answer is that of the first time. A write without one is not to be sent again \
                 before it was looked whether it was done."
            );
            (Code::OutcomeUnknown, message)
        } else {
            (Code::RequestTimeout, format!("The answer {took}."))
        };
        Self {
            about,
            ..Self::fixed(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    /// Creates the reply to an operation that got no slot to run in.
    pub(super) fn of_no_turn(error: Error) -> Self {
        Self {
            answer: Box::new(Answer::because(error)),
            status: Status::Fixed(StatusCode::SERVICE_UNAVAILABLE),
            about: None,
        }
    }

    /// Whether the request failed because the database did not answer.
    pub(super) fn is_unavailable(&self) -> bool {
        let unavailable = Code::Unavailable.as_str();
        matches!(self.status, Status::Fixed(StatusCode::SERVICE_UNAVAILABLE))
            && self.answer.codes().any(|code| code == unavailable)
    }

    /// Creates the reply to a request whose document could not be found or may not run on this server.
    pub(super) fn of_no_document(error: Error) -> Self {
        let is_ours = error.code() == Code::Internal;
        let mut reply = Self::understood(Answer::because(error));
        if is_ours {
            reply.status = Status::Fixed(StatusCode::INTERNAL_SERVER_ERROR);
        }
        reply
    }

    /// Sets the operation that the reply belongs to.
    pub(super) fn to(self, about: OperationInfo) -> Self {
        Self {
            about: Some(about),
            ..self
        }
    }

    /// Creates the reply to an operation whose task panicked. The panic itself is in the log.
    pub(super) fn broken() -> Self {
        Self {
            answer: Box::new(Answer::because(Error::unexplained())),
            status: Status::Fixed(StatusCode::INTERNAL_SERVER_ERROR),
            about: None,
        }
    }

    pub(super) fn unreadable(error: RequestError) -> Self {
        Self {
            answer: Box::new(Answer::refused(vec![error])),
            status: Status::Fixed(StatusCode::BAD_REQUEST),
            about: None,
        }
    }
}

fn status_of(outage: Outage) -> StatusCode {
    match outage {
        Outage::Passing => StatusCode::SERVICE_UNAVAILABLE,
        Outage::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Builds the response for a reply that must not be stored.
pub(super) async fn send(
    reply: &ErrorResponse,
    media: ResponseType,
    asked: &HeaderMap,
) -> Response {
    let status = match reply.status {
        Status::Fixed(status) => status,
        Status::Understood if reply.answer.is_refused() => media.status_of_refusal(),
        Status::Understood => StatusCode::OK,
    };
    let body = Bytes::from(reply.answer.to_json());
    let mut response = match content_encoding::negotiate(asked, body.len()) {
        Some(coding) => match coding.code(&body).await {
            Ok(bytes) => written(bytes.into(), media, Some(coding)),
            Err(_) => written(body, media, None),
        },
        None => written(body, media, None),
    };
    *response.status_mut() = status;
    response
}

/// Builds the response for an answer without errors. If `cache` is given, caches may store the response
/// under these settings, counted from the given moment.
pub(super) async fn send_cached(
    cached: &CachedResponse,
    media: ResponseType,
    asked: &HeaderMap,
    cache: Option<(&cache_control::Settings, DateTime<Utc>)>,
) -> Response {
    let body = cached.body();
    let mut response = match content_encoding::negotiate(asked, body.len()) {
        Some(coding) => match cached.coded(coding).await {
            Ok(bytes) => written(bytes, media, Some(coding)),
            Err(_) => written(body.clone(), media, None),
        },
        None => written(body.clone(), media, None),
    };
    let headers = response.headers_mut();
    if let Some((cache, now)) = cache {
        let keys = surrogate::headers(&cache.surrogate, cached.keys());
        // An answer that cannot be purged must be revalidated on every use.
        let hold = match keys {
            Some(_) => cached.hold_from(now),
            None => Some(Duration::ZERO),
        };
        headers.insert(header::CACHE_CONTROL, cache.public(hold));
        headers.extend(keys.into_iter().flatten());
        if let Some(tag) = cached.tag(media) {
            headers.insert(header::ETAG, tag);
        }
    }
    response
}

/// Builds a response with this body and content coding. It is marked `no-store` unless the caller
/// overrides that.
fn written(body: Bytes, media: ResponseType, coding: Option<ContentEncoding>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.content_type());
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, coding.header());
    }
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::VARY, VARY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}
