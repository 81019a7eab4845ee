//! Single-line texts: headlines and names.

use serde::{Deserialize, Serialize};

use crate::invalid::{check_characters, check_length};
use crate::{Invalid, fast_path, unicode};

macro_rules! lines {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $most:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The maximum length, in characters.
            pub const MAX: usize = $most;

            /// Normalizes and validates a line of text, and folds white space. Returns an error for a
            /// line that is overlong or has no visible characters, and for control characters or
            /// unbalanced bidi controls.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                one_line($what, text, Self::MAX).map(Self)
            }

            /// Returns the line as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(line: $name) -> Self {
                line.0
            }
        }
    )+};
}

lines! {
    /// The headline of an article, shown on every page that links to it.
    Headline, "the headline", 300;
    /// The name or title of a story, section, person, source, topic or channel.
    Name, "the name", 200;
}

fn one_line(what: &str, text: &str, most: usize) -> Result<String, Invalid> {
    if fast_path::is_line(text) {
        check_length(what, text, most)?;
        return Ok(text.to_owned());
    }
    let text = unicode::normalized(text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    check_characters(what, &line)?;
    if unicode::is_blank(&line) {
        return Err(Invalid::new(what, "is empty"));
    }
    check_length(what, &line, most)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded() {
        assert_eq!(
            Headline::parse("  ميناء\u{a0}جديد \n").unwrap().as_str(),
            "ميناء جديد"
        );
    }

    #[test]
    fn a_refusal_says_what_and_where() {
        let problem = |text: &str| Headline::parse(text).unwrap_err().to_string();
        assert_eq!(problem(" "), "the headline is empty");
        assert_eq!(
            problem(&"أ".repeat(301)),
            "the headline is longer than 300 characters (301)"
        );
        assert_eq!(
            problem("ab\u{202e}c"),
            "the headline has a character that may not be shown (U+202E, character 3)"
        );
        assert_eq!(
            problem("a\u{7}"),
            "the headline has a character that may not be shown (U+0007, character 2)"
        );
    }
}
