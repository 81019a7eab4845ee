//! How much readers may say how fast, and for how long they can change it.

use anyhow::ensure;
use chrono::TimeDelta;
use khabar_domain::commenting::{Limits, Pace};
use serde::{Deserialize, Serialize};

/// How much readers may say how fast, and for how long they can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Comments {
    /// Minutes for which its writer can change a comment: 0, for not at all, to 1,440, a day.
    pub edit_minutes: u32,
    /// Comments of one account in a minute, or under one name from one address.
    pub posts_a_minute: u32,
    /// The same in an hour.
    pub posts_an_hour: u32,
    /// Comments without an account from one address in a minute, under all names: telephones share
    /// the addresses of their networks.
    pub address_posts_a_minute: u32,
    /// The same in an hour.
    pub address_posts_an_hour: u32,
    /// Changes that one account makes to its comments in a minute.
    pub edits_a_minute: u32,
    /// The same in an hour.
    pub edits_an_hour: u32,
    /// Comments that one account reports in a minute.
    pub reports_a_minute: u32,
    /// The same in an hour.
    pub reports_an_hour: u32,
    /// Hours for which the address is kept from which a reader wrote, with the comment and in the audit
    /// log: 1 to 8,760. The default, a day, is for as long as the same words again count as repeated;
    /// with less, they are noticed for that long alone.
    pub address_hours: u32,
}

/// In hours, a year: what is kept for longer serves no pace.
const LONGEST_ADDRESS: u32 = 365 * 24;

/// In minutes: what others have read for longer than a day is not turned round.
const LONGEST_EDIT: u32 = 24 * 60;

/// What came within an hour is looked at one by one at each write; this many still cost little.
const MOST: u32 = 10_000;

impl Default for Comments {
    fn default() -> Self {
        let Limits {
            edit_window,
            posts,
            posts_of_address,
            edits,
            reports,
        } = Limits::default();
        Self {
            edit_minutes: u32::try_from(edit_window.num_minutes()).unwrap_or(LONGEST_EDIT),
            posts_a_minute: posts.a_minute,
            posts_an_hour: posts.an_hour,
            address_posts_a_minute: posts_of_address.a_minute,
            address_posts_an_hour: posts_of_address.an_hour,
            edits_a_minute: edits.a_minute,
            edits_an_hour: edits.an_hour,
            reports_a_minute: reports.a_minute,
            reports_an_hour: reports.an_hour,
            address_hours: 24,
        }
    }
}

impl Comments {
    /// The limits that they set.
    pub fn limits(&self) -> Limits {
        Limits {
            edit_window: TimeDelta::minutes(self.edit_minutes.into()),
            posts: pace(self.posts_a_minute, self.posts_an_hour),
            posts_of_address: pace(self.address_posts_a_minute, self.address_posts_an_hour),
            edits: pace(self.edits_a_minute, self.edits_an_hour),
            reports: pace(self.reports_a_minute, self.reports_an_hour),
        }
    }

    /// Refuses what is of the right type and cannot be meant.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.edit_minutes <= LONGEST_EDIT,
            "comments.edit_minutes is {}: it may be 0 to {LONGEST_EDIT}",
            self.edit_minutes
        );
        ensure!(
            (1..=LONGEST_ADDRESS).contains(&self.address_hours),
            "comments.address_hours is {}: it may be 1 to {LONGEST_ADDRESS}",
            self.address_hours
        );
        let Limits {
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
            let Pace { a_minute, an_hour } = pace;
            for (name, value) in [("a_minute", a_minute), ("an_hour", an_hour)]
                .map(|(time, value)| (format!("comments.{name}_{time}"), value))
            {
                ensure!(
                    (1..=MOST).contains(&value),
                    "{name} is {value}: it may be 1 to {MOST}"
                );
            }
            ensure!(
                a_minute <= an_hour,
                "comments.{name}_a_minute is {a_minute}, and comments.{name}_an_hour only {an_hour}: \
                 so many could never come in a minute"
            );
        }
        Ok(())
    }
}

const fn pace(a_minute: u32, an_hour: u32) -> Pace {
    Pace { a_minute, an_hour }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(comments: Comments) -> String {
        comments.check().unwrap_err().to_string()
    }

    #[test]
    fn nothing_set_is_what_it_was() {
        assert_eq!(Comments::default().limits(), Limits::default());
        assert!(Comments::default().check().is_ok());
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let usual = Comments::default();
        let refusals = [
            (
                Comments {
                    edit_minutes: 1_441,
                    ..usual
                },
                "comments.edit_minutes is 1441: it may be 0 to 1440",
            ),
            (
                Comments {
                    address_hours: 0,
                    ..usual
                },
                "comments.address_hours is 0: it may be 1 to 8760",
            ),
            (
                Comments {
                    posts_a_minute: 0,
                    ..usual
                },
                "comments.posts_a_minute is 0: it may be 1 to 10000",
            ),
            (
                Comments {
                    reports_an_hour: 10_001,
                    ..usual
                },
                "comments.reports_an_hour is 10001: it may be 1 to 10000",
            ),
            (
                Comments {
                    edits_a_minute: 61,
                    ..usual
                },
                "comments.edits_a_minute is 61, and comments.edits_an_hour only 60: so many could \
                 never come in a minute",
            ),
            (
                Comments {
                    address_posts_an_hour: 29,
                    ..usual
                },
                "comments.address_posts_a_minute is 30, and comments.address_posts_an_hour only 29: \
                 so many could never come in a minute",
            ),
        ];
        for (comments, expected) in refusals {
            assert_eq!(refused(comments), expected);
        }
        let none = Comments {
            edit_minutes: 0,
            ..usual
        };
        assert!(none.check().is_ok(), "comments may be for ever");
    }
}
