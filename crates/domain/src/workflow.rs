//! The editorial workflow: the statuses of an article, the steps between them, and the rights that each
//! step requires.
//!
//! ```text
//! draft ⇄ in review → scheduled → published → withdrawn
//!   └───────┴────────────┴───────────↗  ↺ corrected   └→ draft
//! ```

use chrono::{DateTime, Utc};

use crate::article::{Article, Status};
use crate::editorial::EditorialState;
use crate::rights::{Right, Viewer};
use crate::text_enum::tokens;

/// A step of the editorial workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// Saving changes to an article that is not yet published.
    Save,
    /// Submitting a draft for review.
    Submit,
    /// Returning an article from review, or from the schedule, to draft.
    Return,
    /// Scheduling publication for a given time.
    Schedule,
    /// Publishing the article.
    Publish,
    /// Correcting a published article.
    Correct,
    /// Withdrawing a published article.
    Withdraw,
    /// Reopening a withdrawn article as a draft.
    Reopen,
}

tokens!(Transition, "the step", {
    Save => "save", Submit => "submit", Return => "return", Schedule => "schedule",
    Publish => "publish", Correct => "correct", Withdraw => "withdraw", Reopen => "reopen",
});

/// The reason why a step cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransitionError {
    /// The viewer does not have the required right.
    NotAllowed,
    /// The step is not possible from the article's current status.
    WrongStatus,
}

impl Transition {
    /// Returns the status that the step leads to from `status`, or `None` if the step is not possible from
    /// there.
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

    /// Returns the status that the step leads to when `viewer` takes it. `own` indicates whether the viewer
    /// created the article. Checks the viewer's rights before the status.
    pub fn take(
        self,
        viewer: Viewer,
        own: bool,
        status: Status,
    ) -> Result<Status, TransitionError> {
        let theirs = own && viewer.may(Right::Write);
        let allowed = viewer.may(Right::Publish)
            || match self {
                // Once editors have accepted an article, its writer alone can no longer change it.
                Self::Save => theirs && matches!(status, Status::Draft | Status::Review),
                Self::Submit => theirs,
                Self::Return => theirs && matches!(status, Status::Review),
                _ => false,
            };
        if !allowed {
            return Err(TransitionError::NotAllowed);
        }
        self.from(status).ok_or(TransitionError::WrongStatus)
    }

    /// Updates the article and its desk record after the step was taken to status `to`.
    ///
    /// Every step except [`Transition::Correct`] sets `listed_at` to `at`. Unpublished articles are therefore
    /// sorted by their last change.
    pub fn apply(
        self,
        to: Status,
        at: DateTime<Utc>,
        article: &mut Article,
        editorial: &mut EditorialState,
    ) {
        article.status = to;
        article.version = article.version.saturating_add(1);
        match self {
            // Corrections change neither the position in lists nor the publication time.
            Self::Correct => return,
            Self::Publish => {
                article.first_published_at.get_or_insert(at);
                article.published_at = Some(at);
                article.updated_at = None;
                editorial.embargo_until = None;
            }
            Self::Reopen => editorial.withdrawal = None,
            Self::Save | Self::Submit | Self::Return | Self::Schedule | Self::Withdraw => {}
        }
        if to != Status::Scheduled {
            editorial.scheduled_for = None;
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

    /// Takes every step from every status as an editor. `.` marks a step that is not possible.
    #[test]
    fn the_whole_machine() {
        let mut drawn = String::new();
        for step in Transition::ALL {
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
            (Transition::Save, Status::Draft),
            (Transition::Submit, Status::Draft),
            (Transition::Save, Status::Review),
            (Transition::Return, Status::Review),
        ] {
            assert!(step.take(contributor, true, status).is_ok(), "{step:?}");
            assert_eq!(
                step.take(contributor, false, status),
                Err(TransitionError::NotAllowed)
            );
        }
        for (step, status) in [
            (Transition::Save, Status::Scheduled),
            (Transition::Return, Status::Scheduled),
            (Transition::Publish, Status::Review),
            (Transition::Correct, Status::Published),
            (Transition::Withdraw, Status::Published),
        ] {
            assert_eq!(
                step.take(contributor, true, status),
                Err(TransitionError::NotAllowed),
                "{step:?}"
            );
        }
    }

    #[test]
    fn others_take_no_step() {
        for role in [Role::Reader, Role::Moderator] {
            for step in Transition::ALL {
                for status in Status::ALL {
                    let taken = step.take(viewer(role), true, *status);
                    assert_eq!(
                        taken,
                        Err(TransitionError::NotAllowed),
                        "{step:?} {status:?}"
                    );
                }
            }
        }
    }
}
