//! The change feed: what was written, in commit order, with the reading keys that it touches.
//!
//! `seq` is dense and in commit order: taking the next number locks the one row of `change_head`
//! until the transaction ends, so whoever has read up to n never later finds a new row at or
//! below n. The lock is taken last, just before the commit, so writers work side by side till then.
//!
//! [`Feed`] waits for more; [`retire`] lets go of what is old.

pub(crate) mod bell;
mod feed;
mod retire;

pub use feed::Feed;
pub use retire::retire;

use chrono::{DateTime, Utc};
use khabar_domain::Slug;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set};
use uuid::Uuid;

use crate::cells::{Cells, columns, stored};
use crate::row::Row;
use crate::sql::Dialect;
use crate::{Doing, Error, Reader, Result, Writer};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each is the noun of the same name in khabar-domain, or the table's"
)]
pub enum Noun {
    Account,
    Article,
    Comment,
    Edition,
    FollowChannel,
    Home,
    LiveChannel,
    Media,
    Person,
    Preview,
    Related,
    Section,
    Source,
    Story,
    Token,
    Topic,
    TrustedDocument,
}

impl Noun {
    /// The word that stands for it in a row and in reading keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Article => "article",
            Self::Comment => "comment",
            Self::Edition => "edition",
            Self::FollowChannel => "follow-channel",
            Self::Home => "home",
            Self::LiveChannel => "live-channel",
            Self::Media => "media",
            Self::Person => "person",
            Self::Preview => "preview",
            Self::Related => "related",
            Self::Section => "section",
            Self::Source => "source",
            Self::Story => "story",
            Self::Token => "token",
            Self::Topic => "topic",
            Self::TrustedDocument => "trusted-document",
        }
    }

    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Account,
        Self::Article,
        Self::Comment,
        Self::Edition,
        Self::FollowChannel,
        Self::Home,
        Self::LiveChannel,
        Self::Media,
        Self::Person,
        Self::Preview,
        Self::Related,
        Self::Section,
        Self::Source,
        Self::Story,
        Self::Token,
        Self::Topic,
        Self::TrustedDocument,
    ];

    /// The kind that a word stands for.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|noun| noun.as_str() == word)
    }

    /// The reading key of one of them: `story:…`.
    pub fn key(self, id: impl Into<Uuid>) -> String {
        format!("{}:{}", self.as_str(), id.into())
    }

    /// The reading key of what is found under a slug, whatever that is: `story:…:slug`. The id is one
    /// of the slug itself (version 5), whichever edition it is in.
    pub fn slug_key(self, slug: &Slug) -> String {
        self.list_key(slug_id(slug), Part::Slug)
    }

    /// The reading key of a list that one of them has: `story:…:articles`.
    pub fn list_key(self, id: impl Into<Uuid>, list: Part) -> String {
        format!("{}:{}", self.key(id), list.as_str())
    }
}

/// The id that stands for a slug in reading keys.
pub(crate) fn slug_id(slug: &Slug) -> Uuid {
    /// Any will do that is always the same.
    const SLUGS: Uuid = Uuid::from_u128(0x6b68_6162_6172_5f73_6c75_6773_0000_0001);
    Uuid::new_v5(&SLUGS, slug.as_str().as_bytes())
}

/// What a thing has that is read apart from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "each is the field of the same name in the API, or nearly"
)]
pub enum Part {
    Articles,
    Authors,
    Caption,
    Children,
    Commenting,
    Comments,
    Details,
    FollowChannels,
    Lead,
    Leads,
    LiveChannels,
    Rail,
    Related,
    Replies,
    Reports,
    Sections,
    Slug,
    Stories,
    Text,
    Topics,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 20] = [
        Self::Articles,
        Self::Authors,
        Self::Caption,
        Self::Children,
        Self::Commenting,
        Self::Comments,
        Self::Details,
        Self::FollowChannels,
        Self::Lead,
        Self::Leads,
        Self::LiveChannels,
        Self::Rail,
        Self::Related,
        Self::Replies,
        Self::Reports,
        Self::Sections,
        Self::Slug,
        Self::Stories,
        Self::Text,
        Self::Topics,
    ];

    /// The word that stands for it in reading keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Articles => "articles",
            Self::Authors => "authors",
            Self::Caption => "caption",
            Self::Children => "children",
            Self::Commenting => "commenting",
            Self::Comments => "comments",
            Self::Details => "details",
            Self::FollowChannels => "follow-channels",
            Self::Lead => "lead",
            Self::Leads => "leads",
            Self::LiveChannels => "live-channels",
            Self::Rail => "rail",
            Self::Related => "related",
            Self::Replies => "replies",
            Self::Reports => "reports",
            Self::Sections => "sections",
            Self::Slug => "slug",
            Self::Stories => "stories",
            Self::Text => "text",
            Self::Topics => "topics",
        }
    }

    /// The part that a word stands for.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == word)
    }
}

/// A part of a row, and how it is copied from the second to the first.
pub(crate) type Copies<M> = (Part, fn(&mut M, &M));

/// The parts in which two rows differ; and whether they differ beyond these.
pub(crate) fn differing<M: Clone + PartialEq>(
    old: &M,
    new: &M,
    parts: &[Copies<M>],
) -> (Vec<Part>, bool) {
    let mut rest = old.clone();
    let mut differing = Vec::new();
    for (part, copy) in parts {
        let before = rest.clone();
        copy(&mut rest, new);
        if rest != before {
            differing.push(*part);
        }
    }
    (differing, rest != *new)
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

/// How far the feed goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    /// The oldest row that is kept; one after the head when none is.
    pub oldest: i64,
    /// The last row that was written; 0 before the first.
    pub head: i64,
}

const READING: &str = "read the change feed";

/// How far the feed goes now, as this reader's database has it.
pub async fn edges(reader: &Reader) -> Result<Edges> {
    // One statement, so that both are of one moment.
    let text = "SELECT h.seq AS head, COALESCE((SELECT min(seq) FROM change), h.seq + 1) AS oldest \
                FROM change_head h WHERE h.id = 1";
    let rows = reader.rows(READING, reader.sql(), text.to_owned()).await?;
    let row = rows.first().ok_or_else(headless).doing(READING)?;
    Ok(Edges {
        oldest: row.try_get("", "oldest").doing(READING)?,
        head: row.try_get("", "head").doing(READING)?,
    })
}

/// The changes after this place, oldest first, at most `most` of them. Refused: a place from which
/// some are gone already, so that nobody misses them without knowing.
pub async fn after(reader: &Reader, seq: i64, most: u16) -> Result<Vec<Change>> {
    Ok(page(reader, seq, most).await?.0)
}

/// The changes after this place; when there are none, how far the feed goes.
async fn page(reader: &Reader, after: i64, most: u16) -> Result<(Vec<Change>, Option<Edges>)> {
    let (after, most) = (after.max(0), most.max(1));
    loop {
        let changes = range(reader, after, after.saturating_add(most.into())).await?;
        let gap = changes.first().is_some_and(|first| first.seq > after + 1);
        if !gap && !changes.is_empty() {
            return Ok((changes, None));
        }
        let Edges { oldest, head } = edges(reader).await?;
        if gap || (head > after && oldest > after + 1) {
            return Err(Error::Missed {
                after,
                oldest,
                head,
            });
        }
        if head <= after {
            return Ok((changes, Some(Edges { oldest, head })));
        }
        // They were written between the two statements.
    }
}

/// `seq` is dense, so a range of it is a page.
async fn range(reader: &Reader, after: i64, to: i64) -> Result<Vec<Change>> {
    let mut sql = reader.sql();
    let (from, to) = (sql.bind(after), sql.bind(to));
    let text = format!(
        "SELECT {} FROM change t WHERE seq > {from} AND seq <= {to} ORDER BY seq",
        columns::<table::Model>("t")
    );
    let rows = reader.rows(READING, sql, text).await?;
    rows.iter()
        .map(|row| Cells::of(row, READING)?.read::<table::Model>())
        .collect()
}

fn headless() -> DbErr {
    DbErr::RecordNotFound("change_head has no row".to_owned())
}

stored!(table::Model: seq, at, noun, noun_id, act, keys);

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

/// Appends the notes of one transaction to the feed, with the next numbers; gives the last of them.
pub(crate) async fn append(writer: &Writer, notes: &[Note]) -> Result<Option<i64>> {
    const DOING: &str = "write the change feed";
    let (transaction, at) = (writer.connection(), writer.at());
    let Ok(count) = i64::try_from(notes.len()) else {
        return Ok(None);
    };
    if count == 0 {
        return Ok(None);
    }
    let mut sql = writer.sql();
    let update = format!(
        "UPDATE change_head SET seq = seq + {} RETURNING seq",
        sql.bind(count)
    );
    // What is notified reaches other processes when this is committed, and not otherwise.
    let text = match sql.dialect {
        Dialect::Postgres => format!(
            "WITH head AS ({update}) SELECT seq, pg_notify('{}', seq::text)::text FROM head",
            bell::CHANNEL
        ),
        Dialect::Sqlite => update,
    };
    let head = transaction
        .query_one_raw(sql.statement(text))
        .await
        .doing(DOING)?;
    let head = head.ok_or_else(headless);
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
    Ok(Some(last))
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
