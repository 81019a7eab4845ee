//! A comment: what a reader wrote under an article, or under another comment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::invalid::{check_characters, check_length};
use crate::token::tokens;
use crate::{ArticleId, CommentId, Invalid, Name};

/// What the moderators have decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody has looked at it yet.
    Pending,
    /// Readers see it.
    Approved,
    /// It was refused before anyone saw it.
    Rejected,
    /// It was taken down.
    Hidden,
}

tokens!(Status, "the comment's status", {
    Pending => "pending", Approved => "approved", Rejected => "rejected", Hidden => "hidden",
});

/// What a reader wrote: plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// In characters: two screens of a telephone.
    pub const MAX: usize = 4_000;

    /// Takes what was written; refuses an empty or over-long text, control characters and bidi overrides.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().replace("\r\n", "\n");
        if text.is_empty() {
            return Err(Invalid::new("the comment", "is empty"));
        }
        check_characters("the comment", &text)?;
        check_length("the comment", &text, Self::MAX)?;
        Ok(Self(text))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

/// One comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Which comment.
    pub id: CommentId,
    /// Under which article.
    pub article: ArticleId,
    /// The comment that it answers.
    pub parent: Option<CommentId>,
    /// How the writer signed.
    pub author_name: Name,
    /// The words.
    pub text: Text,
    /// What the moderators have decided.
    pub status: Status,
    /// When it was sent.
    pub posted_at: DateTime<Utc>,
    /// How many approved comments answer it directly.
    pub reply_count: i64,
}
