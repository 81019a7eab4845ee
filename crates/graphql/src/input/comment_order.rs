//! In which order comments are listed.

use async_graphql::Enum;
use khabar_persistence::comment::By;

/// In which order comments are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "By")]
pub enum CommentOrder {
    /// Newest first.
    Newest,
    /// Oldest first, as a conversation is read.
    Oldest,
}
