//! Workflow transitions of an article that leave its text unchanged.

use async_graphql::{ID, InputObject, MaybeUndefined};
use chrono::{DateTime, Months, Utc};
use khabar_domain::editorial::Withdrawal;
use khabar_domain::workflow::Transition;
use khabar_domain::{ArticleId, Headline, Invalid};

use super::locking::{check_version, lock_for};
use super::note;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError};
use crate::mutation::input_parse;
use crate::scalar;
use crate::types::{UserError, UserErrorCode};

// Flattened into other inputs, where its fields are published. Not published as a type of its own.
#[derive(Clone, Debug, InputObject)]
pub(super) struct ArticleVersion {
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

impl ArticleVersion {
    /// Takes a transition that needs no further input.
    async fn apply(
        &self,
        cx: &mut MutationCtx<'_>,
        transition: Transition,
    ) -> Result<ArticleId, MutationError> {
        let (locked, to) = lock_for(cx, &self.id, transition).await?;
        check_version(cx, &locked, self.version, None).await?;
        let (id, note) = (locked.manuscript.article.id, note(self.note.as_deref())?);
        locked.take(cx.writer, transition, to, note).await?;
        Ok(id)
    }

    /// Publishes the article now, or schedules it for the given time.
    async fn publish_or_schedule(
        &self,
        cx: &mut MutationCtx<'_>,
        transition: Transition,
        time: &PublicationTime,
    ) -> Result<ArticleId, MutationError> {
        let (mut locked, to) = lock_for(cx, &self.id, transition).await?;
        check_version(cx, &locked, self.version, None).await?;
        let (id, note) = (locked.manuscript.article.id, note(self.note.as_deref())?);
        let embargo = match time.embargo {
            MaybeUndefined::Undefined => locked.editorial.embargo_until,
            MaybeUndefined::Null => None,
            MaybeUndefined::Value(until) => Some(until.0),
        };
        locked.editorial.embargo_until = embargo;
        let when = time.resolve(cx.writer.at(), embargo)?;
        // A scheduled article always has a time, even if it is the present moment. The scheduler
        // publishes it.
        let requested = time
            .at
            .filter(|_| transition == Transition::Schedule)
            .map(|at| at.0);
        match when.or(requested) {
            Some(when) => {
                locked.editorial.scheduled_for = Some(when);
                let to = Transition::Schedule
                    .from(locked.manuscript.article.status)
                    .unwrap_or(to);
                locked
                    .take(cx.writer, Transition::Schedule, to, note)
                    .await?;
            }
            None => locked.take(cx.writer, transition, to, note).await?,
        }
        Ok(id)
    }
}

/// The publication time and the embargo given in an input.
struct PublicationTime {
    at: Option<scalar::DateTime>,
    embargo: MaybeUndefined<scalar::DateTime>,
}

impl PublicationTime {
    /// Returns the time that the article waits for, or `None` if it is published now.
    fn resolve(
        &self,
        now: DateTime<Utc>,
        embargo: Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, MutationError> {
        if let MaybeUndefined::Value(until) = self.embargo {
            check_time(now, "embargo", until.0)?;
        }
        let embargo = embargo.filter(|until| *until > now);
        let Some(scalar::DateTime(at)) = self.at else {
            return Ok(embargo);
        };
        check_time(now, "at", at)?;
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
const MAX_AHEAD: Months = Months::new(120);

fn check_time(now: DateTime<Utc>, field: &str, at: DateTime<Utc>) -> Result<(), MutationError> {
    let message = if at < now {
        "This time is in the past."
    } else if now
        .checked_add_months(MAX_AHEAD)
        .is_some_and(|last| at > last)
    {
        "This time is more than ten years in the future."
    } else {
        return Ok(());
    };
    Err(UserError::new(&[field], UserErrorCode::Invalid, message).into())
}

macro_rules! simple_transitions {
    ($($(#[$doc:meta])* $input:ident: $transition:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, InputObject)]
        pub struct $input {
            #[graphql(flatten)]
            article: ArticleVersion,
        }

        impl Mutate for $input {
            type Id = ArticleId;

            async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
                self.article.apply(cx, Transition::$transition).await
            }
        }
    )+};
}

simple_transitions! {
    /// Input for the `submitArticle` mutation.
    SubmitArticleInput: Submit;
    /// Input for the `returnArticle` mutation.
    ReturnArticleInput: Return;
    /// Input for the `reopenArticle` mutation.
    ReopenArticleInput: Reopen;
}

/// Input for the `scheduleArticle` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ScheduleArticleInput {
    #[graphql(flatten)]
    article: ArticleVersion,
    /// The publication time. Must not be in the past, before the embargo ends, or more than ten years
    /// ahead.
    at: scalar::DateTime,
}

impl Mutate for ScheduleArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let time = PublicationTime {
            at: Some(self.at),
            embargo: MaybeUndefined::Undefined,
        };
        self.article
            .publish_or_schedule(cx, Transition::Schedule, &time)
            .await
    }
}

/// Input for the `publishArticle` mutation. The article is published immediately unless a later time or
/// an embargo applies.
#[derive(Clone, Debug, InputObject)]
pub struct PublishArticleInput {
    #[graphql(flatten)]
    article: ArticleVersion,
    /// The publication time. A time in the future schedules the article. Must not be in the past,
    /// before the embargo ends, or more than ten years ahead.
    at: Option<scalar::DateTime>,
    /// The time before which the article must not be published. Publishing it earlier schedules it for
    /// that time. Must not be in the past or more than ten years ahead. If omitted, an existing embargo
    /// is retained. Null lifts the embargo.
    embargo: MaybeUndefined<scalar::DateTime>,
}

impl Mutate for PublishArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let time = PublicationTime {
            at: self.at,
            embargo: self.embargo,
        };
        self.article
            .publish_or_schedule(cx, Transition::Publish, &time)
            .await
    }
}

/// Input for the `withdrawArticle` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct WithdrawArticleInput {
    #[graphql(flatten)]
    article: ArticleVersion,
    /// The reason for the withdrawal, for readers: a single line of at most 300 characters. Shown in
    /// place of the article.
    reason: String,
}

impl Mutate for WithdrawArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (mut locked, to) = lock_for(cx, &self.article.id, Transition::Withdraw).await?;
        check_version(cx, &locked, self.article.version, None).await?;
        let parsed = Headline::parse(&self.reason);
        let parsed = parsed.map_err(|invalid| Invalid::new("the reason", invalid.problem));
        let reason = input_parse::value(&["reason"], parsed)?.as_str().to_owned();
        let (id, note) = (
            locked.manuscript.article.id,
            note(self.article.note.as_deref())?,
        );
        let at = cx.writer.at();
        locked.editorial.withdrawal = Some(Withdrawal { at, reason });
        locked
            .take(cx.writer, Transition::Withdraw, to, note)
            .await?;
        Ok(id)
    }
}
