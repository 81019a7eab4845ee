//! HTTP responses to GraphQL requests: their media type, content coding, status and cache headers.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use khabar_graphql::error::{Code, Error};
use khabar_graphql::response::{JsonResponse, RequestError};
use khabar_service::cached_response::CachedResponse;
use khabar_service::compression::Compression;
use khabar_service::outcome::{self, Failure, UncachedResponse};

use super::media_type::ResponseType;
use super::{cache_control, content_encoding, etag, surrogate};

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
    /// Boxed because a response is the error type of results whose success type is small.
    response: Box<JsonResponse>,
    pub(super) status: Status,
}

pub(super) enum Status {
    /// The request was well formed. The HTTP status depends on the media type.
    Processed,
    /// A status that applies to either media type.
    Fixed(StatusCode),
}

impl ErrorResponse {
    /// Creates the response to a request that was refused with this status.
    pub(super) fn fixed(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self {
            response: Box::new(JsonResponse::from_error(Error::new(code, message))),
            status: Status::Fixed(status),
        }
    }

    /// Creates the response to a request that could not be parsed.
    pub(super) fn unreadable(error: RequestError) -> Self {
        Self {
            response: Box::new(JsonResponse::rejected(vec![error])),
            status: Status::Fixed(StatusCode::BAD_REQUEST),
        }
    }
}

impl From<UncachedResponse> for ErrorResponse {
    fn from(uncached: UncachedResponse) -> Self {
        Self {
            response: uncached.response,
            status: match uncached.status {
                outcome::Status::Processed => Status::Processed,
                outcome::Status::Failed(failure) => Status::Fixed(status_of(failure)),
            },
        }
    }
}

/// Returns the status of a failed request. For an outage it is a 5xx whatever the media type: caches treat
/// a 200 as a valid answer, but on a 5xx they serve the previous one (RFC 5861 §4).
fn status_of(failure: Failure) -> StatusCode {
    match failure {
        Failure::BadInput => StatusCode::BAD_REQUEST,
        Failure::Unauthenticated => StatusCode::UNAUTHORIZED,
        Failure::MutationNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Failure::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Failure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Failure::Overloaded | Failure::TimedOut | Failure::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// Builds a response that must not be stored.
pub(super) async fn send(
    error: &ErrorResponse,
    media: ResponseType,
    requested: &HeaderMap,
) -> Response {
    let status = match error.status {
        Status::Fixed(status) => status,
        Status::Processed if error.response.is_rejected() => media.status_of_refusal(),
        Status::Processed => StatusCode::OK,
    };
    let body = Bytes::from(error.response.to_json());
    let mut response = match content_encoding::negotiate(requested, body.len()) {
        Some(coding) => match coding.compress(&body).await {
            Ok(bytes) => built(bytes.into(), media, Some(coding)),
            Err(_) => built(body, media, None),
        },
        None => built(body, media, None),
    };
    *response.status_mut() = status;
    response
}

/// Builds the HTTP response for a cached response. If `cache` is given, caches may store the response
/// under these settings, counted from the given moment.
pub(super) async fn send_cached(
    cached: &CachedResponse,
    media: ResponseType,
    requested: &HeaderMap,
    cache: Option<(&cache_control::Settings, DateTime<Utc>)>,
) -> Response {
    let body = cached.body();
    let mut response = match content_encoding::negotiate(requested, body.len()) {
        Some(coding) => match cached.compressed(coding).await {
            Ok(bytes) => built(bytes, media, Some(coding)),
            Err(_) => built(body.clone(), media, None),
        },
        None => built(body.clone(), media, None),
    };
    let headers = response.headers_mut();
    if let Some((cache, now)) = cache {
        let keys = surrogate::headers(&cache.surrogate, cached.tags());
        // A response that cannot be purged must be revalidated on every use.
        let max_age = match keys {
            Some(_) => cached.max_age_from(now),
            None => Some(Duration::ZERO),
        };
        headers.insert(header::CACHE_CONTROL, cache.public(max_age));
        headers.extend(keys.into_iter().flatten());
        if let Some(tag) = etag::of(media, cached) {
            headers.insert(header::ETAG, tag);
        }
    }
    response
}

/// Builds a response with this body and content coding. It is marked `no-store` unless the caller
/// overrides that.
fn built(body: Bytes, media: ResponseType, coding: Option<Compression>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.content_type());
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, content_encoding::header(coding));
    }
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::VARY, VARY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}
