//! The sort order of a list of comments.

use async_graphql::Enum;
use khabar_persistence::comment::By;

/// The sort order of a list of comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "By")]
pub enum CommentOrder {
    /// Newest first.
    Newest,
    /// Oldest first, in the order in which a conversation is read.
    Oldest,
}
