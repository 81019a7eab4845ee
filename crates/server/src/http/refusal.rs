//! The response to a request that exceeds the server's capacity: 503 with a `Retry-After` header.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use khabar_graphql::error::{Code, Error};
use khabar_graphql::response::JsonResponse;

/// The number of seconds after which to retry. Most requests take far less, so there is likely to be
/// capacity again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Returns a 503 response with this error message.
pub(crate) fn overloaded(message: &str) -> Response {
    let response = JsonResponse::from_error(Error::new(Code::Overloaded, message));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::RETRY_AFTER, RETRY_AFTER),
    ];
    let body = Body::from(response.to_json());
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}

/// Adds the `Retry-After` header to an overload response.
pub(crate) fn retry_after(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, RETRY_AFTER);
}
