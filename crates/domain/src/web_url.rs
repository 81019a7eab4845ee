//! Web addresses that are safe to send to a reader's browser.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Invalid, article, fast_path};

/// An absolute `https:` or `http:` URL, or a path on this server that starts with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebUrl(String);

impl WebUrl {
    /// Maximum length in bytes. Browsers and caches handle URLs of this length without truncating them.
    pub const MAX: usize = 2_000;

    /// Maximum length of the input in bytes. Longer input is refused without being parsed. Normalization can
    /// shorten a URL, for example by converting its host to Punycode, so this is more than [`WebUrl::MAX`].
    const MAX_GIVEN: usize = 4 * Self::MAX;

    /// Parses and normalizes an address. A URL is serialized as specified by the WHATWG URL standard, with an
    /// ASCII host and everything else percent-encoded. Percent-escapes are written in upper case (RFC 3986
    /// §6.2.2.1). A path is accepted as written, apart from its percent-escapes.
    ///
    /// Fails on other schemes (`javascript:`, `data:`), credentials, white space, control characters, invalid
    /// syntax, and addresses longer than [`WebUrl::MAX`] after normalization.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() <= Self::MAX && fast_path::is_url(text) {
            return Ok(Self(text.to_owned()));
        }
        Self::measured(text.len(), Self::MAX_GIVEN)?;
        let url = escapes_in_capitals(normalized(text)?);
        Self::measured(url.len(), Self::MAX)?;
        Ok(Self(url))
    }

    fn measured(length: usize, most: usize) -> Result<(), Invalid> {
        if length <= most {
            return Ok(());
        }
        let problem = format!("is longer than {} bytes ({length})", Self::MAX);
        Err(Invalid::new("the URL", problem))
    }

    /// Returns the address as a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn normalized(text: &str) -> Result<String, Invalid> {
    let refuse = |problem: String| {
        let shown = article::truncate_at_word(text, SHOWN);
        Invalid::new("the URL", format!("{shown:?} {problem}"))
    };
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(refuse("has white space or control characters".into()));
    }
    if text.starts_with('/') {
        // Two leading slashes would refer to another host.
        if text.starts_with("//") || text.contains('\\') {
            return Err(refuse("names a host without a scheme".into()));
        }
        return Ok(text.to_owned());
    }
    let url = Url::parse(text).map_err(|error| refuse(format!("is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(format!(
            "has the scheme {}: only http and https are allowed",
            url.scheme()
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("carries a user name or a password".into()));
    }
    Ok(url.into())
}

/// Maximum number of characters of a refused address to show in the error message.
const SHOWN: usize = 200;

/// Converts the percent-escapes of an address to upper case. Case makes no difference to their meaning.
fn escapes_in_capitals(url: String) -> String {
    if !url.contains('%') {
        return url;
    }
    let mut parts = url.split('%');
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        written.push('%');
        match part.split_at_checked(2) {
            Some((escape, rest)) if escape.bytes().all(|b| b.is_ascii_hexdigit()) => {
                written.push_str(&escape.to_ascii_uppercase());
                written.push_str(rest);
            }
            _ => written.push_str(part),
        }
    }
    written
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_measured_is_what_is_stored() {
        let long = |letters: usize| format!("https://akhbar.example/?q={}", "م".repeat(letters));
        // Six bytes per letter.
        let fits = WebUrl::parse(&long(329)).unwrap();
        assert_eq!(fits.as_str().len(), 26 + 329 * 6);
        assert_eq!(WebUrl::parse(fits.as_str()), Ok(fits));
        assert_eq!(
            WebUrl::parse(&long(700)).unwrap_err().to_string(),
            "the URL is longer than 2000 bytes (4226)"
        );
        let host = format!("https://{}.example/", "خبر".repeat(900));
        assert!(WebUrl::parse(&host).is_err());
        let path = format!("/{}", "a".repeat(2_000));
        assert!(WebUrl::parse(&path).is_err());
    }

    #[test]
    fn escapes_in_small_letters_are_the_same_address() {
        let parse = |url: &str| WebUrl::parse(url).unwrap();
        assert_eq!(
            parse("https://example.org/%d9%86?a=%d8%A3#%aF"),
            parse("https://example.org/%D9%86?a=%D8%a3#%Af")
        );
        assert_eq!(
            parse("https://example.org/%d9%86"),
            parse("https://example.org/ن")
        );
        assert_eq!(parse("/media/%d9%86"), parse("/media/%D9%86"));
        assert_eq!(
            parse("https://example.org/?a=%zz%").as_str(),
            "https://example.org/?a=%zz%"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_it_takes_it_takes_again(
            url in prop_oneof![
                "https?://[a-zA-Zخبرß.%-]{1,12}(:[0-9]{1,4})?(/[a-cخ%0-9A-F?#&=|^`{}\\[\\].-]{0,40})?",
                "/[a-cخ%0-9A-F?#./-]{0,40}",
                "\\PC{0,60}",
            ],
            times in 1_usize..60,
        ) {
            let url = format!("{url}{}", "م".repeat(times * times / 4));
            if let Ok(taken) = WebUrl::parse(&url) {
                prop_assert!(taken.as_str().len() <= WebUrl::MAX);
                prop_assert_eq!(WebUrl::parse(taken.as_str()), Ok(taken));
            }
        }
    }

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
