//! A broken row, and the reason why it cannot be read.

use std::borrow::Cow;
use std::fmt;

use uuid::Uuid;

use crate::feed::{CacheTag, EntityKind};

/// A row that cannot be read, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRow {
    /// The table that contains the row.
    pub table: Cow<'static, str>,
    /// The column that violates a rule.
    pub column: Cow<'static, str>,
    /// The primary key of the row.
    pub row: String,
    /// The rule that is violated.
    pub problem: String,
}

impl fmt::Display for BrokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            column,
            row,
            problem,
        } = self;
        write!(f, "table {table}, column {column}, row {row}: {problem}")
    }
}

impl BrokenRow {
    /// Returns the cache tag touched by a write that repairs the row. Returns `None` if no write
    /// of this program repairs it.
    pub(crate) fn key(&self) -> Option<CacheTag> {
        let table = match self.table.as_ref() {
            "article_body" | "article_editorial" => "article",
            table => table,
        };
        let entity = EntityKind::ALL
            .iter()
            .copied()
            .find(|entity| entity.as_str().replace('-', "_") == table)?;
        let id: Uuid = self.row.parse().ok()?;
        Some(CacheTag::one(entity, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128) -> BrokenRow {
        BrokenRow {
            table: "article".into(),
            column: "canonical_url".into(),
            row: Uuid::from_u128(id).to_string(),
            problem: "the URL is longer than 2000 bytes (4226)".to_owned(),
        }
    }

    #[test]
    fn what_mends_a_row_is_known_by_its_table() {
        let article = Uuid::from_u128(7);
        assert_eq!(
            row(7).key(),
            Some(CacheTag::one(EntityKind::Article, article))
        );
        let body = BrokenRow {
            table: "article_body".into(),
            ..row(7)
        };
        assert_eq!(
            body.key(),
            Some(CacheTag::one(EntityKind::Article, article))
        );
        let channel = BrokenRow {
            table: "live_channel".into(),
            ..row(7)
        };
        assert_eq!(
            channel.key(),
            Some(CacheTag::one(EntityKind::LiveChannel, article))
        );
        let none = BrokenRow {
            table: "redirect".into(),
            ..row(7)
        };
        assert_eq!(none.key(), None);
    }
}
