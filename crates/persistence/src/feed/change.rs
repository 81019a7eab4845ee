//! Changes: the rows of the table `change`. Only this file knows their text form.

use chrono::{DateTime, Utc};
use khabar_domain::Invalid;
use uuid::Uuid;

use super::{CacheTag, EntityKind, Operation};
use crate::Result;
use crate::query::decode::Row;
use crate::query::row::broken;
use crate::query::table::table;

/// A row of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The position in the feed. Starts at 1 and has no gaps.
    pub seq: i64,
    /// The content of the row.
    pub content: Content,
}

/// The content of a row of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A write of one object.
    Write(Write),
    /// A row that this version cannot read fully. It may have touched anything.
    Unknown {
        /// The words that this version does not know, because a later version has written them. Empty if
        /// the row as a whole cannot be read.
        words: Vec<String>,
    },
}

/// A write of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The time of the write.
    pub at: DateTime<Utc>,
    /// The kind of object that was written.
    pub entity: EntityKind,
    /// The ID of the object.
    pub id: Uuid,
    /// The operation.
    pub operation: Operation,
    /// The results that the write invalidates.
    pub touched: Touched,
}

/// The results that a write invalidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Those that were read from one of these tags.
    Tags(Vec<CacheTag>),
    /// All of them.
    Everything,
}

impl Change {
    /// Returns the write, or `None` if this version cannot read the row fully.
    pub fn write(&self) -> Option<&Write> {
        match &self.content {
            Content::Write(write) => Some(write),
            Content::Unknown { .. } => None,
        }
    }

    /// Returns the tags that the change touches, each followed by the tag of all objects of its kind.
    /// Returns `None` if it touches everything, or may have.
    pub fn tags(&self) -> Option<Vec<CacheTag>> {
        let Touched::Tags(tags) = &self.write()?.touched else {
            return None;
        };
        let mut touched = Vec::with_capacity(2 * tags.len());
        touched.extend(tags.iter().flat_map(|tag| [*tag, tag.of_every()]));
        Some(touched)
    }

    /// Creates a substitute for a row that cannot be read.
    pub(super) fn unreadable(seq: i64) -> Self {
        let words = Vec::new();
        Self {
            seq,
            content: Content::Unknown { words },
        }
    }
}

/// The text that stands for [`Touched::Everything`].
const EVERYTHING: &str = "*";

impl Touched {
    /// Encodes the tags as a JSON array of their text forms.
    pub(super) fn encode(&self) -> String {
        let texts = match self {
            Self::Tags(tags) => tags.iter().map(ToString::to_string).collect(),
            Self::Everything => vec![EVERYTHING.to_owned()],
        };
        serde_json::Value::from(texts).to_string()
    }

    /// Decodes the text forms. Returns those that are unknown as an error.
    fn decode(texts: Vec<String>) -> Result<Self, Vec<String>> {
        if texts.iter().any(|text| text == EVERYTHING) {
            return Ok(Self::Everything);
        }
        let mut tags = Vec::with_capacity(texts.len());
        let mut unknown = Vec::new();
        for text in texts {
            match CacheTag::parse(&text) {
                Some(tag) => tags.push(tag),
                None => unknown.push(text),
            }
        }
        if unknown.is_empty() {
            Ok(Self::Tags(tags))
        } else {
            Err(unknown)
        }
    }
}

impl Write {
    /// Returns the tags that the write names. Empty if it touches everything.
    pub fn tags(&self) -> &[CacheTag] {
        match &self.touched {
            Touched::Tags(tags) => tags,
            Touched::Everything => &[],
        }
    }

    /// Encodes the write as the row at a position in the feed.
    pub(super) fn to_row(&self, seq: i64) -> table::Model {
        table::Model {
            seq,
            at: self.at,
            entity: self.entity.as_str().to_owned(),
            entity_id: self.id,
            operation: self.operation.as_str().to_owned(),
            keys: self.touched.encode(),
        }
    }
}

impl Row for table::Model {
    const TABLE: &'static str = "change";
    type Means = Change;

    fn read(self) -> Result<Change> {
        let texts = serde_json::from_str(&self.keys).map_err(|error| {
            let problem = Invalid::new("the keys", error.to_string());
            broken("change", "keys", self.seq)(problem)
        })?;
        let entity = EntityKind::parse(&self.entity);
        let operation = Operation::parse(&self.operation);
        let content = match (entity, operation, Touched::decode(texts)) {
            (Some(entity), Some(operation), Ok(touched)) => Content::Write(Write {
                at: self.at,
                entity,
                id: self.entity_id,
                operation,
                touched,
            }),
            (entity, operation, touched) => {
                let mut words = touched.err().unwrap_or_default();
                words.extend(entity.is_none().then_some(self.entity));
                words.extend(operation.is_none().then_some(self.operation));
                Content::Unknown { words }
            }
        };
        Ok(Change {
            seq: self.seq,
            content,
        })
    }
}

table! {
    mod table = "change";
    key seq: i64;
    at: DateTimeUtc,
    entity: String,
    entity_id: Uuid,
    operation: String,
    keys: String,
}

#[cfg(test)]
mod tests {
    use super::super::Facet;
    use super::*;

    fn writes() -> impl Iterator<Item = Write> {
        let id = Uuid::from_u128(7);
        let touched = [
            Touched::Everything,
            Touched::Tags(Vec::new()),
            Touched::Tags(vec![
                CacheTag::one(EntityKind::Story, id),
                CacheTag::part(EntityKind::Story, id, Facet::Articles),
                CacheTag::every(EntityKind::Edition),
            ]),
        ];
        let kinds = EntityKind::ALL.iter().flat_map(|entity| {
            let operations = Operation::ALL.iter();
            operations.map(|operation| (*entity, *operation))
        });
        kinds.flat_map(move |(entity, operation)| {
            touched.clone().map(|touched| Write {
                at: DateTime::UNIX_EPOCH,
                entity,
                id,
                operation,
                touched,
            })
        })
    }

    #[test]
    fn a_row_that_was_encoded_is_decoded_as_the_same_write() {
        for write in writes() {
            let change = write.to_row(3).read().unwrap();
            assert_eq!(change.seq, 3);
            assert_eq!(change.write(), Some(&write));
        }
    }

    #[test]
    fn a_text_that_is_unknown_makes_the_change_unknown() {
        let known = || writes().last().unwrap().to_row(3);
        let cases = [
            table::Model {
                entity: "podcast".to_owned(),
                ..known()
            },
            table::Model {
                operation: "archived".to_owned(),
                ..known()
            },
            table::Model {
                keys: r#"["podcast:7"]"#.to_owned(),
                ..known()
            },
        ];
        for (row, word) in cases.into_iter().zip(["podcast", "archived", "podcast:7"]) {
            let change = row.read().unwrap();
            let words = vec![word.to_owned()];
            assert_eq!(change.content, Content::Unknown { words });
            assert_eq!(change.tags(), None);
        }
        let nonsense = table::Model {
            keys: "nonsense".to_owned(),
            ..known()
        };
        assert!(nonsense.read().is_err());
        assert_eq!(Change::unreadable(3).tags(), None);
    }

    #[test]
    fn a_write_touches_all_objects_of_the_kind_too() {
        let tag = CacheTag::one(EntityKind::Story, Uuid::from_u128(7));
        let write = Write {
            touched: Touched::Tags(vec![tag]),
            ..writes().last().unwrap()
        };
        let change = write.to_row(1).read().unwrap();
        let every = CacheTag::every(EntityKind::Story);
        assert_eq!(change.tags(), Some(vec![tag, every]));
    }
}
