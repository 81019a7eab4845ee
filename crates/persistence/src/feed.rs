//! The change feed: every write in commit order, with the reading keys that it touches.
//!
//! Sequence numbers (`seq`) have no gaps and follow the commit order. Taking the next number locks
//! the only row of `change_head` until the transaction ends. Therefore a reader that has read up to
//! n never later finds a new row at or below n. The lock is taken last, just before the commit, so
//! that writers run in parallel until then.
//!
//! [`Feed`] waits for new changes. [`retire`] deletes old ones.

pub mod checkpoint;
pub(crate) mod flush;
pub(crate) mod notifier;
mod retention;
mod subscription;

pub use retention::retire;
pub use subscription::Feed;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use khabar_domain::{Invalid, Slug, derived};
use sea_orm::DbErr;
use uuid::Uuid;

use crate::query::decode::{columns, stored};
use crate::query::row::{Row, broken};
use crate::{Doing, Error, ReadSession, Result, WriteTx};

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The object is new.
    Added,
    /// The object has changed.
    Changed,
    /// The object was deleted, or readers can no longer see it.
    Withdrawn,
}

impl ChangeKind {
    /// Returns the name used in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The kind of object that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each is the noun of the same name in khabar-domain, or the table's"
)]
pub enum EntityKind {
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

impl EntityKind {
    /// Returns the name used in the database and in reading keys.
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

    /// All kinds of objects.
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

    /// Returns the kind with the given name.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|noun| noun.as_str() == word)
    }

    /// Returns the reading key of one object: `story:…`.
    pub fn key(self, id: impl Into<Uuid>) -> String {
        format!("{}:{}", self.as_str(), id.into())
    }

    /// Returns the reading key of a slug, whichever object has it: `story:…:slug`. The ID is
    /// derived from the slug itself (UUID version 5), regardless of the edition.
    pub fn slug_key(self, slug: &Slug) -> String {
        self.list_key(slug_id(slug), Facet::Slug)
    }

    /// Returns the reading key of a list that belongs to one object: `story:…:articles`.
    pub fn list_key(self, id: impl Into<Uuid>, list: Facet) -> String {
        format!("{}:{}", self.key(id), list.as_str())
    }
}

/// Returns the ID that represents a slug in reading keys.
pub(crate) fn slug_id(slug: &Slug) -> Uuid {
    /// The UUID namespace for slugs. The value is arbitrary but must never change.
    const SLUGS: Uuid = Uuid::from_u128(0x6b68_6162_6172_5f73_6c75_6773_0000_0001);
    Uuid::new_v5(&SLUGS, slug.as_str().as_bytes())
}

/// The reading key of everything. A change that touches it invalidates every cache as a whole.
pub const EVERYTHING: &str = "*";

/// Makes every node and every purge target clear its whole cache, as is needed after the database
/// was changed by hand.
pub fn clear_caches(writer: &mut WriteTx) {
    let id = derived("cache", &[EVERYTHING]);
    let keys = vec![EVERYTHING.to_owned()];
    writer.note(EntityKind::Home, id, ChangeKind::Changed, keys);
}

/// A part of an object that is read separately from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "each is the field of the same name in the API, or nearly"
)]
pub enum Facet {
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

impl Facet {
    /// All parts.
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

    /// Returns the name used in reading keys.
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

    /// Returns the part with the given name.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == word)
    }
}

/// A part of a row, and a function that copies it from the second row to the first.
pub(crate) type Copies<M> = (Facet, fn(&mut M, &M));

/// Returns the parts in which two rows differ, and whether they also differ outside these parts.
pub(crate) fn differing<M: Clone + PartialEq>(
    old: &M,
    new: &M,
    parts: &[Copies<M>],
) -> (Vec<Facet>, bool) {
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

/// A row of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The position in the feed. Starts at 1 and has no gaps.
    pub seq: i64,
    /// The time of the write.
    pub at: DateTime<Utc>,
    /// The kind of object that was written.
    pub noun: String,
    /// The ID of the object.
    pub noun_id: Uuid,
    /// The kind of the change: the name of an [`ChangeKind`].
    pub act: String,
    /// The reading keys that the change touches.
    pub keys: Vec<String>,
}

impl Change {
    /// Creates a substitute for a row that cannot be read. It may have touched anything, so it
    /// touches everything.
    fn unreadable(seq: i64) -> Self {
        Self {
            seq,
            at: DateTime::UNIX_EPOCH,
            noun: String::new(),
            noun_id: Uuid::nil(),
            act: ChangeKind::Changed.as_str().to_owned(),
            keys: vec![EVERYTHING.to_owned()],
        }
    }
}

/// A position in the feed. Its text form, as seen by clients, is `EPOCH-SEQ`.
///
/// After a failover that lost writes, or after restoring a backup, sequence numbers are reused for
/// different changes. The epoch then changes too, so that the two cannot be confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The epoch of the feed.
    pub epoch: i64,
    /// The sequence number of the last change.
    pub seq: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let parts = text.split_once('-');
        let parts = parts.filter(|(epoch, seq)| digits(epoch) && digits(seq));
        let numbers = parts.and_then(|(epoch, seq)| Some((epoch.parse().ok()?, seq.parse().ok()?)));
        let (epoch, seq) =
            numbers.ok_or_else(|| Invalid::new("the position", "is none of the change feed's"))?;
        Ok(Self { epoch, seq })
    }
}

/// The extent of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedBounds {
    /// The sequence number of the oldest row still stored. One greater than `head` if there is
    /// none.
    pub oldest: i64,
    /// The sequence number of the last row written. Zero before the first.
    pub head: i64,
    /// The epoch of the feed.
    pub epoch: i64,
}

impl FeedBounds {
    /// Returns the position of the last row.
    pub fn position(self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.head,
        }
    }
}

const QUERY: &str = "change.feed";

/// Returns the current extent of the feed, as seen by this reader's database.
pub async fn edges(reader: &ReadSession) -> Result<FeedBounds> {
    Ok(read(reader, 0, 0).await?.edges)
}

/// Returns up to `most` changes after this position, oldest first. Fails with [`Error::FeedGap`] if
/// some of them have already been deleted, so that no reader misses changes unnoticed.
pub async fn after(reader: &ReadSession, seq: i64, most: u16) -> Result<Vec<Change>> {
    Ok(page(reader, None, seq, most).await?.changes)
}

/// A page of the feed, with the extent of the feed when it was read.
pub(crate) struct Page {
    pub(crate) changes: Vec<Change>,
    pub(crate) edges: FeedBounds,
}

/// Returns the changes after this position. Fails with [`Error::FeedGap`] if the epoch differs from
/// the expected one, or if the feed no longer reaches back to this position.
async fn page(reader: &ReadSession, epoch: Option<i64>, after: i64, most: u16) -> Result<Page> {
    let (after, most) = (after.max(0), most.max(1));
    let page = read(reader, after, after.saturating_add(most.into())).await?;
    let FeedBounds {
        oldest,
        head,
        epoch: found,
    } = page.edges;
    let first = page.changes.first().map_or(head + 1, |first| first.seq);
    if epoch.is_some_and(|epoch| epoch != found) || (head > after && first > after + 1) {
        return Err(Error::FeedGap {
            after,
            oldest,
            head,
            epoch: found,
        });
    }
    Ok(page)
}

/// Returns the rows after one position up to another, in one consistent read. `seq` has no gaps, so
/// a range of it is a page.
async fn read(reader: &ReadSession, after: i64, to: i64) -> Result<Page> {
    let mut sql = reader.sql();
    let (from, to) = (sql.bind(after), sql.bind(to));
    let text = format!(
        "SELECT h.seq, h.epoch, COALESCE((SELECT min(c.seq) FROM change c), h.seq + 1), t.seq, {} \
         FROM change_head h LEFT JOIN change t ON t.seq > {from} AND t.seq <= {to} \
         WHERE h.id = 1 ORDER BY t.seq",
        columns::<table::Model>("t")
    );
    let rows = reader.rows(QUERY, sql, text).await?;
    let mut edges = None;
    let mut changes = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut cells = reader.cells(row, QUERY)?;
        edges = Some(FeedBounds {
            head: cells.take()?,
            epoch: cells.take()?,
            oldest: cells.take()?,
        });
        if let Some(seq) = cells.take()? {
            let change = cells.perhaps::<table::Model>()?;
            changes.push(change.unwrap_or_else(|| Change::unreadable(seq)));
        }
    }
    let edges = edges.ok_or_else(headless).query(QUERY)?;
    Ok(Page { changes, edges })
}

fn headless() -> DbErr {
    DbErr::RecordNotFound("change_head has no row".to_owned())
}

stored!(table::Model: seq, at, noun, noun_id, act, keys);

impl Row for table::Model {
    const TABLE: &'static str = "change";
    type Means = Change;

    fn read(self) -> Result<Change> {
        let keys = serde_json::from_str(&self.keys).map_err(|error| {
            let problem = Invalid::new("the keys", error.to_string());
            broken("change", "keys", self.seq)(problem)
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

/// A change that has no position in the feed yet.
pub(crate) struct PendingChange {
    pub(crate) noun: EntityKind,
    pub(crate) id: Uuid,
    pub(crate) act: ChangeKind,
    pub(crate) keys: Vec<String>,
}

#[expect(
    unreachable_pub,
    reason = "SeaORM\'s derives make an entity public; this module is not"
)]
pub(crate) mod table {
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
