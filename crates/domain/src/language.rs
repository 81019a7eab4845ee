//! Languages of texts, and their reading directions.

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::text_enum::tokens;

/// The reading direction of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Left to right, as in English.
    Ltr,
    /// Right to left, as in Arabic.
    Rtl,
}

tokens!(Direction, "the direction", { Ltr => "ltr", Rtl => "rtl" });

/// A language tag (BCP 47): a language code of two or three letters, optionally followed by subtags
/// such as a script or region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

impl Language {
    /// Returns Arabic, the primary language of the newsroom.
    pub fn arabic() -> Self {
        Self("ar".to_owned())
    }

    /// Parses a tag such as `ar`, `en` or `ar-EG`. Letter case is normalized (RFC 5646 §2.1.1).
    pub fn parse(tag: &str) -> Result<Self, Invalid> {
        let refuse = || {
            Invalid::new(
                "the language",
                format!("{tag:?} is not a tag such as ar, en or ar-EG"),
            )
        };
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or_default();
        if !(2..=3).contains(&primary.len()) || !primary.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(refuse());
        }
        let mut put_right = primary.to_ascii_lowercase();
        for part in parts {
            if !(2..=8).contains(&part.len())
                || !part.bytes().all(|b| b.is_ascii_alphanumeric())
                || tag.len() > 35
            {
                return Err(refuse());
            }
            put_right.push('-');
            match part.len() {
                2 => put_right.push_str(&part.to_ascii_uppercase()),
                4 => {
                    put_right.push_str(&part[..1].to_ascii_uppercase());
                    put_right.push_str(&part[1..].to_ascii_lowercase());
                }
                _ => put_right.push_str(&part.to_ascii_lowercase()),
            }
        }
        Ok(Self(put_right))
    }

    /// Returns the usual reading direction of the language.
    pub fn direction(&self) -> Direction {
        let primary = self.0.split('-').next().unwrap_or_default();
        match primary {
            // Languages usually written in Arabic, Hebrew, Syriac or Thaana script.
            "ar" | "fa" | "ur" | "he" | "yi" | "ps" | "sd" | "ckb" | "ug" | "dv" | "syr" => {
                Direction::Rtl
            }
            _ => Direction::Ltr,
        }
    }

    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Language {
    type Error = Invalid;

    fn try_from(tag: String) -> Result<Self, Invalid> {
        Self::parse(&tag)
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_put_right() {
        assert_eq!(Language::parse("AR-eg").unwrap().as_str(), "ar-EG");
        assert_eq!(Language::parse("zh-HANT").unwrap().as_str(), "zh-Hant");
        for bad in ["", "a", "arabic", "ar_EG", "ar-", "12"] {
            assert!(Language::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn direction_follows_the_language() {
        assert_eq!(
            Language::parse("ar-EG").unwrap().direction(),
            Direction::Rtl
        );
        assert_eq!(Language::parse("en").unwrap().direction(), Direction::Ltr);
    }
}
