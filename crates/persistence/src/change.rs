//! The change feed: what was written, in commit order, with the reading keys that it touches.
//!
//! `seq` is dense and in commit order: taking the next number locks the one row of `change_head`
//! until the transaction ends, so whoever has read up to n never later finds a new row at or
//! below n. The lock is taken last, just before the commit, so writers work side by side till then.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult, Set};
use uuid::Uuid;

use crate::row::Row;
use crate::sql::{Dialect, Sql};
use crate::{Doing, Error, Reader, Result};

/// What was done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is new.
    Added,
    /// It is different.
    Changed,
    /// It is gone, or readers no longer see it.
    Withdrawn,
}

impl Act {
    /// The word that stands for it in a row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What kind of thing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "each is the noun of the same name in khabar-domain"
)]
pub enum Noun {
    Article,
    Comment,
    Edition,
    FollowChannel,
    Home,
    LiveChannel,
    Media,
    Person,
    Related,
    Section,
    Source,
    Story,
    Topic,
}

impl Noun {
    /// The word that stands for it in a row and in reading keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Comment => "comment",
            Self::Edition => "edition",
            Self::FollowChannel => "follow-channel",
            Self::Home => "home",
            Self::LiveChannel => "live-channel",
            Self::Media => "media",
            Self::Person => "person",
            Self::Related => "related",
            Self::Section => "section",
            Self::Source => "source",
            Self::Story => "story",
            Self::Topic => "topic",
        }
    }

    /// The reading key of one of them: `story:…`.
    pub fn key(self, id: impl Into<Uuid>) -> String {
        format!("{}:{}", self.as_str(), id.into())
    }

    /// The reading key of a list that one of them has: `story:…:articles`.
    pub fn list_key(self, id: impl Into<Uuid>, list: &str) -> String {
        format!("{}:{list}", self.key(id))
    }
}

/// One row of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the feed, from 1, without gaps.
    pub seq: i64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What kind of thing.
    pub noun: String,
    /// Which one.
    pub noun_id: Uuid,
    /// What was done to it: an [`Act`]'s word.
    pub act: String,
    /// The reading keys that it touches.
    pub keys: Vec<String>,
}

/// The changes after this place, oldest first, at most `most` of them.
pub async fn after(reader: &Reader, seq: i64, most: u16) -> Result<Vec<Change>> {
    const DOING: &str = "read the change feed";
    let mut sql = reader.sql();
    let (from, to) = (sql.bind(seq), sql.bind(seq.saturating_add(most.into())));
    // `seq` is dense, so a range of it is a page.
    let text = format!("SELECT * FROM change WHERE seq > {from} AND seq <= {to} ORDER BY seq");
    let rows = reader.rows(DOING, sql, text).await?;
    rows.iter()
        .map(|row| {
            table::Model::from_query_result(row, "")
                .doing(DOING)?
                .read()
        })
        .collect()
}

impl Row for table::Model {
    type Means = Change;

    fn read(self) -> Result<Change> {
        let keys = serde_json::from_str(&self.keys).map_err(|error| Error::BrokenRow {
            table: "change",
            column: "keys",
            row: self.seq.to_string(),
            problem: error.to_string(),
        })?;
        let Self {
            seq,
            at,
            noun,
            noun_id,
            act,
            ..
        } = self;
        Ok(Change {
            seq,
            at,
            noun,
            noun_id,
            act,
            keys,
        })
    }
}

/// One thing that was written, before it has its place in the feed.
pub(crate) struct Note {
    pub(crate) noun: Noun,
    pub(crate) id: Uuid,
    pub(crate) act: Act,
    pub(crate) keys: Vec<String>,
}

/// How many rows one INSERT carries: six values each stay well under SQLite's 32,766.
const ROWS: usize = 500;

/// Appends the notes of one transaction to the feed, with the next numbers.
pub(crate) async fn append(
    transaction: &DatabaseTransaction,
    dialect: Dialect,
    at: DateTime<Utc>,
    notes: &[Note],
) -> Result<()> {
    const DOING: &str = "write the change feed";
    let Ok(count) = i64::try_from(notes.len()) else {
        return Ok(());
    };
    if count == 0 {
        return Ok(());
    }
    let mut sql = Sql::new(dialect);
    let text = format!(
        "UPDATE change_head SET seq = seq + {} RETURNING seq",
        sql.bind(count)
    );
    let head = transaction
        .query_one_raw(sql.statement(text))
        .await
        .doing(DOING)?;
    let head = head.ok_or_else(|| DbErr::RecordNotFound("change_head has no row".to_owned()));
    let last: i64 = head.and_then(|row| row.try_get("", "seq")).doing(DOING)?;
    for (seq, notes) in ((last - count + 1)..).step_by(ROWS).zip(notes.chunks(ROWS)) {
        let rows = (seq..).zip(notes).map(|(seq, note)| table::ActiveModel {
            seq: Set(seq),
            at: Set(at),
            noun: Set(note.noun.as_str().to_owned()),
            noun_id: Set(note.id),
            act: Set(note.act.as_str().to_owned()),
            keys: Set(serde_json::Value::from(note.keys.clone()).to_string()),
        });
        table::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await
            .doing(DOING)?;
    }
    Ok(())
}

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "change")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub at: DateTimeUtc,
        pub noun: String,
        pub noun_id: Uuid,
        pub act: String,
        pub keys: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
