//! In which order articles are listed.

use async_graphql::Enum;
use khabar_persistence::article::By;

/// In which order articles are listed.
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
