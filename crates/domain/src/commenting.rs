//! Commenting: whether readers may comment under an article, who looks at what they write before
//! others see it, until when, and how deep answers go.
//!
//! An edition decides for all its articles, an article for itself; what neither has decided is the
//! newsroom's usual way.

use chrono::{DateTime, TimeDelta, Utc};

use crate::article;
use crate::comment::Status;
use crate::invalid::prose;
use crate::token::tokens;
use crate::{Article, Invalid};

/// Who looks at comments, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Readers see a comment at once; moderators look at it afterwards.
    PostModerated,
    /// Moderators look at a comment before readers see it.
    PreModerated,
    /// Nobody may comment; what was written stays.
    Closed,
}

tokens!(Mode, "the mode of commenting", {
    PostModerated => "post-moderated", PreModerated => "pre-moderated", Closed => "closed",
});

/// When commenting ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closing {
    /// It does not.
    Never,
    /// So many days after the article went out.
    AfterDays(u16),
}

impl Closing {
    /// Ten years: longer is never.
    pub const MAX_DAYS: u16 = 3_650;

    /// Takes a number of days, of which 0 stands for never.
    pub fn parse(days: i32) -> Result<Self, Invalid> {
        match u16::try_from(days) {
            Ok(0) => Ok(Self::Never),
            Ok(days) if days <= Self::MAX_DAYS => Ok(Self::AfterDays(days)),
            _ => {
                let problem = format!("is {days}: it may be 0 to {}", Self::MAX_DAYS);
                Err(Invalid::new("the number of days", problem))
            }
        }
    }

    /// The number of days, of which 0 stands for never.
    pub const fn days(self) -> i32 {
        match self {
            Self::Never => 0,
            Self::AfterDays(days) => days as i32,
        }
    }
}

/// How deep answers go: 0 where comments are not answered, 1 where answers are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Depth(u8);

impl Depth {
    /// As deep as one query of the API can read.
    pub const MAX: u8 = 8;
    /// An answer, a question back, and what is said to that.
    pub const USUAL: Self = Self(3);

    /// Takes a number from 0 to [`Depth::MAX`].
    pub fn parse(depth: i32) -> Result<Self, Invalid> {
        match u8::try_from(depth) {
            Ok(depth) if depth <= Self::MAX => Ok(Self(depth)),
            _ => {
                let problem = format!("is {depth}: it may be 0 to {}", Self::MAX);
                Err(Invalid::new("the depth", problem))
            }
        }
    }

    /// The number.
    pub const fn get(self) -> i32 {
        self.0 as i32
    }
}

/// What an edition or an article has decided; what is absent is decided above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Who looks at comments, and when.
    pub mode: Option<Mode>,
    /// When commenting ends by itself.
    pub closing: Option<Closing>,
    /// How deep answers go.
    pub depth: Option<Depth>,
    /// Whether a name is enough to comment, without an account.
    pub names_allowed: Option<bool>,
}

impl Settings {
    /// These where they decide something, those elsewhere.
    #[must_use]
    pub fn over(self, above: Self) -> Self {
        Self {
            mode: self.mode.or(above.mode),
            closing: self.closing.or(above.closing),
            depth: self.depth.or(above.depth),
            names_allowed: self.names_allowed.or(above.names_allowed),
        }
    }
}

/// How comments are taken in, all decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Who looks at comments, and when.
    pub mode: Mode,
    /// When commenting ends by itself.
    pub closing: Closing,
    /// How deep answers go.
    pub depth: Depth,
    /// Whether a name is enough to comment, without an account.
    pub names_allowed: bool,
}

impl Policy {
    /// What holds under these settings; the usual way is the careful one.
    pub fn of(settings: Settings) -> Self {
        Self {
            mode: settings.mode.unwrap_or(Mode::PreModerated),
            closing: settings.closing.unwrap_or(Closing::Never),
            depth: settings.depth.unwrap_or(Depth::USUAL),
            names_allowed: settings.names_allowed.unwrap_or(false),
        }
    }

    /// When commenting under an article ends by itself.
    pub fn closes_at(self, article: &Article) -> Option<DateTime<Utc>> {
        let since = article.published_at.unwrap_or(article.listed_at);
        match self.closing {
            Closing::Never => None,
            Closing::AfterDays(days) => since.checked_add_signed(TimeDelta::days(days.into())),
        }
    }

    /// Whether comments are taken in under an article at this moment.
    pub fn is_open(self, article: &Article, at: DateTime<Utc>) -> bool {
        article.status == article::Status::Published
            && self.mode != Mode::Closed
            && self.closes_at(article).is_none_or(|closes| at < closes)
    }

    /// Where a comment stands that comes in, or that its writer has changed.
    pub const fn taken_in(self) -> Status {
        match self.mode {
            Mode::PostModerated => Status::Approved,
            // Nothing comes in where it is closed; if it did, somebody should look at it.
            Mode::PreModerated | Mode::Closed => Status::Pending,
        }
    }
}

/// How much comes in how fast, and for how long a comment can be changed: what an installation may
/// set otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how long its writer may change a comment.
    pub edit_window: TimeDelta,
    /// Comments of one account, or under one name from one address.
    pub posts: Pace,
    /// Comments from one address under all names.
    pub posts_of_address: Pace,
    /// Changes that one account makes to its comments.
    pub edits: Pace,
    /// Comments that one account reports.
    pub reports: Pace,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Long enough for a slip of the pen, too short to turn round what others have answered.
            edit_window: TimeDelta::minutes(15),
            // A lively talk.
            posts: Pace {
                a_minute: 3,
                an_hour: 30,
            },
            // Telephones share the addresses of their networks.
            posts_of_address: Pace {
                a_minute: 30,
                an_hour: 300,
            },
            // Twice what may be posted: each comment has its slip of the pen.
            edits: Pace {
                a_minute: 6,
                an_hour: 60,
            },
            // Somebody who goes through a long thread; more would only fill the moderators' queue.
            reports: Pace {
                a_minute: 10,
                an_hour: 60,
            },
        }
    }
}

/// Within which time the same words under the same article are a repetition.
pub const REPEATED_WITHIN: TimeDelta = TimeDelta::days(1);

/// How much may come in a minute and in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At most so many in a minute.
    pub a_minute: u32,
    /// At most so many in an hour.
    pub an_hour: u32,
}

impl Pace {
    /// No further back does anything count.
    pub const WINDOW: TimeDelta = TimeDelta::hours(1);

    /// Whether one more may come now, after those that came at these times.
    pub fn allows(self, times: impl IntoIterator<Item = DateTime<Utc>>, at: DateTime<Utc>) -> bool {
        let (mut minute, mut hour) = (0, 0);
        for ago in times.into_iter().map(|time| at - time) {
            minute += u32::from(ago < TimeDelta::minutes(1));
            hour += u32::from(ago < Self::WINDOW);
        }
        minute < self.a_minute && hour < self.an_hour
    }
}

/// What a moderator decides about a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Readers may see it.
    Approve,
    /// It is refused before readers have seen it.
    Reject,
    /// It is taken down.
    Hide,
}

impl Decision {
    /// Where a comment stands after it.
    pub const fn leads_to(self) -> Status {
        match self {
            Self::Approve => Status::Approved,
            Self::Reject => Status::Rejected,
            Self::Hide => Status::Hidden,
        }
    }

    /// Whether it can be made of a comment that stands here; the same one can be made again.
    pub const fn fits(self, status: Status) -> bool {
        match self {
            Self::Approve => true,
            Self::Reject => matches!(status, Status::Pending | Status::Rejected),
            Self::Hide => matches!(status, Status::Approved | Status::Hidden),
        }
    }
}

/// Why a comment was reported, rejected or hidden: a sentence or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// In characters: a sentence or two.
    pub const MAX: usize = 500;

    /// Takes what was written; refuses an empty or over-long text, control characters and bidi
    /// overrides.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = prose("the reason", text, Self::MAX)?;
        text.map(Self)
            .ok_or_else(|| Invalid::new("the reason", "is empty"))
    }

    /// The words.
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
        let edition = Settings {
            mode: Some(Mode::PostModerated),
            closing: Some(Closing::AfterDays(14)),
            depth: None,
            names_allowed: Some(true),
        };
        let article = Settings {
            closing: Some(Closing::Never),
            names_allowed: Some(false),
            ..Settings::default()
        };
        let policy = Policy::of(article.over(edition));
        assert_eq!(policy.mode, Mode::PostModerated);
        assert_eq!(policy.closing, Closing::Never);
        assert_eq!(policy.depth, Depth::USUAL);
        assert!(!policy.names_allowed);
    }

    #[test]
    fn nothing_decided_is_the_careful_way() {
        let policy = Policy::of(Settings::default());
        assert_eq!(policy.taken_in(), Status::Pending);
        assert!(!policy.names_allowed);
    }

    #[test]
    fn numbers_have_their_bounds() {
        assert_eq!(Closing::parse(0), Ok(Closing::Never));
        assert_eq!(Closing::parse(3_650).map(Closing::days), Ok(3_650));
        assert!(Closing::parse(3_651).is_err() && Closing::parse(-1).is_err());
        assert_eq!(Depth::parse(8).map(Depth::get), Ok(8));
        assert_eq!(
            Depth::parse(9).map_err(|error| error.to_string()),
            Err("the depth is 9: it may be 0 to 8".to_owned())
        );
        assert!(Depth::parse(-1).is_err());
    }

    #[test]
    fn a_pace_is_kept_by_the_minute_and_by_the_hour() {
        let pace = Pace {
            a_minute: 2,
            an_hour: 3,
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
        // What readers have seen is hidden, not rejected.
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
