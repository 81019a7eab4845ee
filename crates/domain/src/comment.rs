//! Comments: texts that readers post under an article or in reply to another comment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::invalid::prose;
use crate::text_enum::tokens;
use crate::{AccountId, ArticleId, CommentId, Invalid, Name, unicode};

/// The moderation status of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Awaiting moderation.
    Pending,
    /// Visible to readers.
    Approved,
    /// Rejected before readers saw it.
    Rejected,
    /// Hidden after readers could see it.
    Hidden,
}

tokens!(Status, "the comment's status", {
    Pending => "pending", Approved => "approved", Rejected => "rejected", Hidden => "hidden",
});

/// The text of a comment, without markup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// The maximum length, in characters: about two screens of a mobile phone.
    pub const MAX: usize = 4_000;

    /// Normalizes and validates a text. Returns an error for an empty or overlong text, and for control
    /// characters or unbalanced bidi controls.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = prose("the comment", text, Self::MAX)?;
        text.map(Self)
            .ok_or_else(|| Invalid::new("the comment", "is empty"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two texts look alike to readers. Differences in white space, letter case, invisible
    /// characters and look-alike code points are ignored.
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

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The ID of the comment.
    pub id: CommentId,
    /// The article to which the comment belongs.
    pub article: ArticleId,
    /// The comment to which this one replies. `None` for a top-level comment.
    pub parent: Option<CommentId>,
    /// The account of the author. `None` for guests and imported comments.
    pub account: Option<AccountId>,
    /// The display name of the author.
    pub author_name: Name,
    /// The text of the comment.
    pub text: Text,
    /// The moderation status.
    pub status: Status,
    /// The reason for the moderation decision.
    pub reason: Option<String>,
    /// The time at which the comment was posted.
    pub posted_at: DateTime<Utc>,
    /// The time of the last edit by the author. `None` if the comment has not been edited.
    pub edited_at: Option<DateTime<Utc>>,
    /// The number of direct replies visible to readers.
    pub reply_count: i64,
    /// The number of accounts that have reported the comment since the last moderation decision.
    pub report_count: i64,
    /// Whether the author was a member of the newsroom when they wrote the comment.
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
