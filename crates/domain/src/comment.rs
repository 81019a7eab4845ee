//! A comment: what a reader wrote under an article, or under another comment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::invalid::prose;
use crate::token::tokens;
use crate::{AccountId, ArticleId, CommentId, Invalid, Name, unicode};

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
        let text = prose("the comment", text, Self::MAX)?;
        text.map(Self)
            .ok_or_else(|| Invalid::new("the comment", "is empty"))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the other one over again: more space between words, larger letters, invisible
    /// characters or other code points that look the same make no new text.
    pub fn repeats(&self, other: &Self) -> bool {
        unicode::folded(&self.0) == unicode::folded(&other.0)
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
    /// Whose account it was sent from; absent where a name was enough, and for what was imported.
    pub account: Option<AccountId>,
    /// How the writer signed.
    pub author_name: Name,
    /// The words.
    pub text: Text,
    /// What the moderators have decided.
    pub status: Status,
    /// Why they have decided so.
    pub reason: Option<String>,
    /// When it was sent.
    pub posted_at: DateTime<Utc>,
    /// When its writer changed it.
    pub edited_at: Option<DateTime<Utc>>,
    /// How many comments that readers see answer it directly.
    pub reply_count: i64,
    /// How many accounts have reported it since moderators last decided about it.
    pub report_count: i64,
    /// Whether its writer worked for the newsroom when they wrote it.
    pub is_staff: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_a_repetition() {
        let text = |text: &str| Text::parse(text).unwrap();
        assert!(text("خبر  جيد\n").repeats(&text("خبر جيد")));
        assert!(text("GOOD news").repeats(&text("good\nNews")));
        assert!(text("آخر").repeats(&text("ا\u{653}خر")));
        assert!(text("خبر جيد").repeats(&text("خبر\u{2800}\u{3164} جيد\u{e0041}")));
        assert!(text("good news").repeats(&text("gооd\u{ad} n\u{200b}ews")));
        assert!(!text("خبر جيد").repeats(&text("خبر سيئ")));
    }

    #[test]
    fn markup_stays_text_and_what_may_not_be_shown_is_refused() {
        let markup = "<script>alert(1)</script> & <b>";
        assert_eq!(Text::parse(markup).unwrap().as_str(), markup);
        for bad in [
            "",
            "  \n ",
            "a\u{202e}b",
            "a\u{7}",
            "\u{3164}\u{2800}",
            &"أ".repeat(4_001),
        ] {
            assert!(Text::parse(bad).is_err(), "{bad:?}");
        }
    }
}
