//! Content codings (RFC 9110 §8.4): negotiation with the client.

use axum::http::{HeaderMap, HeaderValue, header};
use khabar_service::compression::Compression;

use super::media_type::quality;

/// Minimum size of a compressed response, in bytes. Compressing a smaller one saves nothing noticeable.
const SMALL: usize = 256;

/// Returns the value for `Content-Encoding`.
pub(super) fn header(coding: Compression) -> HeaderValue {
    HeaderValue::from_static(coding.name())
}

/// Returns the coding that the client prefers for a response of `bytes` bytes. `None` means to send the
/// response uncompressed.
pub(super) fn negotiate(headers: &HeaderMap, bytes: usize) -> Option<Compression> {
    if bytes < SMALL {
        return None;
    }
    let preferences = headers.get_all(header::ACCEPT_ENCODING);
    let preferences: Vec<(&str, u16)> = preferences
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|preference| {
            let mut parts = preference.split(';').map(str::trim);
            Some((parts.next()?, quality(parts)))
        })
        .collect();
    let quality = |name: &str| {
        let matches = |(encoding, _): &&(&str, u16)| encoding.eq_ignore_ascii_case(name);
        let found = preferences.iter().find(matches);
        // A wildcard matches every coding that is not listed.
        let found = found.or_else(|| preferences.iter().find(|(encoding, _)| *encoding == "*"));
        found.map(|(_, quality)| *quality)
    };
    let best = Compression::ALL
        .into_iter()
        .filter_map(|coding| Some((coding, quality(coding.name())?)))
        // `max_by_key` returns the last of equals. Reversed, this is the first.
        .rev()
        .max_by_key(|(_, quality)| *quality);
    let identity = quality("identity").unwrap_or(1);
    best.filter(|(_, quality)| *quality > 0 && *quality >= identity)
        .map(|(coding, _)| coding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_of_the_preferred_encodings_is_chosen() {
        for (encoding, chosen) in [
            ("gzip, deflate, br, zstd", Some(Compression::Brotli)),
            ("gzip, zstd", Some(Compression::Zstd)),
            ("gzip;q=1, br;q=0.5", Some(Compression::Gzip)),
            ("GZIP", Some(Compression::Gzip)),
            ("br;q=0, gzip;q=0", None),
            ("*", Some(Compression::Brotli)),
            ("*, br;q=0", Some(Compression::Zstd)),
            ("gzip;q=0.5, identity", None),
            ("identity", None),
            ("deflate", None),
            ("", None),
        ] {
            let value = HeaderValue::from_static(encoding);
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]);
            assert_eq!(negotiate(&headers, 1000), chosen, "{encoding}");
            assert_eq!(negotiate(&headers, 10), None);
        }
        assert_eq!(negotiate(&HeaderMap::new(), 1000), None);
    }
}
