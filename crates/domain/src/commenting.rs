//! Commenting rules: whether an article accepts comments, how they are moderated, when commenting
//! closes and how deeply replies may be nested.
//!
//! An edition sets the rules for all its articles, and an article can override them. The defaults of
//! [`CommentPolicy::of`] apply where neither has a setting.

use chrono::{DateTime, TimeDelta, Utc};

use crate::article;
use crate::comment::Status;
use crate::invalid::prose;
use crate::text_enum::tokens;
use crate::{Article, Invalid};

/// The moderation mode for comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Comments are visible at once and moderated afterwards.
    PostModerated,
    /// Comments are visible only after moderation.
    PreModerated,
    /// New comments are not accepted. Existing comments remain visible.
    Closed,
}

tokens!(Mode, "the mode of commenting", {
    PostModerated => "post-moderated", PreModerated => "pre-moderated", Closed => "closed",
});

/// The rule by which commenting closes automatically.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closing {
    /// Commenting never closes automatically.
    Never,
    /// Commenting closes this many days after publication.
    AfterDays(u16),
}

impl Closing {
    /// The maximum number of days: ten years.
    pub const MAX_DAYS: u16 = 3_650;

    /// Converts a number of days from 0 to [`Closing::MAX_DAYS`]. 0 means never.
    pub fn parse(days: i32) -> Result<Self, Invalid> {
        match u16::try_from(days) {
            Ok(0) => Ok(Self::Never),
            Ok(days) if days <= Self::MAX_DAYS => Ok(Self::AfterDays(days)),
            _ => {
                let problem = format!("is {days}; it must be from 0 to {}", Self::MAX_DAYS);
                Err(Invalid::new("the number of days", problem))
            }
        }
    }

    /// Returns the number of days. 0 means never.
    pub const fn days(self) -> i32 {
        match self {
            Self::Never => 0,
            Self::AfterDays(days) => days as i32,
        }
    }
}

/// The maximum nesting depth of replies. 0 disables replies; 1 allows replies to comments but not to
/// replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Depth(u8);

impl Depth {
    /// The maximum depth: as deep as one API query can read.
    pub const MAX: u8 = 8;
    /// The default depth: a reply, a follow-up question and an answer to it.
    pub const USUAL: Self = Self(3);

    /// Validates a number from 0 to [`Depth::MAX`].
    pub fn parse(depth: i32) -> Result<Self, Invalid> {
        match u8::try_from(depth) {
            Ok(depth) if depth <= Self::MAX => Ok(Self(depth)),
            _ => {
                let problem = format!("is {depth}; it must be from 0 to {}", Self::MAX);
                Err(Invalid::new("the depth", problem))
            }
        }
    }

    /// Returns the depth as a number.
    pub const fn get(self) -> i32 {
        self.0 as i32
    }
}

/// The commenting settings of an edition or an article. An absent setting is inherited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CommentSettings {
    /// The moderation mode.
    pub mode: Option<Mode>,
    /// The rule by which commenting closes automatically.
    pub closing: Option<Closing>,
    /// The maximum nesting depth of replies.
    pub depth: Option<Depth>,
    /// Whether guests may comment with only a name, without an account.
    pub guest_comments_allowed: Option<bool>,
}

impl CommentSettings {
    /// Returns these settings, with absent ones taken from `above`.
    #[must_use]
    pub fn over(self, above: Self) -> Self {
        Self {
            mode: self.mode.or(above.mode),
            closing: self.closing.or(above.closing),
            depth: self.depth.or(above.depth),
            guest_comments_allowed: self.guest_comments_allowed.or(above.guest_comments_allowed),
        }
    }
}

/// The effective commenting rules, with every setting resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommentPolicy {
    /// The moderation mode.
    pub mode: Mode,
    /// The rule by which commenting closes automatically.
    pub closing: Closing,
    /// The maximum nesting depth of replies.
    pub depth: Depth,
    /// Whether guests may comment with only a name, without an account.
    pub guest_comments_allowed: bool,
}

impl CommentPolicy {
    /// Resolves the settings. Absent ones take cautious defaults: moderation before publication, no
    /// automatic closing, a depth of [`Depth::USUAL`] and no guests.
    pub fn of(settings: CommentSettings) -> Self {
        Self {
            mode: settings.mode.unwrap_or(Mode::PreModerated),
            closing: settings.closing.unwrap_or(Closing::Never),
            depth: settings.depth.unwrap_or(Depth::USUAL),
            guest_comments_allowed: settings.guest_comments_allowed.unwrap_or(false),
        }
    }

    /// Returns the time at which commenting under an article closes automatically.
    pub fn closes_at(self, article: &Article) -> Option<DateTime<Utc>> {
        let since = article.published_at.unwrap_or(article.listed_at);
        match self.closing {
            Closing::Never => None,
            Closing::AfterDays(days) => since.checked_add_signed(TimeDelta::days(days.into())),
        }
    }

    /// Whether an article accepts comments at the given time. Only published articles do.
    pub fn is_open(self, article: &Article, at: DateTime<Utc>) -> bool {
        article.status == article::Status::Published
            && self.mode != Mode::Closed
            && self.closes_at(article).is_none_or(|closes| at < closes)
    }

    /// Returns the status of a comment that has just been posted or edited.
    pub const fn initial_status(self) -> Status {
        match self.mode {
            Mode::PostModerated => Status::Approved,
            // A closed article accepts no comments. If one arrived anyway, it should be moderated.
            Mode::PreModerated | Mode::Closed => Status::Pending,
        }
    }
}

/// Rate limits for comments, and the time during which authors may edit them. An installation can
/// override the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommentLimits {
    /// The time after posting during which the author may edit a comment.
    pub edit_window: TimeDelta,
    /// Comments by one account, or by guests with the same name from one network.
    pub posts: RateLimit,
    /// Comments by all guests from one network, whatever their names.
    pub posts_of_address: RateLimit,
    /// Edits by one account to its comments.
    pub edits: RateLimit,
    /// Reports by one account.
    pub reports: RateLimit,
}

impl Default for CommentLimits {
    fn default() -> Self {
        Self {
            // Long enough to correct a slip of the pen, too short to reverse a comment that has replies.
            edit_window: TimeDelta::minutes(15),
            // A lively conversation.
            posts: RateLimit {
                per_minute: 3,
                per_hour: 30,
            },
            // Mobile phones share the IP addresses of their carriers.
            posts_of_address: RateLimit {
                per_minute: 30,
                per_hour: 300,
            },
            // Twice the posting limit, so that each comment can be corrected.
            edits: RateLimit {
                per_minute: 6,
                per_hour: 60,
            },
            // A reader who goes through a long thread. More would only fill the moderation queue.
            reports: RateLimit {
                per_minute: 10,
                per_hour: 60,
            },
        }
    }
}

/// The period in which another comment with equal text under one article counts as a duplicate.
pub const REPEATED_WITHIN: TimeDelta = TimeDelta::days(1);

/// A rate limit per minute and per hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The maximum number of events per minute.
    pub per_minute: u32,
    /// The maximum number of events per hour.
    pub per_hour: u32,
}

impl RateLimit {
    /// The longest period considered: older events do not count.
    pub const WINDOW: TimeDelta = TimeDelta::hours(1);

    /// Whether one more event is allowed at `at`, given the times of earlier events.
    pub fn allows(self, times: impl IntoIterator<Item = DateTime<Utc>>, at: DateTime<Utc>) -> bool {
        let (mut minute, mut hour) = (0, 0);
        for ago in times.into_iter().map(|time| at - time) {
            minute += u32::from(ago < TimeDelta::minutes(1));
            hour += u32::from(ago < Self::WINDOW);
        }
        minute < self.per_minute && hour < self.per_hour
    }
}

/// A decision by a moderator about a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Approves the comment, so that readers can see it.
    Approve,
    /// Rejects the comment before readers have seen it.
    Reject,
    /// Hides the comment after readers could see it.
    Hide,
}

impl Decision {
    /// Returns the status that the decision gives to a comment.
    pub const fn leads_to(self) -> Status {
        match self {
            Self::Approve => Status::Approved,
            Self::Reject => Status::Rejected,
            Self::Hide => Status::Hidden,
        }
    }

    /// Whether the decision can be applied to a comment with the given status. A decision can be
    /// repeated.
    pub const fn fits(self, status: Status) -> bool {
        match self {
            Self::Approve => true,
            Self::Reject => matches!(status, Status::Pending | Status::Rejected),
            Self::Hide => matches!(status, Status::Approved | Status::Hidden),
        }
    }
}

/// The reason for reporting, rejecting or hiding a comment: a sentence or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// The maximum length, in characters.
    pub const MAX: usize = 500;

    /// Normalizes and validates a text. Returns an error for an empty or overlong text, and for control
    /// characters or unbalanced bidi controls.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = prose("the reason", text, Self::MAX)?;
        text.map(Self)
            .ok_or_else(|| Invalid::new("the reason", "is empty"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn an_article_decides_before_its_edition() {
        let edition = CommentSettings {
            mode: Some(Mode::PostModerated),
            closing: Some(Closing::AfterDays(14)),
            depth: None,
            guest_comments_allowed: Some(true),
        };
        let article = CommentSettings {
            closing: Some(Closing::Never),
            guest_comments_allowed: Some(false),
            ..CommentSettings::default()
        };
        let policy = CommentPolicy::of(article.over(edition));
        assert_eq!(policy.mode, Mode::PostModerated);
        assert_eq!(policy.closing, Closing::Never);
        assert_eq!(policy.depth, Depth::USUAL);
        assert!(!policy.guest_comments_allowed);
    }

    #[test]
    fn nothing_decided_is_the_careful_way() {
        let policy = CommentPolicy::of(CommentSettings::default());
        assert_eq!(policy.initial_status(), Status::Pending);
        assert!(!policy.guest_comments_allowed);
    }

    #[test]
    fn numbers_have_their_bounds() {
        assert_eq!(Closing::parse(0), Ok(Closing::Never));
        assert_eq!(Closing::parse(3_650).map(Closing::days), Ok(3_650));
        assert!(Closing::parse(3_651).is_err() && Closing::parse(-1).is_err());
        assert_eq!(Depth::parse(8).map(Depth::get), Ok(8));
        assert_eq!(
            Depth::parse(9).map_err(|error| error.to_string()),
            Err("the depth is 9; it must be from 0 to 8".to_owned())
        );
        assert!(Depth::parse(-1).is_err());
    }

    #[test]
    fn a_pace_is_kept_by_the_minute_and_by_the_hour() {
        let pace = RateLimit {
            per_minute: 2,
            per_hour: 3,
        };
        let now = moment(100);
        assert!(pace.allows([], now));
        assert!(pace.allows([now], now));
        assert!(!pace.allows([now, now - TimeDelta::seconds(59)], now));
        assert!(pace.allows([now, now - TimeDelta::seconds(60)], now));
        let earlier = [moment(41), moment(50), moment(60)];
        assert!(!pace.allows(earlier, now));
        assert!(pace.allows(earlier, moment(101)));
    }

    #[test]
    fn decisions_fit_where_they_mean_something() {
        for status in Status::ALL {
            assert!(Decision::Approve.fits(*status));
            assert!(!(Decision::Reject.fits(*status) && Decision::Hide.fits(*status)));
        }
        // A comment that readers have seen is hidden, not rejected.
        assert!(!Decision::Reject.fits(Status::Approved));
        assert!(!Decision::Hide.fits(Status::Pending));
    }

    #[test]
    fn a_reason_is_a_sentence() {
        assert_eq!(Reason::parse(" سباب ").unwrap().as_str(), "سباب");
        for bad in ["", " \n", "a\u{202e}b", "a\u{0}b", &"أ".repeat(501)] {
            assert!(Reason::parse(bad).is_err(), "{bad:?}");
        }
    }
}
