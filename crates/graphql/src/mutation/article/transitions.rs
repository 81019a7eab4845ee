//! Workflow steps of an article that do not change its text.

use async_graphql::{ID, InputObject, MaybeUndefined};
use chrono::{DateTime, Months, Utc};
use khabar_domain::editorial::Withdrawal;
use khabar_domain::workflow::Transition;
use khabar_domain::{ArticleId, Headline, Invalid, Right};

use super::{fresh, note, reach};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError};
use crate::mutation::input_parse;
use crate::scalar;
use crate::types::{UserError, UserErrorCode};

// Flattened into other inputs, where its fields are published. Not published as a type of its own.
#[derive(Clone, Debug, InputObject)]
pub(super) struct Which {
    /// Global ID of the article.
    id: ID,
    /// The version that the mutation is based on. If given and the article has a later version, the
    /// mutation is refused. If omitted, the version is not checked.
    version: Option<i32>,
    /// The reason for the change, for the newsroom. Stored with the revision.
    note: Option<String>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Which {
    /// Takes a step that needs no further input.
    async fn take(
        &self,
        act: &mut MutationCtx<'_>,
        step: Transition,
    ) -> Result<ArticleId, MutationError> {
        let (held, to) = reach(act, &self.id, step).await?;
        fresh(act, &held, self.version, None).await?;
        let (id, note) = (held.manuscript.article.id, note(self.note.as_deref())?);
        held.take(act.writer, step, to, note).await?;
        Ok(id)
    }

    /// Publishes the article now, or schedules it for the given time.
    async fn go_out(
        &self,
        act: &mut MutationCtx<'_>,
        step: Transition,
        hour: &Hour,
    ) -> Result<ArticleId, MutationError> {
        let (mut held, to) = reach(act, &self.id, step).await?;
        fresh(act, &held, self.version, None).await?;
        let (id, note) = (held.manuscript.article.id, note(self.note.as_deref())?);
        let embargo = match hour.embargo {
            MaybeUndefined::Undefined => held.editorial.embargo_until,
            MaybeUndefined::Null => None,
            MaybeUndefined::Value(until) => Some(until.0),
        };
        held.editorial.embargo_until = embargo;
        let when = hour.find(act.writer.at(), embargo)?;
        // A scheduled article always has a time, even if it is the present moment. The scheduler
        // publishes it.
        let stated = hour
            .at
            .filter(|_| step == Transition::Schedule)
            .map(|at| at.0);
        match when.or(stated) {
            Some(when) => {
                held.editorial.scheduled_for = Some(when);
                let to = Transition::Schedule
                    .from(held.manuscript.article.status)
                    .unwrap_or(to);
                held.take(act.writer, Transition::Schedule, to, note)
                    .await?;
            }
            None => held.take(act.writer, step, to, note).await?,
        }
        Ok(id)
    }
}

/// The publication time and the embargo given in an input.
struct Hour {
    at: Option<scalar::DateTime>,
    embargo: MaybeUndefined<scalar::DateTime>,
}

impl Hour {
    /// Returns the time that the article waits for, or `None` if it is published now.
    fn find(
        &self,
        now: DateTime<Utc>,
        embargo: Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, MutationError> {
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
            let message =
                format!("The article cannot be published before its embargo ends at {until}.");
            return Err(UserError::new(&["at"], UserErrorCode::Invalid, message).into());
        }
        Ok(Some(at).filter(|at| *at > now))
    }
}

/// Maximum time ahead for which an article can be scheduled: ten years. A later date is assumed to be a
/// typing error.
const AHEAD: Months = Months::new(120);

fn check(now: DateTime<Utc>, field: &str, at: DateTime<Utc>) -> Result<(), MutationError> {
    let message = if at < now {
        "This time is in the past."
    } else if now.checked_add_months(AHEAD).is_some_and(|last| at > last) {
        "This time is more than ten years in the future."
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

        impl Mutate for $input {
            const NAME: &'static str = $name;
            const RIGHT: Right = Right::$right;
            type Id = ArticleId;

            fn idempotency_key(&self) -> Option<&str> {
                self.which.idempotency_key.as_deref()
            }

            async fn act(&self, act: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
                self.which.take(act, Transition::$step).await
            }
        }
    )+};
}

plain! {
    /// Input for the `submitArticle` mutation.
    SubmitArticleInput, "submitArticle", Write, Submit;
    /// Input for the `returnArticle` mutation.
    ReturnArticleInput, "returnArticle", Write, Return;
    /// Input for the `reopenArticle` mutation.
    ReopenArticleInput, "reopenArticle", Publish, Reopen;
}

/// Input for the `scheduleArticle` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ScheduleArticleInput {
    #[graphql(flatten)]
    which: Which,
    /// The publication time. Must not be in the past, before the embargo ends, or more than ten years
    /// ahead.
    at: scalar::DateTime,
}

impl Mutate for ScheduleArticleInput {
    const NAME: &'static str = "scheduleArticle";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn idempotency_key(&self) -> Option<&str> {
        self.which.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let hour = Hour {
            at: Some(self.at),
            embargo: MaybeUndefined::Undefined,
        };
        self.which.go_out(act, Transition::Schedule, &hour).await
    }
}

/// Input for the `publishArticle` mutation. The article is published immediately unless a later time or
/// an embargo applies.
#[derive(Clone, Debug, InputObject)]
pub struct PublishArticleInput {
    #[graphql(flatten)]
    which: Which,
    /// The publication time. A time in the future schedules the article. Must not be in the past,
    /// before the embargo ends, or more than ten years ahead.
    at: Option<scalar::DateTime>,
    /// The time before which the article must not be published. Publishing it earlier schedules it for
    /// that time. Must not be in the past or more than ten years ahead. If omitted, an existing embargo
    /// is retained. Null lifts the embargo.
    embargo: MaybeUndefined<scalar::DateTime>,
}

impl Mutate for PublishArticleInput {
    const NAME: &'static str = "publishArticle";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn idempotency_key(&self) -> Option<&str> {
        self.which.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let hour = Hour {
            at: self.at,
            embargo: self.embargo,
        };
        self.which.go_out(act, Transition::Publish, &hour).await
    }
}

/// Input for the `withdrawArticle` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct WithdrawArticleInput {
    #[graphql(flatten)]
    which: Which,
    /// The reason for the withdrawal, for readers: a single line of at most 300 characters. Shown in
    /// place of the article.
    reason: String,
}

impl Mutate for WithdrawArticleInput {
    const NAME: &'static str = "withdrawArticle";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn idempotency_key(&self) -> Option<&str> {
        self.which.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (mut held, to) = reach(act, &self.which.id, Transition::Withdraw).await?;
        fresh(act, &held, self.which.version, None).await?;
        let line = Headline::parse(&self.reason);
        let line = line.map_err(|invalid| Invalid::new("the reason", invalid.problem));
        let reason = input_parse::value(&["reason"], line)?.as_str().to_owned();
        let (id, note) = (
            held.manuscript.article.id,
            note(self.which.note.as_deref())?,
        );
        let at = act.writer.at();
        held.editorial.withdrawal = Some(Withdrawal { at, reason });
        held.take(act.writer, Transition::Withdraw, to, note)
            .await?;
        Ok(id)
    }
}
