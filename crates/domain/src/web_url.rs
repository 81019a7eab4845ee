//! A web address that a reader's browser may be sent to.

use serde::{Deserialize, Serialize};

use crate::{Invalid, plain};

/// An absolute `https:` or `http:` address, or a path on this server that starts with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebUrl(String);

impl WebUrl {
    /// In bytes: what browsers and caches carry without cutting it.
    pub const MAX: usize = 2_000;

    /// Takes an address; refuses other schemes (`javascript:`, `data:`), credentials and bad syntax.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let refuse = |problem: String| Invalid::new("the URL", format!("{text:?} {problem}"));
        if text.len() > Self::MAX {
            return Err(Invalid::new(
                "the URL",
                format!("is longer than {} bytes ({})", Self::MAX, text.len()),
            ));
        }
        if plain::is_url(text) {
            return Ok(Self(text.to_owned()));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(refuse("has white space or control characters".into()));
        }
        // Two slashes would name another host.
        if text.starts_with('/') && !text.starts_with("//") && !text.contains('\\') {
            return Ok(Self(text.to_owned()));
        }
        let url =
            url::Url::parse(text).map_err(|error| refuse(format!("is not an address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse(format!(
                "has the scheme {}: only http and https are allowed",
                url.scheme()
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("carries a user name or a password".into()));
        }
        Ok(Self(url.into()))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for WebUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for WebUrl {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<WebUrl> for String {
    fn from(url: WebUrl) -> Self {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_and_others_refused() {
        for good in [
            "https://example.org/خبر",
            "http://example.org",
            "/media/demo/port.svg",
        ] {
            assert!(WebUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "//evil.example",
            "https://u:p@example.org",
            "example.org",
            "",
            "data:,x",
            "/a b",
            "/\\evil",
        ] {
            assert!(WebUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
