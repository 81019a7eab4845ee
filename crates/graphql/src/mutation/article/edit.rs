//! Mutations that change the text of an article: saving, correcting, and restoring an earlier text.

use async_graphql::{ID, InputObject};
use khabar_domain::ArticleId;
use khabar_domain::article::Status;
use khabar_domain::diff::Part;
use khabar_domain::workflow::Transition;
use khabar_persistence::article::{self, LockedArticle, Manuscript, Reference};
use khabar_persistence::revision::{self, Content};
use khabar_persistence::{correction, story};

use super::locking::{authorize, check_version, lock, lock_for};
use super::note;
use super::patch::{ArticleParts, ArticlePatch, check};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError};
use crate::types::{UserError, UserErrorCode};

/// Input for the `updateArticle` mutation. Omitted fields are left unchanged. Null clears an optional
/// value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateArticleInput {
    /// Global ID of the article.
    id: ID,
    /// The version that the change is based on. If the article has a later version, the mutation is
    /// refused and nothing is overwritten.
    version: i32,
    /// The headline: a single line of at most 300 characters.
    headline: Option<String>,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// The reason for the change, for the newsroom. Stored with the revision.
    note: Option<String>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (locked, to) = lock_for(cx, &self.id, Transition::Save).await?;
        let note = note(self.note.as_deref())?;
        let patch = ArticlePatch {
            headline: self.headline.as_deref(),
            parts: &self.parts,
        };
        check_version(cx, &locked, Some(self.version), Some(patch)).await?;
        let after = patch.apply(cx, locked.manuscript.clone()).await?;
        let id = after.article.id;
        // Saving an unchanged text creates no version, because editors save automatically at intervals.
        if Content::of(&after) != Content::of(&locked.manuscript) {
            let locked = LockedArticle {
                manuscript: after,
                ..locked
            };
            locked.take(cx.writer, Transition::Save, to, note).await?;
        }
        Ok(id)
    }
}

/// Input for the `correctArticle` mutation. Omitted fields are left unchanged. Null clears an optional
/// value.
#[derive(Clone, Debug, InputObject)]
pub struct CorrectArticleInput {
    /// Global ID of the article.
    id: ID,
    /// The version that the change is based on. If the article has a later version, the mutation is
    /// refused and nothing is overwritten.
    version: i32,
    /// The headline: a single line of at most 300 characters.
    headline: Option<String>,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// A description of the correction, for readers. Required unless `silent` is true.
    note: Option<String>,
    /// Whether to correct the article without a notice to readers, for changes that do not affect the
    /// meaning, such as a missing letter. A note is then stored only with the revision. Defaults to
    /// false.
    silent: Option<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CorrectArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (locked, to) = lock_for(cx, &self.id, Transition::Correct).await?;
        let patch = ArticlePatch {
            headline: self.headline.as_deref(),
            parts: &self.parts,
        };
        check_version(cx, &locked, Some(self.version), Some(patch)).await?;
        let after = patch.apply(cx, locked.manuscript.clone()).await?;
        let correction_note = CorrectionNote::parse(self.note.as_deref(), self.silent)?;
        correct(cx, locked, after, to, correction_note).await
    }
}

/// Input for the `restoreRevision` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct RestoreRevisionInput {
    /// Global ID of the article.
    id: ID,
    /// The version that the change is based on. If the article has a later version, the mutation is
    /// refused and nothing is overwritten.
    version: i32,
    /// The version whose text is restored as a new version. The slug stays unchanged. A story that has
    /// since been merged is replaced by the story it was merged into. If the section no longer exists,
    /// the article stays in its current section.
    restore: i32,
    /// The reason for the change. For a published article, a description of the correction for readers,
    /// which is required unless `silent` is true.
    note: Option<String>,
    /// Whether to correct a published article without a notice to readers. Defaults to false.
    silent: Option<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for RestoreRevisionInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (locked, is_own) = lock(cx, &self.id).await?;
        let transition = match locked.manuscript.article.status {
            Status::Published => Transition::Correct,
            _ => Transition::Save,
        };
        let to = authorize(cx, &locked, is_own, transition)?;
        check_version(cx, &locked, Some(self.version), None).await?;
        let id = locked.manuscript.article.id;
        let Some(old) = revision::get(cx.writer, id, self.restore).await? else {
            return Err(UserError::not_found(&["restore"], "version").into());
        };
        let after = adapt(cx, old.content, &locked.manuscript).await?;
        check(cx, &after).await?;
        if transition == Transition::Correct {
            let correction_note = CorrectionNote::parse(self.note.as_deref(), self.silent)?;
            return correct(cx, locked, after, to, correction_note).await;
        }
        let note = note(self.note.as_deref())?;
        let locked = LockedArticle {
            manuscript: after,
            ..locked
        };
        locked.take(cx.writer, transition, to, note).await?;
        Ok(id)
    }
}

/// Returns the manuscript with an earlier text, adapted to the present. A merged story is replaced by
/// its successor. If the earlier section no longer exists, the article stays in its current section.
async fn adapt(
    cx: &MutationCtx<'_>,
    earlier: Content,
    current: &Manuscript,
) -> Result<Manuscript, MutationError> {
    let mut after = earlier.put_into(current.clone())?;
    after.stories = story::successors(cx.writer, &after.stories).await?;
    let missing = article::missing(cx.writer, &after).await?;
    if missing.contains(&Reference::Section) {
        after.article.section = current.article.section;
    }
    Ok(after)
}

/// The reason for changing a published text, and whether readers see it.
struct CorrectionNote {
    note: Option<String>,
    silent: bool,
}

impl CorrectionNote {
    fn parse(text: Option<&str>, silent: Option<bool>) -> Result<Self, MutationError> {
        let (note, silent) = (note(text)?, silent.unwrap_or(false));
        if note.is_none() && !silent {
            let message = "Describe the correction for readers in `note`, or set `silent` to true.";
            return Err(UserError::new(&["note"], UserErrorCode::Invalid, message).into());
        }
        Ok(Self { note, silent })
    }
}

/// Changes a published text and, unless the correction is silent, adds a correction notice for readers.
async fn correct(
    cx: &mut MutationCtx<'_>,
    locked: LockedArticle,
    mut after: Manuscript,
    to: Status,
    correction_note: CorrectionNote,
) -> Result<ArticleId, MutationError> {
    let parts = Content::of(&locked.manuscript).differs(&Content::of(&after));
    if parts.is_empty() {
        let message = "A correction must change the article, but this one leaves it unchanged.";
        return Err(UserError::new(&[], UserErrorCode::Invalid, message).into());
    }
    let text_parts = [Part::Headline, Part::Lead, Part::Body];
    if parts.iter().any(|part| text_parts.contains(part)) {
        after.article.updated_at = Some(cx.writer.at());
    }
    let (id, version) = (after.article.id, after.article.version.saturating_add(1));
    let locked = LockedArticle {
        manuscript: after,
        ..locked
    };
    let note = correction_note.note.clone();
    locked
        .take(cx.writer, Transition::Correct, to, note)
        .await?;
    if let Some(note) = correction_note.note.filter(|_| !correction_note.silent) {
        correction::add(cx.writer, id, version, &note).await?;
    }
    Ok(id)
}
