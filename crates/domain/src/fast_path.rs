//! Fast checks for plain characters: the letters, digits and marks that make up nearly all text in a
//! newsroom.
//!
//! A text of these characters alone is known to follow the rules of this crate without consulting the
//! Unicode tables. This matters because every text read from the database is validated again.

/// Whether a character is an ASCII or Arabic letter or digit that is part of a word. ASCII capitals are
/// excluded.
pub(crate) const fn is_word(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '\u{621}'..='\u{63a}' | '\u{641}'..='\u{64a}' | '\u{660}'..='\u{669}')
}

/// Whether a character satisfies [`is_word`] or is an ASCII capital, a punctuation mark or a symbol.
/// Each is stable in Unicode normalization form C next to any of the others, because none of them
/// combines (UAX #15).
const fn is_settled(c: char) -> bool {
    is_word(c) || matches!(c, '!'..='~' | '\u{60c}' | '\u{61b}' | '\u{61f}' | '«' | '»')
}

/// Whether a text is a single line of plain characters, with single spaces between its words.
pub(crate) fn is_line(text: &str) -> bool {
    let mut after_space = true;
    for c in text.chars() {
        let is_space = c == ' ';
        if !(is_settled(c) || is_space && !after_space) {
            return false;
        }
        after_space = is_space;
    }
    !after_space
}

/// Whether a text consists only of plain characters, spaces and line feeds.
pub(crate) fn is_text(text: &str) -> bool {
    text.chars()
        .all(|c| is_settled(c) || matches!(c, ' ' | '\n'))
}

/// Whether a character is a vowel mark or another sign on Arabic letters, or tatweel, which stretches a
/// word.
pub(crate) const fn is_harakah(c: char) -> bool {
    matches!(c, '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}')
}

/// Whether a text is an HTTP or HTTPS URL that a WHATWG URL parser would leave unchanged. The host must
/// be in lower case, and the path must have no escapes and no segments that begin with a dot.
pub(crate) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://");
    let rest = rest.or_else(|| text.strip_prefix("http://"));
    let Some((host, path)) = rest.and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let is_label = |label: &str| {
        let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let letters = label.bytes().all(|byte| small(byte) || byte == b'-');
        letters && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
            // Punycode labels have their own rules.
            && !label.starts_with("xn--")
    };
    // A host that ends with a number is parsed as an IPv4 address.
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_host =
        host.split('.').all(is_label) && last.starts_with(|c: char| c.is_ascii_lowercase());
    let is_path = path.bytes().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~' | b'=' | b'&' | b'?')
    });
    is_host && is_path && !path.starts_with('.') && !path.contains("/.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;
    use url::Url;

    use super::*;
    use crate::invalid::check_characters;

    #[test]
    fn what_newsrooms_write_is_plain() {
        assert!(is_line("ميناء الجديدة يستقبل 3 سفن، والعمل مستمر"));
        assert!(is_line("Port reopens: \"ready\""));
        assert!(is_url(
            "https://media.example.org/2026/port-1.jpg?width=640"
        ));
        for line in ["", " ", "a  b", " a", "a ", "e\u{301}", "\u{202e}a", "سُفن"] {
            assert!(!is_line(line), "{line:?}");
        }
        for url in [
            "https://example.org",
            "https://user@example.org/",
            "https://1.2.3.4/",
            "https://0x7f.1/",
            "https://example.org:443/",
            "https://Example.org/",
            "https://a..b/",
            "https://example.org/a/../b",
            "https://example.org/.",
            "https://example.org/خبر",
            "ftp://example.org/",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_plain_line_stays_as_it_is(
            line in "[a-cA-C0-2 ~!ءاأبي\u{64a}\u{654}٠،؟«»\u{640}\u{64b}\u{301}\u{202e}\u{a0}]{0,8}",
        ) {
            if is_line(&line) {
                let words: Vec<_> = line.split_whitespace().collect();
                let folded: String = words.join(" ").nfc().collect();
                prop_assert_eq!(&folded, &line);
                prop_assert!(check_characters("the line", &line).is_ok());
            }
        }

        #[test]
        fn a_plain_address_stays_as_it_is(
            url in "https?://[a-cx01.-]{1,9}(/[a-cA-C0-1./_~=&?@%:\\\\-]{0,9})?",
        ) {
            if is_url(&url) {
                let read = Url::parse(&url);
                let read = read.map_err(|error| TestCaseError::fail(format!("{url}: {error}")))?;
                prop_assert_eq!(read.as_str(), &url);
                prop_assert!(read.username().is_empty() && read.password().is_none());
            }
        }
    }
}
