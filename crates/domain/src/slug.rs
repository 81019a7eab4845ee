//! Slugs: the parts of URLs that identify a resource, written in the script of its language.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::{Invalid, fast_path};

/// A slug: letters and digits of any script, in lower case where the script has one, joined by single
/// hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    /// Maximum length in characters. Percent-encoded Arabic takes six bytes per letter, and some mail
    /// programs truncate URLs longer than about 1,000 bytes.
    pub const MAX: usize = 150;

    /// Parses a slug. Fails if the text is empty, longer than [`Slug::MAX`], or contains anything that
    /// [`Slug::from_text`] would have changed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let refuse = |problem: String| Err(Invalid::new("the slug", problem));
        if text.is_empty() {
            return refuse("is empty".into());
        }
        crate::invalid::check_length("the slug", text, Self::MAX)?;
        if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return refuse(format!("{text:?} has a hyphen that joins nothing"));
        }
        if let Some((at, c)) = text
            .chars()
            .enumerate()
            .find(|(_, c)| *c != '-' && !is_slug_char(*c))
        {
            return refuse(format!(
                "{text:?} has {c:?} at character {}: letters (in lower case), digits and hyphens are allowed",
                at + 1
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Creates a slug from a headline or a name. Arabic letters are retained. Vowel marks, tatweel and
    /// punctuation are removed. Trailing words are dropped until the slug fits into [`Slug::MAX`]. Fails if
    /// no word is left.
    pub fn from_text(text: &str) -> Result<Self, Invalid> {
        let mut slug = String::with_capacity(text.len());
        let mut length = 0;
        for word in words(text) {
            let extra = word.chars().count() + usize::from(!slug.is_empty());
            if length + extra > Self::MAX {
                break;
            }
            if !slug.is_empty() {
                slug.push('-');
            }
            slug.push_str(&word);
            length += extra;
        }
        if slug.is_empty() {
            return Err(Invalid::new(
                "the slug",
                format!("cannot be made from {text:?}: it has no word that fits"),
            ));
        }
        Ok(Self(slug))
    }

    /// Returns a slug that consists of an ID in hexadecimal.
    pub fn of_id(id: Uuid) -> Self {
        Self(id.simple().to_string())
    }

    /// Returns the ID that the slug was created from by [`Slug::of_id`], or `None` for any other slug.
    pub fn as_id(&self) -> Option<Uuid> {
        let id = Uuid::try_parse(&self.0).ok()?;
        (Self::of_id(id) == *self).then_some(id)
    }

    /// Returns the slug with `-` and a number appended. The slug is truncated first if the result would be
    /// longer than [`Slug::MAX`].
    pub fn numbered(&self, number: u32) -> Result<Self, Invalid> {
        let tail = format!("-{number}");
        let kept: String = self.0.chars().take(Self::MAX - tail.len()).collect();
        Self::parse(&format!("{}{tail}", kept.trim_end_matches('-')))
    }

    /// Returns the slug as a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character may occur in a word of a slug: a letter or digit, except vowel marks, tatweel and
/// upper case.
fn is_slug_char(c: char) -> bool {
    fast_path::is_word(c) || c.is_alphanumeric() && !is_dropped(c) && !c.is_uppercase()
}

/// Whether a character is removed without ending the word: harakat and Quranic marks, tatweel, zero-width
/// characters, bidi controls and byte order marks. Harakat are tested by range because Unicode classifies
/// them as alphanumeric.
fn is_dropped(c: char) -> bool {
    fast_path::is_harakah(c)
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let kept: String = text
        .nfkc()
        .filter(|c| !is_dropped(*c))
        .flat_map(char::to_lowercase)
        .filter(|c| !is_dropped(*c))
        .collect();
    kept.split(|c: char| !is_slug_char(c))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Slug {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_makes_a_slug_and_is_read_from_it() {
        let id = Uuid::from_u128(0x0190_abcd_0000_7000_8000_0000_0000_0001);
        let slug = Slug::of_id(id);
        assert_eq!(Slug::parse(slug.as_str()).as_ref(), Ok(&slug));
        assert_eq!(slug.as_id(), Some(id));
        for other in ["الميناء", &id.to_string(), "0190"] {
            assert_eq!(Slug::parse(other).unwrap().as_id(), None, "{other}");
        }
    }

    #[test]
    fn arabic_letters_stay_and_marks_go() {
        let slug = Slug::from_text("«المَدِينَة» تفتتـــح مترو الشمال: 12 محطة!").unwrap();
        assert_eq!(slug.as_str(), "المدينة-تفتتح-مترو-الشمال-12-محطة");
    }

    #[test]
    fn latin_letters_lose_their_case() {
        assert_eq!(
            Slug::from_text("Harbour Reopens — at Last")
                .unwrap()
                .as_str(),
            "harbour-reopens-at-last"
        );
    }

    #[test]
    fn a_refusal_says_what_and_where() {
        assert_eq!(
            Slug::parse("a b").unwrap_err().to_string(),
            "the slug \"a b\" has ' ' at character 2: letters (in lower case), digits and hyphens are allowed"
        );
        assert_eq!(
            Slug::parse("").unwrap_err().to_string(),
            "the slug is empty"
        );
        assert!(Slug::parse("a--b").is_err());
        assert!(Slug::from_text("… !").is_err());
        assert!(Slug::parse(&"x".repeat(151)).is_err());
    }

    proptest! {
        #[test]
        fn what_it_makes_it_takes(text in "\\PC{0,200}") {
            if let Ok(slug) = Slug::from_text(&text) {
                prop_assert_eq!(Slug::parse(slug.as_str()), Ok(slug.clone()));
                prop_assert_eq!(Slug::from_text(slug.as_str()), Ok(slug));
            }
        }
    }
}
