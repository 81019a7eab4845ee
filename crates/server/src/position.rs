//! `Khabar-Position`: how far in the change feed an answer goes.
//!
//! Every answer says it, as `EPOCH-SEQ`. A client that sends it back is told no less, by any node: who
//! has just written finds it again wherever the next request goes.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use khabar_persistence::change::Position;
use khabar_persistence::{Cache, Db, Error};

use crate::graphql::Refused;

/// The header, both ways.
pub const POSITION: HeaderName = HeaderName::from_static("khabar-position");

/// The place that the client knows of; none when it does not say.
///
/// Refused: what no node has given out.
pub(crate) fn asked(headers: &HeaderMap) -> Result<Option<Position>, Refused> {
    let Some(value) = headers.get(POSITION) else {
        return Ok(None);
    };
    let place = value.to_str().ok().and_then(|text| text.parse().ok());
    place.map(Some).ok_or_else(|| {
        Refused::bad_input(
            "`Khabar-Position` is none that this server gave out: it is `EPOCH-SEQ`.",
        )
    })
}

/// Why a request cannot be answered at its position.
pub(crate) fn refused(error: &Error) -> Refused {
    match error {
        Error::Invalid(_) => {
            Refused::bad_input("`Khabar-Position` is beyond the end of the change feed.")
        }
        error => Refused::unavailable(error),
    }
}

/// The header's value.
pub(crate) fn header(position: Position) -> Option<HeaderValue> {
    HeaderValue::try_from(position.to_string()).ok()
}

/// On a response of which it is not known how far it goes.
#[derive(Clone, Copy)]
pub(crate) struct Unknown;

/// Says on an answer how far it goes, if that does not stand there: what was done is done by now.
pub(crate) fn tell(mut response: Response, db: &Db) -> Response {
    if !response.headers().contains_key(POSITION)
        && response.extensions().get::<Unknown>().is_none()
        && let Some(position) = db.cache().and_then(Cache::position).and_then(header)
    {
        let headers = response.headers_mut();
        headers.insert(POSITION, position);
    }
    response
}
