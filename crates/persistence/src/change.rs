//! The change feed: what was written, in commit order, with the reading keys that it touches.
//!
//! `seq` is dense and in commit order: taking the next number locks the one row of `change_head`
//! until the transaction ends, so whoever has read up to n never later finds a new row at or
//! below n. The lock is taken last, just before the commit, so writers work side by side till then.
//!
//! [`Feed`] waits for more; [`retire`] lets go of what is old.

pub(crate) mod bell;
mod feed;
pub(crate) mod flush;
mod retire;

pub use feed::Feed;
pub use retire::retire;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use khabar_domain::{Invalid, Slug, derived};
use sea_orm::DbErr;
use uuid::Uuid;

use crate::cells::{columns, stored};
use crate::row::{Row, broken};
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

/// The reading key of all that there is: whoever keeps anything lets go of all of it.
pub const EVERYTHING: &str = "*";

/// Makes every node, and every target that is purged, let go of all that it keeps, as after a change of
/// the database by hand.
pub fn clear_caches(writer: &mut Writer) {
    let id = derived("cache", &[EVERYTHING]);
    let keys = vec![EVERYTHING.to_owned()];
    writer.note(Noun::Home, id, Act::Changed, keys);
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

impl Change {
    /// A change of which nobody can tell what it was: it may have touched everything.
    fn unreadable(seq: i64) -> Self {
        Self {
            seq,
            at: DateTime::UNIX_EPOCH,
            noun: String::new(),
            noun_id: Uuid::nil(),
            act: Act::Changed.as_str().to_owned(),
            keys: vec![EVERYTHING.to_owned()],
        }
    }
}

/// A place in the feed, as clients are told it: `EPOCH-SEQ`.
///
/// After a failover that lost writes, or on a backup that was restored, numbers are given out again for
/// other changes. The epoch is another one then, so that nobody takes the one for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The epoch of the feed.
    pub epoch: i64,
    /// The number of the last change.
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

/// How far the feed goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    /// The oldest row that is kept; one after the head when none is.
    pub oldest: i64,
    /// The last row that was written; 0 before the first.
    pub head: i64,
    /// The epoch of the feed.
    pub epoch: i64,
}

impl Edges {
    /// The place of the last row.
    pub fn position(self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.head,
        }
    }
}

const READING: &str = "read the change feed";

/// How far the feed goes now, as this reader's database has it.
pub async fn edges(reader: &Reader) -> Result<Edges> {
    Ok(read(reader, 0, 0).await?.edges)
}

/// The changes after this place, oldest first, at most `most` of them. Refused: a place from which
/// some are gone already, so that nobody misses them without knowing.
pub async fn after(reader: &Reader, seq: i64, most: u16) -> Result<Vec<Change>> {
    Ok(page(reader, None, seq, most).await?.changes)
}

/// A page of the feed, and how far the feed went when it was read.
pub(crate) struct Page {
    pub(crate) changes: Vec<Change>,
    pub(crate) edges: Edges,
}

/// The changes after this place. An epoch other than the expected one is [`Error::Missed`], as is a
/// place that the feed no longer reaches.
async fn page(reader: &Reader, epoch: Option<i64>, after: i64, most: u16) -> Result<Page> {
    let (after, most) = (after.max(0), most.max(1));
    let page = read(reader, after, after.saturating_add(most.into())).await?;
    let Edges {
        oldest,
        head,
        epoch: found,
    } = page.edges;
    let first = page.changes.first().map_or(head + 1, |first| first.seq);
    if epoch.is_some_and(|epoch| epoch != found) || (head > after && first > after + 1) {
        return Err(Error::Missed {
            after,
            oldest,
            head,
            epoch: found,
        });
    }
    Ok(page)
}

/// The rows after one place and up to another, as they are at one moment. `seq` is dense, so a range of
/// it is a page.
async fn read(reader: &Reader, after: i64, to: i64) -> Result<Page> {
    let mut sql = reader.sql();
    let (from, to) = (sql.bind(after), sql.bind(to));
    let text = format!(
        "SELECT h.seq, h.epoch, COALESCE((SELECT min(c.seq) FROM change c), h.seq + 1), t.seq, {} \
         FROM change_head h LEFT JOIN change t ON t.seq > {from} AND t.seq <= {to} \
         WHERE h.id = 1 ORDER BY t.seq",
        columns::<table::Model>("t")
    );
    let rows = reader.rows(READING, sql, text).await?;
    let mut edges = None;
    let mut changes = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut cells = reader.cells(row, READING)?;
        edges = Some(Edges {
            head: cells.take()?,
            epoch: cells.take()?,
            oldest: cells.take()?,
        });
        if let Some(seq) = cells.take()? {
            let change = cells.perhaps::<table::Model>()?;
            changes.push(change.unwrap_or_else(|| Change::unreadable(seq)));
        }
    }
    let edges = edges.ok_or_else(headless).doing(READING)?;
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

/// One thing that was written, before it has its place in the feed.
pub(crate) struct Note {
    pub(crate) noun: Noun,
    pub(crate) id: Uuid,
    pub(crate) act: Act,
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
