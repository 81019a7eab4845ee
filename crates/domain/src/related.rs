//! A related link: from an article to another that its reader may want next.

use crate::ArticleId;
use crate::token::tokens;

/// Who made the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An editor chose it; such links come first, in their order.
    Editorial,
    /// It was computed.
    Computed,
}

tokens!(Origin, "the link's origin", { Editorial => "editorial", Computed => "computed" });

/// Why the other article is related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// An editor, or the page that it came from, put it there.
    Chosen,
    /// Both belong to one story.
    SameStory,
    /// Both are about the same topics.
    SharedTopics,
    /// Their words are alike.
    SimilarText,
}

tokens!(Reason, "the link's reason", {
    Chosen => "chosen", SameStory => "same-story", SharedTopics => "shared-topics", SimilarText => "similar-text",
});

/// One link.
#[derive(Clone, Debug, PartialEq)]
pub struct RelatedLink {
    /// From this article …
    pub from: ArticleId,
    /// … to this one; never to itself.
    pub to: ArticleId,
    /// Its place in the list, from 0: editorial links stand before computed ones.
    pub rank: i32,
    /// Who made it.
    pub origin: Origin,
    /// Why.
    pub reason: Reason,
    /// How strong a computed link is, 0 to 1; absent on editorial ones.
    pub score: Option<f64>,
}
