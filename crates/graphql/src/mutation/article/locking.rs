//! Locking an article for a write, with the checks that every write makes: whether the viewer may know
//! the article, whether the workflow allows the transition, and whether the write is based on the current
//! version.

use async_graphql::ID;
use khabar_domain::article::Status;
use khabar_domain::workflow::{Transition, TransitionError};
use khabar_domain::{ArticleId, Right};
use khabar_persistence::article::{self, LockedArticle};
use khabar_persistence::revision::{self, Content};

use super::patch::ArticlePatch;
use crate::error::Result;
use crate::mutate::{MutationCtx, MutationError};
use crate::mutation::input_parse;
use crate::types::{ArticleConflict, UserError, UserErrorCode};

/// Locks the article that the input names against other writers, if the viewer may know of it. Also
/// returns whether the article is the viewer's own.
pub(super) async fn lock(
    cx: &MutationCtx<'_>,
    id: &ID,
) -> Result<(LockedArticle, bool), MutationError> {
    let id: ArticleId = input_parse::id(&["id"], id)?;
    let not_found = || UserError::not_found(&["id"], "article");
    let locked = article::lock(cx.writer, id).await?.ok_or_else(not_found)?;
    let is_own = cx.viewer.account.is_some() && locked.editorial.created_by == cx.viewer.account;
    let status = locked.manuscript.article.status;
    let is_public = status == Status::Published || locked.editorial.withdrawal.is_some();
    if is_own || is_public || cx.viewer.may(Right::Publish) {
        Ok((locked, is_own))
    } else {
        Err(not_found().into())
    }
}

/// Returns the status that a transition leads to, or an error if this viewer may not make it.
pub(super) fn authorize(
    cx: &MutationCtx<'_>,
    locked: &LockedArticle,
    is_own: bool,
    transition: Transition,
) -> Result<Status, MutationError> {
    let status = locked.manuscript.article.status;
    transition.take(cx.viewer, is_own, status).map_err(|error| {
        let (code, message) = match error {
            TransitionError::NotAllowed => (
                UserErrorCode::NotAllowed,
                format!(
                    "You are not allowed to {} this article in its current status.",
                    transition.as_str()
                ),
            ),
            TransitionError::WrongStatus => (
                UserErrorCode::WrongStatus,
                format!(
                    "The article has the status `{}`, which does not allow the step `{}`.",
                    status.as_str(),
                    transition.as_str()
                ),
            ),
        };
        UserError::new(&["id"], code, message).into()
    })
}

/// Locks an article for a transition, and returns the status that the transition leads to.
pub(super) async fn lock_for(
    cx: &MutationCtx<'_>,
    id: &ID,
    transition: Transition,
) -> Result<(LockedArticle, Status), MutationError> {
    let (locked, is_own) = lock(cx, id).await?;
    let to = authorize(cx, &locked, is_own, transition)?;
    Ok((locked, to))
}

/// Refuses a change that is based on a version other than the current one. The refusal contains the
/// changes of both sides.
pub(super) async fn check_version(
    cx: &MutationCtx<'_>,
    locked: &LockedArticle,
    based_on: Option<i32>,
    patch: Option<ArticlePatch<'_>>,
) -> Result<(), MutationError> {
    let article = &locked.manuscript.article;
    let current = article.version;
    let Some(based_on) = based_on.filter(|based_on| *based_on != current) else {
        return Ok(());
    };
    if !(1..current).contains(&based_on) {
        let message =
            format!("The article has no version {based_on}. Its current version is {current}.");
        return Err(UserError::new(&["version"], UserErrorCode::Invalid, message).into());
    }
    let base = revision::get(cx.writer, article.id, based_on).await?;
    let yours = match (patch, &base) {
        (Some(patch), Some(base)) => {
            let slug = base.content.slug.clone();
            let mut base_manuscript = base.content.clone().put_into(locked.manuscript.clone())?;
            base_manuscript.article.slug = slug;
            // Anything written here is rolled back with the refusal. References of the old version may
            // no longer exist, such as a story that was merged into another. That is not an error of
            // this patch.
            Some(Content::of(
                &patch.apply_unchecked(cx, base_manuscript).await?,
            ))
        }
        _ => None,
    };
    Err(MutationError::Stale(Box::new(ArticleConflict {
        read: based_on,
        current,
        base,
        theirs: Content::of(&locked.manuscript),
        yours,
    })))
}
