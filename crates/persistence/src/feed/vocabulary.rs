//! The vocabulary of the change feed: kinds of objects, their facets, operations and cache tags.
//!
//! Imports nothing of this crate, so that everything else may use it. Its words have a text form, which
//! is stored in the feed and must not change.

mod tag;

pub use self::tag::CacheTag;

/// The operation of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// The object is new.
    Added,
    /// The object has changed.
    Changed,
    /// The object was deleted, or readers can no longer see it.
    Withdrawn,
}

impl Operation {
    /// Returns the name used in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// All operations.
    pub const ALL: [Self; 3] = [Self::Added, Self::Changed, Self::Withdrawn];

    /// Returns the operation with the given name.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
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
    /// Returns the name used in the database and in cache tags.
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
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// A part of an object that is read separately from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// All facets.
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

    /// Returns the name used in cache tags.
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

    /// Returns the facet with the given name.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}
