//! Parsing of GraphQL requests from HTTP: the URL of a GET, or the body of a POST.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use khabar_graphql::document::OperationRequest;
use khabar_graphql::error::Code;

use super::Settings;
use super::error_response::ErrorResponse;
use crate::http::BudgetExceeded;

/// Parses a GraphQL request from the query parameters of a URL.
pub(super) fn url(uri: &Uri) -> Result<OperationRequest, ErrorResponse> {
    let mut parameters = Vec::new();
    for pair in uri.query().unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name), decode(value)) else {
            return Err(ErrorResponse::fixed(
                StatusCode::BAD_REQUEST,
                Code::BadRequest,
                "The URL's parameters are not percent-encoded UTF-8.",
            ));
        };
        parameters.push((name, value));
    }
    let parameters = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    OperationRequest::from_parameters(parameters).map_err(ErrorResponse::unreadable)
}

/// Decodes one component of `application/x-www-form-urlencoded`. Returns `None` if it is malformed or
/// not valid UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Reads a JSON body and parses it as a GraphQL request.
pub(super) async fn body(
    headers: &HeaderMap,
    body: Body,
    settings: &Settings,
) -> Result<OperationRequest, ErrorResponse> {
    if !is_json(headers) {
        return Err(ErrorResponse::fixed(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::UnsupportedMediaType,
            "A request's body is `application/json` in UTF-8, not compressed.",
        ));
    }
    let bytes = collect(body, settings).await?;
    OperationRequest::from_json(&bytes).map_err(ErrorResponse::unreadable)
}

async fn collect(body: Body, settings: &Settings) -> Result<Bytes, ErrorResponse> {
    let too_large = || {
        ErrorResponse::fixed(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::PayloadTooLarge,
            format!("A request's body may have {} bytes.", settings.body_bytes),
        )
    };
    // A body with a declared length above the limit is refused without reading it.
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > settings.body_bytes {
        return Err(too_large());
    }
    let limit = settings.body_timeout_ms.min(settings.request_timeout_ms);
    let limit = Duration::from_millis(limit);
    let limited = Limited::new(body, settings.body_bytes);
    match tokio::time::timeout(limit, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if is::<LengthLimitError>(&*error) => Err(too_large()),
        Ok(Err(error)) if is::<BudgetExceeded>(&*error) => Err(ErrorResponse::fixed(
            StatusCode::SERVICE_UNAVAILABLE,
            Code::Overloaded,
            "The server has as many requests in memory as it takes.",
        )),
        Ok(Err(_)) => Err(ErrorResponse::fixed(
            StatusCode::BAD_REQUEST,
            Code::BadRequest,
            "The request's body broke off.",
        )),
        Err(_) => Err(ErrorResponse::fixed(
            StatusCode::REQUEST_TIMEOUT,
            Code::RequestTimeout,
            format!(
                "The request's body took longer than {} ms.",
                limit.as_millis()
            ),
        )),
    }
}

/// Whether an error, or any error in its source chain, has the given type.
fn is<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<E>() || error.source().is_some_and(is::<E>)
}

/// Whether the body is uncompressed `application/json` in UTF-8. No other type is accepted: a browser
/// sends this one to another origin only after a CORS preflight request.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else {
        return false;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    let is_plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    is_json && is_utf8 && is_plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_strictly() {
        assert_eq!(decode("a+b%20%D8%AE").as_deref(), Some("a b خ"));
        for broken in ["%", "%2", "%zz", "%FF", "%+1"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
