//! A page of what an article's reader may want next, and why each is there.

use async_graphql::{Enum, Object};
use khabar_domain::RelatedLink;
use khabar_domain::related::{Origin, Reason};
use khabar_persistence::related::Related;

use super::Article;
use crate::connection::{Connection, Edge};

/// A page of related articles.
pub type RelatedArticleConnection = Connection<RelatedArticleEdge>;

/// A related article in its place.
pub struct RelatedArticleEdge {
    cursor: String,
    link: RelatedLink,
    node: Article,
}

/// A related article, its place in the list, and why it is there.
#[Object]
impl RelatedArticleEdge {
    /// Its place, for `after` and `before`.
    fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The related article.
    #[graphql(name = "node")]
    fn the_node(&self) -> &Article {
        &self.node
    }

    /// Its place among the related articles, from 0; one that readers may not see keeps its place.
    fn rank(&self) -> i32 {
        self.link.rank
    }

    /// Who made the link.
    fn origin(&self) -> RelatedOrigin {
        self.link.origin.into()
    }

    /// Why it is related.
    fn reason(&self) -> RelatedReason {
        self.link.reason.into()
    }

    /// How strong a computed link is, 0 to 1; null when an editor made it.
    fn score(&self) -> Option<f64> {
        self.link.score
    }
}

impl Edge for RelatedArticleEdge {
    type Item = Related;
    type Node = Article;
    const CONNECTION: &'static str = "RelatedArticleConnection";
    const ABOUT: &'static str = "A page of what an article's reader may want next.";

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

/// Who made a link to a related article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Origin")]
pub enum RelatedOrigin {
    /// An editor chose it; such links come first, in their order.
    Editorial,
    /// It was computed.
    Computed,
}

/// Why an article is related to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Reason")]
pub enum RelatedReason {
    /// An editor, or the page that it came from, put it there.
    Chosen,
    /// Both belong to one story.
    SameStory,
    /// Both are about the same topics.
    SharedTopics,
    /// Their words are alike.
    SimilarText,
}
