//! What is answered where there is no room for a request: 503, and when to come again.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use khabar_graphql::answer::Answer;
use khabar_graphql::error::{Code, Error};

/// Seconds after which there may be room again: most requests take far less.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// A refusal that says why.
pub(crate) fn overloaded(message: &str) -> Response {
    let answer = Answer::because(Error::new(Code::Overloaded, message));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::RETRY_AFTER, RETRY_AFTER),
    ];
    let body = Body::from(answer.to_json());
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}

/// Says when to come again on an answer that says that there is no room.
pub(crate) fn retry_after(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, RETRY_AFTER);
}
