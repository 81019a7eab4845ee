//! Entity tags (RFC 9110 §8.8.3) and conditional requests.
//!
//! The tags are strong: a tag identifies one sequence of bytes, of one media type and in one content
//! coding. The route tags the uncompressed answer. [`conditional`], which wraps the route and its
//! compression, adds the coding.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use khabar_service::cached_response::CachedResponse;

use super::media_type::ResponseType;

/// Returns the entity tag of the uncompressed body, sent as this media type.
pub(super) fn of(media: ResponseType, cached: &CachedResponse) -> Option<HeaderValue> {
    let media = match media {
        ResponseType::GraphQl => "",
        ResponseType::Json => "-json",
    };
    HeaderValue::try_from(format!("\"{}{media}\"", cached.digest())).ok()
}

/// Adds the content coding to the entity tag, and answers 304 if the client already has these bytes.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let client_tags: Vec<HeaderValue> = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .cloned()
        .collect();
    let mut response = next.run(request).await;
    let Some(tag) = coded(response.headers()) else {
        return response;
    };
    let is_unchanged =
        is_read && response.status() == StatusCode::OK && matches_any(&client_tags, &tag);
    response.headers_mut().insert(header::ETAG, tag);
    if is_unchanged {
        not_modified(response)
    } else {
        response
    }
}

/// Returns the entity tag of a response, extended by its content coding. `None` if it has no tag.
fn coded(headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get(header::ETAG)?;
    let Some(coding) = headers.get(header::CONTENT_ENCODING) else {
        return Some(tag.clone());
    };
    let opaque = tag.to_str().ok()?.strip_suffix('"')?;
    HeaderValue::try_from(format!("{opaque}-{}\"", coding.to_str().ok()?)).ok()
}

/// Whether the `If-None-Match` lists contain this tag. The comparison is weak (RFC 9110 §13.1.2),
/// because a proxy may have weakened the tag.
fn matches_any(client_tags: &[HeaderValue], tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    client_tags
        .iter()
        .filter_map(|list| list.to_str().ok())
        // Our tags contain no commas. Splitting a foreign tag at a comma is harmless: it does not match.
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|other| other == "*" || other.strip_prefix("W/").unwrap_or(other) == tag)
}

/// Turns a response into a 304 without content. Validators and caching headers are retained
/// (RFC 9110 §15.4.5).
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
    fn if_none_match_lists_are_parsed() {
        let tag = HeaderValue::from_static("\"ab-gzip\"");
        for (client_tags, expected) in [
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
            let client_tags = [HeaderValue::from_static(client_tags)];
            assert_eq!(matches_any(&client_tags, &tag), expected, "{client_tags:?}");
        }
        assert!(!matches_any(&[], &tag));
    }
}
