//! A topic: what an article is about, and what readers may follow.

use serde::{Deserialize, Serialize};

use crate::token::tokens;
use crate::{EditionId, Invalid, Name, Slug, TopicId};

/// What kind of thing an article is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Somebody.
    Person,
    /// Somewhere.
    Place,
    /// A company, state body, club or movement.
    Organisation,
    /// A subject matter, such as energy.
    Subject,
}

tokens!(Kind, "the topic's kind", {
    Person => "person", Place => "place", Organisation => "organisation", Subject => "subject",
});

/// A code of IPTC Media Topics (NewsCodes): eight digits, written `medtop:04000000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaTopic(String);

impl MediaTopic {
    /// Takes a code, with or without its `medtop:`.
    pub fn parse(code: &str) -> Result<Self, Invalid> {
        let digits = code.strip_prefix("medtop:").unwrap_or(code);
        if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Invalid::new(
                "the media topic",
                format!("{code:?} is not a code such as medtop:04000000"),
            ));
        }
        Ok(Self(format!("medtop:{digits}")))
    }

    /// The code as text, with its `medtop:`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MediaTopic {
    type Error = Invalid;

    fn try_from(code: String) -> Result<Self, Invalid> {
        Self::parse(&code)
    }
}

impl From<MediaTopic> for String {
    fn from(code: MediaTopic) -> Self {
        code.0
    }
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Which topic.
    pub id: TopicId,
    /// In whose edition it is followed.
    pub edition: EditionId,
    /// What kind of thing.
    pub kind: Kind,
    /// Its part of an address.
    pub slug: Slug,
    /// What it is called.
    pub name: Name,
    /// What it is, in a sentence.
    pub summary: Option<String>,
    /// Its code in IPTC Media Topics, where known.
    pub media_topic: Option<MediaTopic>,
    /// How many published articles are about it.
    pub article_count: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_topic_has_eight_digits() {
        assert_eq!(
            MediaTopic::parse("04000000").unwrap().as_str(),
            "medtop:04000000"
        );
        assert!(MediaTopic::parse("medtop:4").is_err());
        assert!(Kind::parse("thing").is_err());
    }
}
