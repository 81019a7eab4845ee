//! A page of related articles, with the reason for each of them.

use async_graphql::Enum;
use khabar_domain::Article as Row;
use khabar_domain::related::{Origin, Reason};
use khabar_persistence::Cursor;
use khabar_persistence::related::Related;

use super::Article;
use crate::connection::{ConnectionItem, CursorText};
use crate::object::{Nested, enums, object};

/// An edge of a connection of related articles, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct RelatedArticleEdge;

/// A page's edge: a related article, with its cursor.
type Edge = (Cursor, Related);

/// A related article with its position in the list and the reason for the link.
#[object(of = Edge)]
impl RelatedArticleEdge {
    /// Cursor of the edge, for use in `after` and `before`.
    fn cursor((cursor, _): &Edge) -> CursorText {
        CursorText(*cursor)
    }

    /// The related article.
    fn node((_, related): &Edge) -> Nested<'_, Article> {
        Nested(&related.article)
    }

    /// Position among the related articles, starting at 0. Articles that readers may not see keep
    /// their position, so there may be gaps.
    fn rank((_, related): &Edge) -> i32 {
        related.link.rank
    }

    /// The origin of the link.
    fn origin((_, related): &Edge) -> RelatedOrigin {
        related.link.origin.into()
    }

    /// The reason for the link.
    fn reason((_, related): &Edge) -> RelatedReason {
        related.link.reason.into()
    }

    /// Strength of a computed link, from 0 to 1. Null for editorial links.
    fn score((_, related): &Edge) -> Option<f64> {
        related.link.score
    }
}

impl ConnectionItem for Related {
    type Node = Article;
    type Edge = RelatedArticleEdge;
    const CONNECTION: &'static str = "RelatedArticleConnection";
    const DESCRIPTION: &'static str = "A page of an article's related articles.";

    fn node(&self) -> &Row {
        &self.article
    }
}

/// The origin of a link to a related article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Origin")]
pub enum RelatedOrigin {
    /// Chosen by an editor. Editorial links come first, in the order set by the editors.
    Editorial,
    /// Computed automatically.
    Computed,
}

/// The reason an article is related to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Reason")]
pub enum RelatedReason {
    /// Chosen by an editor, or listed on the page that the article was imported from.
    Chosen,
    /// Both articles belong to the same story.
    SameStory,
    /// Both articles share topics.
    SharedTopics,
    /// The texts of the two articles are similar.
    SimilarText,
}

enums!(RelatedOrigin, RelatedReason);
