//! A page of related articles, with the reason for each of them.

use async_graphql::{Enum, Object};
use khabar_domain::RelatedLink;
use khabar_domain::related::{Origin, Reason};
use khabar_persistence::related::Related;

use super::Article;
use crate::connection::{Connection, Edge};

/// A page of related articles.
pub type RelatedArticleConnection = Connection<RelatedArticleEdge>;

/// An edge of a connection of related articles, as exposed through GraphQL.
pub struct RelatedArticleEdge {
    cursor: String,
    link: RelatedLink,
    node: Article,
}

/// A related article with its position in the list and the reason for the link.
#[Object]
impl RelatedArticleEdge {
    /// Cursor of the edge, for use in `after` and `before`.
    fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The related article.
    #[graphql(name = "node")]
    fn the_node(&self) -> &Article {
        &self.node
    }

    /// Position among the related articles, starting at 0. Articles that readers may not see keep
    /// their position, so there may be gaps.
    fn rank(&self) -> i32 {
        self.link.rank
    }

    /// The origin of the link.
    fn origin(&self) -> RelatedOrigin {
        self.link.origin.into()
    }

    /// The reason for the link.
    fn reason(&self) -> RelatedReason {
        self.link.reason.into()
    }

    /// Strength of a computed link, from 0 to 1. Null for editorial links.
    fn score(&self) -> Option<f64> {
        self.link.score
    }
}

impl Edge for RelatedArticleEdge {
    type Item = Related;
    type Node = Article;
    const CONNECTION: &'static str = "RelatedArticleConnection";
    const ABOUT: &'static str = "A page of an article's related articles.";

    fn new(cursor: String, item: Related) -> Self {
        Self {
            cursor,
            link: item.link,
            node: Article(item.article),
        }
    }

    fn node(&self) -> &Article {
        &self.node
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
