//! The `Khabar-Position` header: the position in the change feed that a response reflects.
//!
//! Responses carry the position as `EPOCH-SEQ`. A client that sends it back receives a response that
//! reflects at least this position, from any node. Clients therefore read their own writes, whichever
//! node serves the next request.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use khabar_persistence::change::Position;
use khabar_persistence::{Cache, Db};
use khabar_service::context::ContextError;

/// The name of the header, in requests and in responses.
pub const POSITION: HeaderName = HeaderName::from_static("khabar-position");

/// Returns the position that the client sent, or `None` if the header is absent.
///
/// Refuses a value that is not a position in the form `EPOCH-SEQ`.
pub(crate) fn requested(headers: &HeaderMap) -> Result<Option<Position>, ContextError> {
    let Some(value) = headers.get(POSITION) else {
        return Ok(None);
    };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    position.map(Some).ok_or_else(|| {
        ContextError::bad_input(
            "`Khabar-Position` is none that this server gave out: it is `EPOCH-SEQ`.",
        )
    })
}

/// Formats a position as the value of the header.
pub(crate) fn header(position: Position) -> Option<HeaderValue> {
    HeaderValue::try_from(position.to_string()).ok()
}

/// Marks a response whose position is unknown, as a response extension.
#[derive(Clone, Copy)]
pub(crate) struct UnknownPosition;

/// Adds the current position to a response that has none, unless it is marked as [`UnknownPosition`]. The
/// request is complete by now, so the current position covers its writes.
pub(crate) fn add_current(mut response: Response, db: &Db) -> Response {
    if !response.headers().contains_key(POSITION)
        && response.extensions().get::<UnknownPosition>().is_none()
        && let Some(position) = db.cache().and_then(Cache::position).and_then(header)
    {
        let headers = response.headers_mut();
        headers.insert(POSITION, position);
    }
    response
}
