//! Related links: recommendations from one article to another.

use crate::ArticleId;
use crate::text_enum::tokens;

/// The origin of a related link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Chosen by an editor. Editorial links come first, in the editor's order.
    Editorial,
    /// Computed automatically.
    Computed,
}

tokens!(Origin, "the link's origin", { Editorial => "editorial", Computed => "computed" });

/// The reason why two articles are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Chosen by an editor, or listed on the page that the article was imported from.
    Chosen,
    /// Both articles belong to the same story.
    SameStory,
    /// Both articles share topics.
    SharedTopics,
    /// Both articles have similar text.
    SimilarText,
}

tokens!(Reason, "the link's reason", {
    Chosen => "chosen", SameStory => "same-story", SharedTopics => "shared-topics", SimilarText => "similar-text",
});

/// A link from one article to a related one.
#[derive(Clone, Debug, PartialEq)]
pub struct RelatedLink {
    /// The article that shows the link.
    pub from: ArticleId,
    /// The article that the link leads to. Never the same as `from`.
    pub to: ArticleId,
    /// Zero-based position in the list. Editorial links come before computed ones.
    pub rank: i32,
    /// The origin of the link.
    pub origin: Origin,
    /// The reason why the articles are related.
    pub reason: Reason,
    /// The strength of a computed link, from 0 to 1. `None` for editorial links.
    pub score: Option<f64>,
}
