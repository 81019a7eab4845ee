//! Entity tags (RFC 9110 §8.8.3) and what a client that holds an answer is sent instead of it.
//!
//! A tag is strong, so it names one sequence of bytes: of one media type, in one content coding. The
//! route tags the answer as written; [`conditional`], around the compression, adds the coding.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest as _, Sha256};

use super::media::Media;

/// Bytes of the hash in a tag: 128 bits, in which nobody meets two answers of one tag by chance.
const BYTES: usize = 16;

/// A digest of an answer's text, in hexadecimal digits.
pub(super) struct Digest(String);

impl Digest {
    /// The digest of this text.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut digits = String::with_capacity(2 * BYTES);
        for byte in Sha256::digest(text).iter().take(BYTES) {
            let _ = write!(digits, "{byte:02x}");
        }
        Self(digits)
    }
}

/// The tag of a text with this digest as this media type, before it is compressed.
pub(super) fn of(media: Media, digest: &Digest) -> Option<HeaderValue> {
    let media = match media {
        Media::GraphQl => "",
        Media::Json => "-json",
    };
    HeaderValue::try_from(format!("\"{}{media}\"", digest.0)).ok()
}

/// Gives a tag the coding that was chosen, and answers 304 to who holds just these bytes.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    let held: Vec<HeaderValue> = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .cloned()
        .collect();
    let mut response = next.run(request).await;
    let Some(tag) = coded(response.headers()) else {
        return response;
    };
    let is_held = asks && response.status() == StatusCode::OK && names(&held, &tag);
    response.headers_mut().insert(header::ETAG, tag);
    if is_held {
        not_modified(response)
    } else {
        response
    }
}

/// A response's tag with its content coding, if it has a tag.
fn coded(headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get(header::ETAG)?;
    let Some(coding) = headers.get(header::CONTENT_ENCODING) else {
        return Some(tag.clone());
    };
    let opaque = tag.to_str().ok()?.strip_suffix('"')?;
    HeaderValue::try_from(format!("{opaque}-{}\"", coding.to_str().ok()?)).ok()
}

/// Whether a list of `If-None-Match` names this tag, compared weakly (RFC 9110 §13.1.2): a proxy may
/// have weakened it on its way.
fn names(held: &[HeaderValue], tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    held.iter()
        .filter_map(|list| list.to_str().ok())
        // A tag of ours has no comma, so one of somebody else's that has is only not ours.
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

/// The same without its content: validators and what caches go by stay (RFC 9110 §15.4.5).
fn not_modified(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
    ] {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_a_tag_however_it_is_written() {
        let tag = HeaderValue::from_static("\"ab-gzip\"");
        for (held, named) in [
            ("\"ab-gzip\"", true),
            ("W/\"ab-gzip\"", true),
            ("\"x\", \"ab-gzip\"", true),
            ("\"x\" ,W/\"ab-gzip\" ", true),
            ("*", true),
            ("\"ab\"", false),
            ("ab-gzip", false),
            ("\"AB-gzip\"", false),
            ("", false),
        ] {
            let held = [HeaderValue::from_static(held)];
            assert_eq!(names(&held, &tag), named, "{held:?}");
        }
        assert!(!names(&[], &tag));
    }
}
