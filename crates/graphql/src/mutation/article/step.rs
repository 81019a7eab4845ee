//! The steps that an article takes without another text.

use async_graphql::{ID, InputObject, MaybeUndefined};
use chrono::{DateTime, Months, Utc};
use khabar_domain::desk::Withdrawal;
use khabar_domain::workflow::Step;
use khabar_domain::{ArticleId, Headline, Invalid, Right};

use super::{fresh, note, reach};
use crate::error::Result;
use crate::mutation::read;
use crate::scalar;
use crate::types::{UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write};

// Published in the inputs that it is flattened into; not as a type of its own.
#[derive(Clone, Debug, InputObject)]
pub(super) struct Which {
    /// Which article.
    id: ID,
    /// The version that was read, if it matters: when there is a later one, the step is not taken.
    version: Option<i32>,
    /// Why, in words for the newsroom: it stands on the revision.
    note: Option<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Which {
    /// Takes a step that says nothing more.
    async fn take(&self, act: &mut Act<'_>, step: Step) -> Result<ArticleId, Refusal> {
        let (held, to) = reach(act, &self.id, step).await?;
        fresh(act, &held, self.version, None).await?;
        let (id, note) = (held.manuscript.article.id, note(self.note.as_deref())?);
        held.take(act.writer, step, to, note).await?;
        Ok(id)
    }

    /// Lets it go out: now, or at this hour.
    async fn go_out(
        &self,
        act: &mut Act<'_>,
        step: Step,
        hour: &Hour,
    ) -> Result<ArticleId, Refusal> {
        let (mut held, to) = reach(act, &self.id, step).await?;
        fresh(act, &held, self.version, None).await?;
        let (id, note) = (held.manuscript.article.id, note(self.note.as_deref())?);
        let embargo = match hour.embargo {
            MaybeUndefined::Undefined => held.desk.embargo_until,
            MaybeUndefined::Null => None,
            MaybeUndefined::Value(until) => Some(until.0),
        };
        held.desk.embargo_until = embargo;
        let when = hour.find(act.writer.at(), embargo)?;
        // What is scheduled has an hour, be it this very moment: the scheduler lets it go out.
        let stated = hour.at.filter(|_| step == Step::Schedule).map(|at| at.0);
        match when.or(stated) {
            Some(when) => {
                held.desk.scheduled_for = Some(when);
                let to = Step::Schedule
                    .from(held.manuscript.article.status)
                    .unwrap_or(to);
                held.take(act.writer, Step::Schedule, to, note).await?;
            }
            None => held.take(act.writer, step, to, note).await?,
        }
        Ok(id)
    }
}

/// When an article is to go out.
struct Hour {
    at: Option<scalar::DateTime>,
    embargo: MaybeUndefined<scalar::DateTime>,
}

impl Hour {
    /// The hour that it waits for; none when it goes out now.
    fn find(
        &self,
        now: DateTime<Utc>,
        embargo: Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, Refusal> {
        if let MaybeUndefined::Value(until) = self.embargo {
            check(now, "embargo", until.0)?;
        }
        let embargo = embargo.filter(|until| *until > now);
        let Some(scalar::DateTime(at)) = self.at else {
            return Ok(embargo);
        };
        check(now, "at", at)?;
        if let Some(until) = embargo.filter(|until| at < *until) {
            let until = until.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            let message = format!("It may not go out before {until}.");
            return Err(UserError::new(&["at"], UserErrorCode::Invalid, message).into());
        }
        Ok(Some(at).filter(|at| *at > now))
    }
}

/// Nothing is planned further ahead: a date beyond is a slip of the pen.
const AHEAD: Months = Months::new(120);

fn check(now: DateTime<Utc>, field: &str, at: DateTime<Utc>) -> Result<(), Refusal> {
    let message = if at < now {
        "This moment is past."
    } else if now.checked_add_months(AHEAD).is_some_and(|last| at > last) {
        "This moment is more than ten years ahead."
    } else {
        return Ok(());
    };
    Err(UserError::new(&[field], UserErrorCode::Invalid, message).into())
}

macro_rules! plain {
    ($($(#[$doc:meta])* $input:ident, $name:literal, $right:ident, $step:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, InputObject)]
        pub struct $input {
            #[graphql(flatten)]
            which: Which,
        }

        impl Write for $input {
            const NAME: &'static str = $name;
            const RIGHT: Right = Right::$right;
            type Id = ArticleId;

            fn client_mutation_id(&self) -> Option<&str> {
                self.which.client_mutation_id.as_deref()
            }

            async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
                self.which.take(act, Step::$step).await
            }
        }
    )+};
}

plain! {
    /// Which draft is handed to the editors.
    SubmitArticleInput, "submitArticle", Write, Submit;
    /// Which article is given back to its writer, or taken back from the schedule.
    ReturnArticleInput, "returnArticle", Write, Return;
    /// Which withdrawn article is worked on again.
    ReopenArticleInput, "reopenArticle", Publish, Reopen;
}

/// Which article goes out by itself, and when.
#[derive(Clone, Debug, InputObject)]
pub struct ScheduleArticleInput {
    #[graphql(flatten)]
    which: Which,
    /// When it goes out: not in the past, not before its embargo ends, within ten years.
    at: scalar::DateTime,
}

impl Write for ScheduleArticleInput {
    const NAME: &'static str = "scheduleArticle";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.which.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let hour = Hour {
            at: Some(self.at),
            embargo: MaybeUndefined::Undefined,
        };
        self.which.go_out(act, Step::Schedule, &hour).await
    }
}

/// Which article goes out, now unless an hour or an embargo is stated.
#[derive(Clone, Debug, InputObject)]
pub struct PublishArticleInput {
    #[graphql(flatten)]
    which: Which,
    /// When it goes out: with a later moment it is scheduled. Not in the past, not before its
    /// embargo ends, within ten years.
    at: Option<scalar::DateTime>,
    /// The moment before which it may not go out: published before, it is scheduled for that
    /// moment. Left out, an earlier embargo stays; null lifts it.
    embargo: MaybeUndefined<scalar::DateTime>,
}

impl Write for PublishArticleInput {
    const NAME: &'static str = "publishArticle";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.which.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let hour = Hour {
            at: self.at,
            embargo: self.embargo,
        };
        self.which.go_out(act, Step::Publish, &hour).await
    }
}

/// Which published article is taken back from readers, and why.
#[derive(Clone, Debug, InputObject)]
pub struct WithdrawArticleInput {
    #[graphql(flatten)]
    which: Which,
    /// Why, in words for readers: a line of at most 300 characters. It stands in place of the
    /// article ever after.
    reason: String,
}

impl Write for WithdrawArticleInput {
    const NAME: &'static str = "withdrawArticle";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.which.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let (mut held, to) = reach(act, &self.which.id, Step::Withdraw).await?;
        fresh(act, &held, self.which.version, None).await?;
        let line = Headline::parse(&self.reason);
        let line = line.map_err(|invalid| Invalid::new("the reason", invalid.problem));
        let reason = read::value(&["reason"], line)?.as_str().to_owned();
        let (id, note) = (
            held.manuscript.article.id,
            note(self.which.note.as_deref())?,
        );
        let at = act.writer.at();
        held.desk.withdrawal = Some(Withdrawal { at, reason });
        held.take(act.writer, Step::Withdraw, to, note).await?;
        Ok(id)
    }
}
