//! Stories: named threads of related articles that readers can follow.

use chrono::{DateTime, Utc};

use crate::text_enum::tokens;
use crate::{EditionId, MediaId, Name, Slug, StoryId};

/// The kind of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Coverage of continuing events, such as "the harbour strike".
    Running,
    /// A programme with episodes.
    Show,
    /// A regular column or collection, such as "videos".
    Rubric,
}

tokens!(Kind, "the story's kind", { Running => "running", Show => "show", Rubric => "rubric" });

/// The status of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The story continues.
    Active,
    /// The story has ended. Its articles remain readable.
    Archived,
}

tokens!(Status, "the story's status", { Active => "active", Archived => "archived" });

/// A story of an edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The ID of the story.
    pub id: StoryId,
    /// The edition that the story belongs to.
    pub edition: EditionId,
    /// The kind of the story.
    pub kind: Kind,
    /// The status: active or archived.
    pub status: Status,
    /// The slug used in URLs.
    pub slug: Slug,
    /// The title shown to readers.
    pub title: Name,
    /// A description of the story in one or two sentences.
    pub summary: Option<String>,
    /// The image shown among the pinned stories.
    pub image: Option<MediaId>,
    /// Zero-based position among the pinned stories. `None` if the story is not pinned.
    pub pinned_position: Option<i32>,
    /// The number of published articles that readers can page through.
    pub article_count: i64,
    /// The number of articles reported by the page that the story was imported from. Never included in
    /// `article_count`.
    pub reported_article_count: Option<i64>,
    /// The time of the newest article. `None` if there are no articles.
    pub last_article_at: Option<DateTime<Utc>>,
    /// The time that stories are sorted by: that of the newest article or, before there is one, the time
    /// when the story was created.
    pub active_at: DateTime<Utc>,
}
