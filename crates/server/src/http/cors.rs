//! Cross-origin resource sharing (CORS, defined by the Fetch standard): which web pages of other
//! origins may use the API from a browser.

use std::time::Duration;

use anyhow::{bail, ensure};
use axum::http::{HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};
use url::{Host, Url};

use crate::consistency_token::POSITION;

/// The web pages that may use the API from a browser. None by default: browsers then hide the API's
/// answers from every page except the playground.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Allowed origins, such as `https://news.example`. `loopback` allows every port of `localhost`,
    /// `127.0.0.1` and `[::1]`. `*` allows every origin.
    pub origins: Vec<String>,
    /// Whether browsers may send credentials (cookies, client certificates, HTTP logins) and show the
    /// answer to the page.
    ///
    /// Off by default: pages send the API's own tokens themselves, in `Authorization`. Turn it on for a
    /// proxy in front of the server that identifies its users by cookies.
    pub credentials: bool,
    /// Maximum time, in seconds, for which a browser may cache the response to a preflight request.
    ///
    /// Defaults to two hours, the longest that Chromium accepts. An origin that was removed is still
    /// refused at once, because the actual response no longer names it.
    pub max_age_s: u64,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            credentials: false,
            max_age_s: 7_200,
        }
    }
}

/// The entry that allows every origin.
const ANY: &str = "*";

/// The entry that allows every origin of this machine.
pub(crate) const LOOPBACK: &str = "loopback";

/// The HTTP methods of the API.
const METHODS: [Method; 3] = [Method::GET, Method::HEAD, Method::POST];

/// The response headers that a page may read, besides those that are always readable (Fetch §2.2.2).
const EXPOSED: [HeaderName; 10] = [
    header::AGE,
    header::ALLOW,
    header::ETAG,
    POSITION,
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    header::RETRY_AFTER,
    HeaderName::from_static("server-timing"),
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("x-request-id"),
];

impl Cors {
    /// Returns an error for settings that browsers would ignore, or that would allow more than
    /// intended.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for origin in &self.origins {
            check(origin)?;
        }
        ensure!(
            !(self.credentials && self.is_any()),
            "http.cors.origins is \"*\" while http.cors.credentials is true: every page on the web could act \
             with its visitor's credentials, and browsers refuse it; name the origins"
        );
        Ok(())
    }

    /// Returns the CORS layer, or `None` if no other origin is allowed.
    pub(crate) fn layer(&self) -> Option<CorsLayer> {
        if self.origins.is_empty() {
            return None;
        }
        let layer = CorsLayer::new()
            .allow_methods(METHODS)
            // Allowed origins may send any header: the API itself validates the ones it uses, and
            // clients have custom headers of their own.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(Duration::from_secs(self.max_age_s));
        if self.is_any() {
            // The headers do not depend on the origin, so a shared cache needs only one copy.
            return Some(layer.allow_origin(Any).vary([]));
        }
        let origins = self.origins.clone();
        let allowed = AllowOrigin::predicate(move |origin: &HeaderValue, _| {
            let origin = origin.to_str().unwrap_or_default();
            let is_loopback = || is_loopback(origin);
            origins
                .iter()
                .any(|one| one == origin || one == LOOPBACK && is_loopback())
        });
        let layer = layer.allow_origin(allowed).vary([header::ORIGIN]);
        Some(layer.allow_credentials(self.credentials))
    }

    fn is_any(&self) -> bool {
        self.origins.iter().any(|origin| origin == ANY)
    }
}

/// Whether an origin belongs to this machine, whatever its port.
fn is_loopback(origin: &str) -> bool {
    let Some(url) = parsed(origin) else {
        return false;
    };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// Parses an origin. Returns `None` unless it is spelled exactly as browsers serialise it.
fn parsed(origin: &str) -> Option<Url> {
    let url = Url::parse(origin).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    // URLs allow an asterisk in a host name, but it would match only itself.
    let is_web = is_web && !origin.contains('*');
    (is_web && url.origin().ascii_serialization() == origin).then_some(url)
}

fn check(origin: &str) -> anyhow::Result<()> {
    if origin == ANY || origin == LOOPBACK || parsed(origin).is_some() {
        return Ok(());
    }
    ensure!(
        origin != "null",
        "http.cors.origins: \"null\" is the origin of every sandboxed frame, of whatever page; name the origins"
    );
    let meant = Url::parse(origin).ok().map(|url| url.origin());
    match meant.filter(url::Origin::is_tuple) {
        Some(meant) if parsed(&meant.ascii_serialization()).is_some() => bail!(
            "http.cors.origins: {origin:?} is not how browsers write it; write {:?}",
            meant.ascii_serialization()
        ),
        _ => bail!(
            "http.cors.origins: {origin:?} is no origin such as \"https://news.example\", and neither \
             \"loopback\" nor \"*\""
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str]) -> Cors {
        Cors {
            origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            ..Cors::default()
        }
    }

    #[test]
    fn origins_are_normalized_as_browsers_send_them() {
        for good in [
            "https://news.example",
            "http://news.example:8080",
            "https://xn--mgbh0fb.example",
            "http://[::1]:3000",
            "loopback",
            "*",
        ] {
            assert!(cors(&[good]).check().is_ok(), "{good}");
        }
        for (bad, says) in [
            ("https://news.example/", "\"https://news.example\""),
            ("https://News.example", "\"https://news.example\""),
            ("https://news.example:443", "\"https://news.example\""),
            ("https://news.example/app", "\"https://news.example\""),
            ("https://me@news.example", "\"https://news.example\""),
            ("news.example", "no origin"),
            ("https://*.news.example", "http.cors.origins"),
            ("ftp://news.example", "no origin"),
            ("file:///home", "no origin"),
            ("", "no origin"),
            ("null", "sandboxed"),
        ] {
            let error = cors(&["https://good.example", bad]).check().unwrap_err();
            assert!(error.to_string().contains(says), "{bad}: {error}");
        }
    }

    #[test]
    fn a_wildcard_origin_with_credentials_is_rejected() {
        for origins in [&["*"][..], &["https://news.example", "*"]] {
            let open = Cors {
                credentials: true,
                ..cors(origins)
            };
            let error = open.check().unwrap_err().to_string();
            assert!(error.contains("http.cors.credentials"), "{error}");
        }
        let named = Cors {
            credentials: true,
            ..cors(&["https://news.example"])
        };
        assert!(named.check().is_ok());
    }

    #[test]
    fn lookalikes_of_loopback_names_are_rejected() {
        for ours in [
            "http://localhost:3000",
            "http://localhost",
            "https://localhost:5173",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
        ] {
            assert!(is_loopback(ours), "{ours}");
        }
        for other in [
            "http://localhost.evil.example",
            "http://evil.example:80/localhost",
            "http://localhost@evil.example",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.2",
            "http://0.0.0.0:3000",
            "null",
            "file://localhost",
            "HTTP://LOCALHOST",
            "",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
