//! The workflow: an article's way to readers, step by step, and who may take which step.
//!
//! ```text
//! draft ⇄ in review → scheduled → published → withdrawn
//!   └───────┴────────────┴───────────↗  ↺ corrected   └→ draft
//! ```

use chrono::{DateTime, Utc};

use crate::article::{Article, Status};
use crate::desk::Desk;
use crate::rights::{Right, Viewer};
use crate::token::tokens;

/// One step on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// To save another text of what readers do not see yet.
    Save,
    /// To hand it to the editors.
    Submit,
    /// To give it back to its writer, or to take it back from the schedule.
    Return,
    /// To set the hour at which it goes out.
    Schedule,
    /// To let it go out.
    Publish,
    /// To change what readers see.
    Correct,
    /// To take it back from readers.
    Withdraw,
    /// To work again on what was withdrawn.
    Reopen,
}

tokens!(Step, "the step", {
    Save => "save", Submit => "submit", Return => "return", Schedule => "schedule",
    Publish => "publish", Correct => "correct", Withdraw => "withdraw", Reopen => "reopen",
});

/// Why a step cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The viewer has not the right.
    NotAllowed,
    /// The step does not begin where the article stands.
    WrongStatus,
}

impl Step {
    /// Where the step leads from this status; nothing when it does not begin there.
    pub const fn from(self, status: Status) -> Option<Status> {
        use Status::{Draft, Published, Review, Scheduled, Withdrawn};
        match (self, status) {
            (Self::Save, Draft | Review | Scheduled) => Some(status),
            (Self::Submit, Draft) => Some(Review),
            (Self::Return, Review | Scheduled) | (Self::Reopen, Withdrawn) => Some(Draft),
            (Self::Schedule, Draft | Review | Scheduled) => Some(Scheduled),
            (Self::Publish, Draft | Review | Scheduled) | (Self::Correct, Published) => {
                Some(Published)
            }
            (Self::Withdraw, Published) => Some(Withdrawn),
            _ => None,
        }
    }

    /// Where the step leads when this viewer takes it; `own` tells whether the article is theirs.
    pub fn take(self, viewer: Viewer, own: bool, status: Status) -> Result<Status, Refused> {
        let theirs = own && viewer.may(Right::Write);
        let allowed = viewer.may(Right::Publish)
            || match self {
                // What the editors have accepted is no longer its writer's alone.
                Self::Save => theirs && matches!(status, Status::Draft | Status::Review),
                Self::Submit => theirs,
                Self::Return => theirs && matches!(status, Status::Review),
                _ => false,
            };
        if !allowed {
            return Err(Refused::NotAllowed);
        }
        self.from(status).ok_or(Refused::WrongStatus)
    }

    /// What the article and what the desk keeps of it are once the step was taken, to this status.
    ///
    /// While readers do not see it, its place in time is when it was last touched, by which the
    /// desk is sorted.
    pub fn apply(self, to: Status, at: DateTime<Utc>, article: &mut Article, desk: &mut Desk) {
        article.status = to;
        article.version = article.version.saturating_add(1);
        match self {
            // Corrections keep its place and its hour.
            Self::Correct => return,
            Self::Publish => {
                article.first_published_at.get_or_insert(at);
                article.published_at = Some(at);
                article.updated_at = None;
                desk.embargo_until = None;
            }
            Self::Reopen => desk.withdrawal = None,
            Self::Save | Self::Submit | Self::Return | Self::Schedule | Self::Withdraw => {}
        }
        if to != Status::Scheduled {
            desk.scheduled_for = None;
        }
        article.listed_at = at;
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use uuid::Uuid;

    use super::*;
    use crate::AccountId;
    use crate::rights::Role;

    fn viewer(role: Role) -> Viewer {
        Viewer::of(AccountId::new(Uuid::nil()), role)
    }

    /// Every step from every status, as an editor: `.` where it does not begin.
    #[test]
    fn the_whole_machine() {
        let mut drawn = String::new();
        for step in Step::ALL {
            let _ = write!(drawn, "{:9}", step.as_str());
            for status in Status::ALL {
                let to = step.take(viewer(Role::Editor), false, *status);
                let _ = write!(drawn, " {:9}", to.map_or(".", Status::as_str));
            }
            drawn.truncate(drawn.trim_end().len());
            drawn.push('\n');
        }
        let expected = "\
save      draft     review    scheduled .         .
submit    review    .         .         .         .
return    .         draft     draft     .         .
schedule  scheduled scheduled scheduled .         .
publish   published published published .         .
correct   .         .         .         published .
withdraw  .         .         .         withdrawn .
reopen    .         .         .         .         draft
";
        let expected: Vec<_> = expected.lines().map(str::trim_end).collect();
        assert_eq!(drawn.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn contributors_keep_to_their_own_drafts() {
        let contributor = viewer(Role::Contributor);
        for (step, status) in [
            (Step::Save, Status::Draft),
            (Step::Submit, Status::Draft),
            (Step::Save, Status::Review),
            (Step::Return, Status::Review),
        ] {
            assert!(step.take(contributor, true, status).is_ok(), "{step:?}");
            assert_eq!(
                step.take(contributor, false, status),
                Err(Refused::NotAllowed)
            );
        }
        for (step, status) in [
            (Step::Save, Status::Scheduled),
            (Step::Return, Status::Scheduled),
            (Step::Publish, Status::Review),
            (Step::Correct, Status::Published),
            (Step::Withdraw, Status::Published),
        ] {
            assert_eq!(
                step.take(contributor, true, status),
                Err(Refused::NotAllowed),
                "{step:?}"
            );
        }
    }

    #[test]
    fn others_take_no_step() {
        for role in [Role::Reader, Role::Moderator] {
            for step in Step::ALL {
                for status in Status::ALL {
                    let taken = step.take(viewer(role), true, *status);
                    assert_eq!(taken, Err(Refused::NotAllowed), "{step:?} {status:?}");
                }
            }
        }
    }
}
