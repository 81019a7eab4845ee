//! Topics: the subjects of articles, which readers can follow.

use serde::{Deserialize, Serialize};

use crate::text_enum::tokens;
use crate::{EditionId, Invalid, Name, Slug, TopicId};

/// The kind of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person.
    Person,
    /// A place.
    Place,
    /// A company, public body, club or movement.
    Organisation,
    /// A subject, such as energy.
    Subject,
}

tokens!(Kind, "the topic's kind", {
    Person => "person", Place => "place", Organisation => "organisation", Subject => "subject",
});

/// An IPTC Media Topics code (NewsCodes): eight digits with a prefix, such as `medtop:04000000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaTopic(String);

impl MediaTopic {
    /// Parses a code. The `medtop:` prefix is optional. Fails unless the rest is exactly eight digits.
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

    /// Returns the code with its `medtop:` prefix.
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

/// A topic of an edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The ID of the topic.
    pub id: TopicId,
    /// The edition that the topic belongs to.
    pub edition: EditionId,
    /// The kind of the topic.
    pub kind: Kind,
    /// The slug used in URLs.
    pub slug: Slug,
    /// The display name.
    pub name: Name,
    /// A one-sentence description of the topic.
    pub summary: Option<String>,
    /// The IPTC Media Topics code, if known.
    pub media_topic: Option<MediaTopic>,
    /// The number of published articles about the topic.
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
