//! The sort order of a list of articles.

use async_graphql::Enum;
use khabar_persistence::article::By;

/// The sort order of a list of articles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "By")]
pub enum ArticleOrder {
    /// Newest first, by `listedAt`.
    Newest,
    /// Oldest first, by `listedAt`.
    Oldest,
    /// Most commented first.
    MostCommented,
}
