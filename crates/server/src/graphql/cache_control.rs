//! Cache lifetimes of responses: `Cache-Control` (RFC 9111, RFC 5861).

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::surrogate;

/// Cache lifetimes of responses to anonymous readers. Only responses to GET requests without errors are
/// cacheable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Lifetime in a browser cache, in seconds (`max-age`).
    ///
    /// Defaults to 0: the browser revalidates every time with the entity tag, and receives no content
    /// if the response has not changed.
    pub max_age: u64,
    /// Lifetime in a shared cache, such as a proxy or a CDN, in seconds (`s-maxage`).
    ///
    /// Defaults to 10: a correction appears almost at once, and a rush of readers causes only one
    /// request in ten seconds.
    pub s_maxage: u64,
    /// Time for which a cache may serve a stale response while it fetches a new one, in seconds
    /// (`stale-while-revalidate`). Browsers apply it as well.
    ///
    /// Defaults to 30: no reader waits for the server if another one requested the response within the
    /// last half minute.
    pub stale_while_revalidate: u64,
    /// Time for which a cache may serve a stale response when the server fails, in seconds
    /// (`stale-if-error`). With 0 the cache passes the error on.
    ///
    /// Defaults to 600: enough for a restart, a failover or a failed deployment. During an outage,
    /// caches that are not purged may serve content that has been withdrawn. If every change is purged,
    /// this may be as long as a day.
    pub stale_if_error: u64,
    /// Headers that carry the surrogate keys of a response, by which caches can purge it. Empty by
    /// default: without a cache in front of the server, nothing would read them.
    pub surrogate: Vec<surrogate::Header>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_age: 0,
            s_maxage: 10,
            stale_while_revalidate: 30,
            stale_if_error: 600,
            surrogate: Vec::new(),
        }
    }
}

impl Settings {
    /// Returns the `Cache-Control` header of a response that may be cached no longer than `limit`. `None`
    /// means no limit.
    pub(super) fn public(&self, limit: Option<Duration>) -> HeaderValue {
        let limit = limit.map_or(u64::MAX, |limit| limit.as_secs());
        let browser = self.max_age.min(limit);
        let shared = self.s_maxage.min(limit);
        // Stale time is added to both lifetimes.
        let stale = self.stale_while_revalidate.min(limit - browser.max(shared));
        let mut text = format!("public, max-age={browser}, s-maxage={shared}");
        if stale > 0 {
            let _ = write!(text, ", stale-while-revalidate={stale}");
        }
        // During an outage the last known response may be served, even past its `limit`. A response that must
        // not be cached at all could not be purged, so it is excluded.
        if limit > 0 && self.stale_if_error > 0 {
            let _ = write!(text, ", stale-if-error={}", self.stale_if_error);
        }
        HeaderValue::try_from(text).unwrap_or(super::error_response::NO_STORE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(
        max_age: u64,
        s_maxage: u64,
        stale_while_revalidate: u64,
        stale_if_error: u64,
    ) -> Settings {
        Settings {
            max_age,
            s_maxage,
            stale_while_revalidate,
            stale_if_error,
            surrogate: Vec::new(),
        }
    }

    #[test]
    fn max_age_limits_every_directive_but_stale_if_error() {
        for (settings, limit, outcome) in [
            (
                Settings::default(),
                None,
                "public, max-age=0, s-maxage=10, stale-while-revalidate=30, stale-if-error=600",
            ),
            (
                Settings::default(),
                Some(60),
                "public, max-age=0, s-maxage=10, stale-while-revalidate=30, stale-if-error=600",
            ),
            (
                settings(5, 50, 300, 0),
                Some(60),
                "public, max-age=5, s-maxage=50, stale-while-revalidate=10",
            ),
            (
                settings(600, 300, 300, 90),
                Some(60),
                "public, max-age=60, s-maxage=60, stale-if-error=90",
            ),
            (settings(0, 0, 0, 0), None, "public, max-age=0, s-maxage=0"),
            // A response that cannot be purged, or that expires at once, is not cached.
            (
                settings(9, 9, 9, 9),
                Some(0),
                "public, max-age=0, s-maxage=0",
            ),
        ] {
            let told_now = settings.public(limit.map(Duration::from_secs));
            assert_eq!(told_now, outcome, "{settings:?} {limit:?}");
        }
    }
}
