//! A story: a thread that runs through many articles, with a name that readers follow.

use chrono::{DateTime, Utc};

use crate::token::tokens;
use crate::{EditionId, MediaId, Name, Slug, StoryId};

/// What kind of thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Events that go on: "the harbour strike".
    Running,
    /// A programme with episodes.
    Show,
    /// A standing column or shelf, such as "videos".
    Rubric,
}

tokens!(Kind, "the story's kind", { Running => "running", Show => "show", Rubric => "rubric" });

/// Whether the story still goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It goes on.
    Active,
    /// It has ended; its articles stay readable.
    Archived,
}

tokens!(Status, "the story's status", { Active => "active", Archived => "archived" });

/// One story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Which story.
    pub id: StoryId,
    /// Whose story.
    pub edition: EditionId,
    /// What kind of thread.
    pub kind: Kind,
    /// Whether it still goes on.
    pub status: Status,
    /// Its part of an address.
    pub slug: Slug,
    /// What readers know it by.
    pub title: Name,
    /// What it is about, in a sentence or two.
    pub summary: Option<String>,
    /// Its picture on the rail.
    pub image: Option<MediaId>,
    /// Its place on the rail, from 0; absent when it is not pinned.
    pub pinned_position: Option<i32>,
    /// How many published articles a reader can page through here.
    pub article_count: i64,
    /// How many articles the page that it came from said it has; never mixed into `article_count`.
    pub reported_article_count: Option<i64>,
    /// When its newest article came.
    pub last_article_at: Option<DateTime<Utc>>,
    /// Where it stands among stories: its newest article's time or, before any, when it was opened.
    pub active_at: DateTime<Utc>,
}
