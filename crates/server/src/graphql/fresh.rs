//! How long caches may hold an answer: `Cache-Control` (RFC 9111, RFC 5861).

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::HeaderValue;
use serde::{Deserialize, Serialize};

use super::surrogate;

/// How long answers to anonymous readers may be held by caches; only those by GET, without errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seconds in a browser.
    ///
    /// 0: it asks each time, by the answer's tag, and is sent nothing where nothing changed.
    pub browser_seconds: u64,
    /// Seconds in a cache that readers share: a proxy, a CDN.
    ///
    /// 10: a correction is out at once to the eye, and a rush of readers is one request in ten
    /// seconds.
    pub shared_seconds: u64,
    /// Seconds for which a cache may still show what is past its time while it fetches the next.
    ///
    /// 30: nobody waits for the server where somebody asked within the last half minute. Browsers
    /// go by it, too.
    pub stale_seconds: u64,
    /// Seconds for which a cache may show what is past its time when the server fails to give the next
    /// (`stale-if-error`); 0: it shows the error.
    ///
    /// 600: a restart, a failover, a deployment that went wrong. While that lasts, what was withdrawn
    /// meanwhile may be seen again where it was not purged; where everything is purged, this may be a
    /// day.
    pub stale_if_error_seconds: u64,
    /// In which headers caches are told what an answer was read from, so that it can be purged. None
    /// by default: nobody before the server would read them.
    pub surrogate: Vec<surrogate::Header>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            browser_seconds: 0,
            shared_seconds: 10,
            stale_seconds: 30,
            stale_if_error_seconds: 600,
            surrogate: Vec::new(),
        }
    }
}

impl Settings {
    /// What caches are told of an answer that may be held no longer than `hold`.
    pub(super) fn public(&self, hold: Option<Duration>) -> HeaderValue {
        let hold = hold.map_or(u64::MAX, |hold| hold.as_secs());
        let browser = self.browser_seconds.min(hold);
        let shared = self.shared_seconds.min(hold);
        // Stale time comes on top of either.
        let stale = self.stale_seconds.min(hold - browser.max(shared));
        let mut text = format!("public, max-age={browser}, s-maxage={shared}");
        if stale > 0 {
            let _ = write!(text, ", stale-while-revalidate={stale}");
        }
        // An outage shows the last that was known, although it would have changed by itself by now. What
        // is not to be held at all could not be purged.
        if hold > 0 && self.stale_if_error_seconds > 0 {
            let _ = write!(text, ", stale-if-error={}", self.stale_if_error_seconds);
        }
        HeaderValue::try_from(text).unwrap_or(super::reply::NO_STORE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(
        browser_seconds: u64,
        shared_seconds: u64,
        stale_seconds: u64,
        stale_if_error_seconds: u64,
    ) -> Settings {
        Settings {
            browser_seconds,
            shared_seconds,
            stale_seconds,
            stale_if_error_seconds,
            surrogate: Vec::new(),
        }
    }

    #[test]
    fn nothing_is_shown_for_longer_than_its_hold_unless_the_server_fails() {
        for (settings, hold, told) in [
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
            // What could not be purged, or ends at once, is not held by anybody.
            (
                settings(9, 9, 9, 9),
                Some(0),
                "public, max-age=0, s-maxage=0",
            ),
        ] {
            let told_now = settings.public(hold.map(Duration::from_secs));
            assert_eq!(told_now, told, "{settings:?} {hold:?}");
        }
    }
}
