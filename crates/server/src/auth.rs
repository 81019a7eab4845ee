//! Credentials in HTTP requests.
//!
//! The `Authorization: Bearer …` header holds an API token or a JWT, and the `Khabar-Preview` header a
//! preview token. `khabar_service::auth` verifies them.

mod client_ip;
mod jwks;

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use khabar_service::auth::{PresentedCredentials, Settings};
use khabar_service::context::ContextError;

pub use client_ip::{Peer, TrustedProxies};
pub(crate) use jwks::fetch_keys;

/// The request header that holds a preview token.
pub const PREVIEW: HeaderName = HeaderName::from_static("khabar-preview");

/// Extracts the credentials and the client address of a request. Returns an error if a credential header
/// is malformed.
pub(crate) fn presented(
    parts: &Parts,
    proxies: &TrustedProxies,
) -> Result<PresentedCredentials, ContextError> {
    Ok(PresentedCredentials {
        bearer: bearer(&parts.headers)?,
        preview: only(&parts.headers, &PREVIEW)?.map(str::to_owned),
        address: proxies.client_of(&parts.headers, &parts.extensions),
    })
}

/// Returns a function that tells whether an address belongs to a trusted proxy. A proxy carries the
/// requests of many clients over few connections.
pub(crate) fn trusted_proxies(
    settings: &Settings,
) -> anyhow::Result<impl Fn(IpAddr) -> bool + Send + Sync + use<>> {
    let proxies = TrustedProxies::of(settings)?;
    Ok(move |address| proxies.trusts(address))
}

/// Whether a request with these headers has credentials. Its response is then private, and no shared
/// cache may store it.
pub(crate) fn is_private(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key(PREVIEW)
}

/// Returns the token of the `Authorization: Bearer …` header (RFC 6750 §2.1), or `None` without one.
fn bearer(headers: &HeaderMap) -> Result<Option<String>, ContextError> {
    let Some(value) = only(headers, &header::AUTHORIZATION)? else {
        return Ok(None);
    };
    let token = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty());
    match token {
        Some(token) => Ok(Some(token.to_owned())),
        None => Err(ContextError::unauthenticated(
            "The header `Authorization` is to hold `Bearer` and a token.",
        )),
    }
}

/// Returns the single value of a header. Returns an error if the header occurs twice or is not text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ContextError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(ContextError::unauthenticated(format!(
            "The header `{name}` is to be there once, with one token."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(HeaderName, &str)]) -> Result<Option<String>, ContextError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        bearer(&map)
    }

    #[test]
    fn bearer_tokens_are_parsed_strictly() {
        let authorization = header::AUTHORIZATION;
        assert_eq!(read(&[]).unwrap(), None);
        for good in ["Bearer x.y", "bearer  x.y ", "BEARER x.y"] {
            let token = read(&[(authorization.clone(), good)]).unwrap();
            assert_eq!(token.as_deref(), Some("x.y"), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", "Basic eDp5", "x.y"] {
            assert!(read(&[(authorization.clone(), bad)]).is_err(), "{bad}");
        }
        let twice = (authorization, "Bearer x.y");
        assert!(read(&[twice.clone(), twice]).is_err());
    }
}
