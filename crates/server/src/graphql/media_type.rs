//! The two media types of a GraphQL response, and content negotiation between them.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

/// A media type of a GraphQL response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseType {
    /// `application/graphql-response+json`. The HTTP status says whether the operation was run.
    GraphQl,
    /// `application/json`, which clients from before 2022 expect. The HTTP status only says whether the
    /// request was well formed.
    Json,
}

impl ResponseType {
    fn subtype(self) -> &'static str {
        match self {
            Self::GraphQl => "graphql-response+json",
            Self::Json => "json",
        }
    }

    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// Returns the status for a request that was well formed but refused before anything ran.
    pub(super) fn status_of_refusal(self) -> StatusCode {
        match self {
            Self::GraphQl => StatusCode::BAD_REQUEST,
            Self::Json => StatusCode::OK,
        }
    }
}

impl fmt::Display for ResponseType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "application/{}", self.subtype())
    }
}

/// The precision with which a range in `Accept` names a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Anything,
    AnyApplication,
    Itself,
}

/// Returns the media type that the client prefers, or `None` if it accepts neither. Without an `Accept`
/// header, the result is JSON.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<ResponseType> {
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        // A value that is not valid text matches neither media type.
        let value = value.to_str().unwrap_or("unreadable");
        ranges.extend(
            value
                .split(',')
                .map(str::trim)
                .filter(|range| !range.is_empty()),
        );
    }
    if ranges.is_empty() {
        return Some(ResponseType::Json);
    }
    let graphql = quality_of(&ranges, ResponseType::GraphQl);
    let json = quality_of(&ranges, ResponseType::Json);
    // A wildcard that matches both does not show that the client knows the newer type.
    let knows_the_newer = graphql.is_some_and(|(_, precision)| precision == Precision::Itself);
    if graphql > json || (graphql == json && knows_the_newer) {
        Some(ResponseType::GraphQl)
    } else {
        json.map(|_| ResponseType::Json)
    }
}

/// Returns the quality of a media type, in thousandths, from the most precise range that matches it.
/// Returns `None` if the client does not accept it.
fn quality_of(ranges: &[&str], media: ResponseType) -> Option<(u16, Precision)> {
    ranges
        .iter()
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let precision = precision(parts.next()?, media)?;
            Some((precision, quality(parts)))
        })
        .max()
        .filter(|(_, quality)| *quality > 0)
        .map(|(precision, quality)| (quality, precision))
}

fn precision(range: &str, media: ResponseType) -> Option<Precision> {
    let (kind, subtype) = range.split_once('/')?;
    match (kind, subtype) {
        ("*", "*") => Some(Precision::Anything),
        (kind, "*") if kind.eq_ignore_ascii_case("application") => Some(Precision::AnyApplication),
        (kind, subtype)
            if kind.eq_ignore_ascii_case("application")
                && subtype.eq_ignore_ascii_case(media.subtype()) =>
        {
            Some(Precision::Itself)
        }
        _ => None,
    }
}

/// Parses the `q` parameter, in thousandths. A missing or malformed value counts as 1000.
pub(super) fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let text = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(text) = text else { return 1000 };
    let (cached, fraction) = text.split_once('.').unwrap_or((text, ""));
    let thousandths = format!("{fraction:0<3}");
    match (cached, thousandths.parse::<u16>()) {
        ("0", Ok(thousandths)) if thousandths < 1000 => thousandths,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Option<ResponseType> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        negotiate(&headers)
    }

    #[test]
    fn the_preferred_media_type_is_chosen() {
        for (accept, media) in [
            ("", Some(ResponseType::Json)),
            ("*/*", Some(ResponseType::Json)),
            ("application/*", Some(ResponseType::Json)),
            ("application/json", Some(ResponseType::Json)),
            (
                "application/graphql-response+json",
                Some(ResponseType::GraphQl),
            ),
            (
                "Application/GraphQL-Response+JSON; charset=utf-8",
                Some(ResponseType::GraphQl),
            ),
            (
                "application/graphql-response+json, application/json;q=0.9",
                Some(ResponseType::GraphQl),
            ),
            (
                "application/json, application/graphql-response+json",
                Some(ResponseType::GraphQl),
            ),
            (
                "application/json, application/graphql-response+json;q=0.5",
                Some(ResponseType::Json),
            ),
            (
                "application/json;q=0.8, application/graphql-response+json;q=.9",
                Some(ResponseType::GraphQl),
            ),
            ("application/json, */*", Some(ResponseType::Json)),
            (
                "application/graphql-response+json, */*;q=0.1",
                Some(ResponseType::GraphQl),
            ),
            ("text/html, */*;q=0.8", Some(ResponseType::Json)),
            ("application/json;q=0, */*", Some(ResponseType::GraphQl)),
            ("application/json;q=0", None),
            ("text/html", None),
            ("*/*;q=0", None),
            (
                "application/graphql-response+json;q=0.001, application/json;q=0",
                Some(ResponseType::GraphQl),
            ),
        ] {
            assert_eq!(chosen(accept), media, "{accept}");
        }
    }
}
