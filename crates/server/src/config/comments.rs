//! Rate limits and other limits on readers' comments.

use anyhow::ensure;
use chrono::TimeDelta;
use khabar_domain::commenting::{CommentLimits, RateLimit};
use serde::{Deserialize, Serialize};

/// Rate limits for readers' comments, the time for edits, and the retention of network addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Comments {
    /// Minutes for which a comment can be edited by its author: from 0, which forbids edits, to 1,440, a day.
    pub edit_minutes: u32,
    /// Maximum number of comments per minute by one account, or by a guest with one name from one address.
    pub posts_per_minute: u32,
    /// Maximum number of comments per hour by one account, or by a guest with one name from one address.
    pub posts_per_hour: u32,
    /// Maximum number of guests' comments per minute from one address, under all names. Mobile phones share
    /// the addresses of their networks, so this limit should be well above that of a single guest.
    pub address_posts_per_minute: u32,
    /// Maximum number of guests' comments per hour from one address, under all names.
    pub address_posts_per_hour: u32,
    /// Maximum number of edits per minute that one account can make to its comments.
    pub edits_per_minute: u32,
    /// Maximum number of edits per hour that one account can make to its comments.
    pub edits_per_hour: u32,
    /// Maximum number of comments per minute that one account can report.
    pub reports_per_minute: u32,
    /// Maximum number of comments per hour that one account can report.
    pub reports_per_hour: u32,
    /// Hours for which a reader's network address is retained, with a guest's comment and in the audit log:
    /// 1 to 8,760. Defaults to 24, the time within which identical text counts as a repetition. With a
    /// smaller value, guests' repetitions are detected only for that long.
    pub address_hours: u32,
}

/// Maximum of `address_hours`: a year. Longer retention would not serve any rate limit.
const LONGEST_ADDRESS: u32 = 365 * 24;

/// Maximum of `edit_minutes`: a day. Later edits could reverse the meaning of a comment that others have
/// long read.
const LONGEST_EDIT: u32 = 24 * 60;

/// Maximum of each rate limit. Each write examines the events of the last hour one by one, which is still
/// cheap for this many.
const MOST: u32 = 10_000;

impl Default for Comments {
    fn default() -> Self {
        let CommentLimits {
            edit_window,
            posts,
            posts_of_address,
            edits,
            reports,
        } = CommentLimits::default();
        Self {
            edit_minutes: u32::try_from(edit_window.num_minutes()).unwrap_or(LONGEST_EDIT),
            posts_per_minute: posts.per_minute,
            posts_per_hour: posts.per_hour,
            address_posts_per_minute: posts_of_address.per_minute,
            address_posts_per_hour: posts_of_address.per_hour,
            edits_per_minute: edits.per_minute,
            edits_per_hour: edits.per_hour,
            reports_per_minute: reports.per_minute,
            reports_per_hour: reports.per_hour,
            address_hours: 24,
        }
    }
}

impl Comments {
    /// Returns these settings as domain limits.
    pub fn limits(&self) -> CommentLimits {
        CommentLimits {
            edit_window: TimeDelta::minutes(self.edit_minutes.into()),
            posts: pace(self.posts_per_minute, self.posts_per_hour),
            posts_of_address: pace(self.address_posts_per_minute, self.address_posts_per_hour),
            edits: pace(self.edits_per_minute, self.edits_per_hour),
            reports: pace(self.reports_per_minute, self.reports_per_hour),
        }
    }

    /// Checks the ranges of the values, and that no limit per minute exceeds the limit per hour.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.edit_minutes <= LONGEST_EDIT,
            "comments.edit_minutes is {}; it must be from 0 to {LONGEST_EDIT}",
            self.edit_minutes
        );
        ensure!(
            (1..=LONGEST_ADDRESS).contains(&self.address_hours),
            "comments.address_hours is {}; it must be from 1 to {LONGEST_ADDRESS}",
            self.address_hours
        );
        let CommentLimits {
            posts,
            posts_of_address,
            edits,
            reports,
            ..
        } = self.limits();
        for (name, pace) in [
            ("posts", posts),
            ("address_posts", posts_of_address),
            ("edits", edits),
            ("reports", reports),
        ] {
            let RateLimit {
                per_minute,
                per_hour,
            } = pace;
            for (name, value) in [("per_minute", per_minute), ("per_hour", per_hour)]
                .map(|(time, value)| (format!("comments.{name}_{time}"), value))
            {
                ensure!(
                    (1..=MOST).contains(&value),
                    "{name} is {value}; it must be from 1 to {MOST}"
                );
            }
            ensure!(
                per_minute <= per_hour,
                "comments.{name}_per_minute is {per_minute}, and comments.{name}_per_hour only {per_hour}: \
                 so many could never come in a minute"
            );
        }
        Ok(())
    }
}

const fn pace(per_minute: u32, per_hour: u32) -> RateLimit {
    RateLimit {
        per_minute,
        per_hour,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(comments: Comments) -> String {
        comments.check().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_those_of_the_domain() {
        assert_eq!(Comments::default().limits(), CommentLimits::default());
        assert!(Comments::default().check().is_ok());
    }

    #[test]
    fn impossible_values_are_named() {
        let defaults = Comments::default();
        let refusals = [
            (
                Comments {
                    edit_minutes: 1_441,
                    ..defaults
                },
                "comments.edit_minutes is 1441; it must be from 0 to 1440",
            ),
            (
                Comments {
                    address_hours: 0,
                    ..defaults
                },
                "comments.address_hours is 0; it must be from 1 to 8760",
            ),
            (
                Comments {
                    posts_per_minute: 0,
                    ..defaults
                },
                "comments.posts_per_minute is 0; it must be from 1 to 10000",
            ),
            (
                Comments {
                    reports_per_hour: 10_001,
                    ..defaults
                },
                "comments.reports_per_hour is 10001; it must be from 1 to 10000",
            ),
            (
                Comments {
                    edits_per_minute: 61,
                    ..defaults
                },
                "comments.edits_per_minute is 61, and comments.edits_per_hour only 60: so many could \
                 never come in a minute",
            ),
            (
                Comments {
                    address_posts_per_hour: 29,
                    ..defaults
                },
                "comments.address_posts_per_minute is 30, and comments.address_posts_per_hour only 29: \
                 so many could never come in a minute",
            ),
        ];
        for (comments, expected) in refusals {
            assert_eq!(refused(comments), expected);
        }
        let none = Comments {
            edit_minutes: 0,
            ..defaults
        };
        assert!(none.check().is_ok(), "comments may be for ever");
    }
}
