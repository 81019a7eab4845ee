//! The two media types of a GraphQL answer, and which of them a client would rather have.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

/// A media type that answers come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// Its status says whether the operation was run.
    GraphQl,
    /// Its status says whether the request was understood: what clients from before 2022 expect.
    Json,
}

impl Media {
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

    /// The status when the request was well formed, but nothing was run.
    pub(super) fn status_of_refusal(self) -> StatusCode {
        match self {
            Self::GraphQl => StatusCode::BAD_REQUEST,
            Self::Json => StatusCode::OK,
        }
    }
}

impl fmt::Display for Media {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "application/{}", self.subtype())
    }
}

/// How exactly a range of `Accept` names a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Anything,
    AnyApplication,
    Itself,
}

/// What the client prefers; none, if it accepts neither. A client that does not say gets JSON.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Media> {
    let mut ranges = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        // What is not even text asks for nothing that we have.
        let value = value.to_str().unwrap_or("unreadable");
        ranges.extend(
            value
                .split(',')
                .map(str::trim)
                .filter(|range| !range.is_empty()),
        );
    }
    if ranges.is_empty() {
        return Some(Media::Json);
    }
    let graphql = wish(&ranges, Media::GraphQl);
    let json = wish(&ranges, Media::Json);
    // Where a wildcard stands for both, it does not show that the client knows the newer type.
    let knows_the_newer = graphql.is_some_and(|(_, precision)| precision == Precision::Itself);
    if graphql > json || (graphql == json && knows_the_newer) {
        Some(Media::GraphQl)
    } else {
        json.map(|_| Media::Json)
    }
}

/// How much a media type is wanted, in thousandths, by the range that names it most exactly.
fn wish(ranges: &[&str], media: Media) -> Option<(u16, Precision)> {
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

fn precision(range: &str, media: Media) -> Option<Precision> {
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

/// `q`, in thousandths; what cannot be read is as good as unsaid.
pub(super) fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let text = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(text) = text else { return 1000 };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let thousandths = format!("{fraction:0<3}");
    match (whole, thousandths.parse::<u16>()) {
        ("0", Ok(thousandths)) if thousandths < 1000 => thousandths,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        negotiate(&headers)
    }

    #[test]
    fn the_client_gets_what_it_would_rather_have() {
        for (accept, media) in [
            ("", Some(Media::Json)),
            ("*/*", Some(Media::Json)),
            ("application/*", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::GraphQl)),
            (
                "Application/GraphQL-Response+JSON; charset=utf-8",
                Some(Media::GraphQl),
            ),
            (
                "application/graphql-response+json, application/json;q=0.9",
                Some(Media::GraphQl),
            ),
            (
                "application/json, application/graphql-response+json",
                Some(Media::GraphQl),
            ),
            (
                "application/json, application/graphql-response+json;q=0.5",
                Some(Media::Json),
            ),
            (
                "application/json;q=0.8, application/graphql-response+json;q=.9",
                Some(Media::GraphQl),
            ),
            ("application/json, */*", Some(Media::Json)),
            (
                "application/graphql-response+json, */*;q=0.1",
                Some(Media::GraphQl),
            ),
            ("text/html, */*;q=0.8", Some(Media::Json)),
            ("application/json;q=0, */*", Some(Media::GraphQl)),
            ("application/json;q=0", None),
            ("text/html", None),
            ("*/*;q=0", None),
            (
                "application/graphql-response+json;q=0.001, application/json;q=0",
                Some(Media::GraphQl),
            ),
        ] {
            assert_eq!(chosen(accept), media, "{accept}");
        }
    }
}
