//! Mutations that create and revoke previews.

use async_graphql::{Context, ID, InputObject, Object};
use chrono::{SubsecRound as _, TimeDelta};
use khabar_domain::article::Status;
use khabar_domain::{ArticleId, Right};
use khabar_persistence::{article, editorial, preview};

use super::{ArticlePayload, input_parse};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, MutationResult, mutations, run};
use crate::object::EngineObject;
use crate::types::{Preview, UserError, UserErrorCode};

/// Input for the `createPreview` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct CreatePreviewInput {
    /// Global ID of the article to preview.
    article: ID,
    /// Lifetime of the preview in seconds, 60 to 2,592,000 (30 days). Defaults to 86,400 (one day).
    expires_in: Option<i32>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once and returns the same token with the same expiry time.
    idempotency_key: Option<String>,
}

/// Minimum lifetime in seconds. A shorter preview would expire before anybody could open it.
const MIN_SECONDS: i32 = 60;
const MAX_SECONDS: i32 = khabar_domain::Preview::LONGEST;
const DEFAULT_SECONDS: i32 = 24 * 60 * 60;

impl CreatePreviewInput {
    /// Returns the requested lifetime, or the default of one day.
    fn lifetime(&self) -> TimeDelta {
        TimeDelta::seconds(self.expires_in.unwrap_or(DEFAULT_SECONDS).into())
    }
}

impl Mutate for CreatePreviewInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let id: ArticleId = input_parse::id(&["article"], &self.article)?;
        let seconds = self.expires_in.unwrap_or(DEFAULT_SECONDS);
        if !(MIN_SECONDS..=MAX_SECONDS).contains(&seconds) {
            let message = format!(
                "The lifetime is {seconds} seconds; it must be {MIN_SECONDS} to {MAX_SECONDS} seconds."
            );
            return Err(UserError::new(&["expiresIn"], UserErrorCode::Invalid, message).into());
        }
        let status = authorize(cx, id).await?;
        if status == Status::Withdrawn {
            let message = "The article is withdrawn and cannot be previewed until it is reopened.";
            return Err(UserError::new(&["article"], UserErrorCode::WrongStatus, message).into());
        }
        let bits = cx.bits();
        preview::give(cx.writer, id, bits).await?;
        Ok(id)
    }
}

/// Returns the status of an article whose previews the viewer may create and revoke. The viewer
/// must be its creator or have the `publish` right.
async fn authorize(cx: &MutationCtx<'_>, id: ArticleId) -> Result<Status, MutationError> {
    let not_found = || UserError::not_found(&["article"], "article");
    let status = article::status(cx.writer, id)
        .await?
        .ok_or_else(not_found)?;
    let editorial_state = editorial::get(cx.writer, id).await?;
    let is_own =
        editorial_state.created_by.is_some() && editorial_state.created_by == cx.viewer.account;
    if cx.viewer.may(Right::Publish) || is_own {
        return Ok(status);
    }
    // Articles that the viewer may not see are reported as not found, so that their existence is
    // not revealed.
    let is_visible = status == Status::Published || editorial_state.withdrawal.is_some();
    let message = "Previews of articles created by others require the `publish` right.";
    Err(if is_visible {
        UserError::new(&["article"], UserErrorCode::NotAllowed, message).into()
    } else {
        not_found().into()
    })
}

/// Input for the `revokePreviews` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct RevokePreviewsInput {
    /// Global ID of the article whose existing previews are revoked.
    article: ID,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for RevokePreviewsInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let id: ArticleId = input_parse::id(&["article"], &self.article)?;
        authorize(cx, id).await?;
        preview::revoke(cx.writer, id).await?;
        Ok(id)
    }
}

/// Result of the `createPreview` mutation.
pub struct CreatePreviewPayload {
    result: MutationResult<ArticleId>,
    lifetime: TimeDelta,
}

/// Result of the `createPreview` mutation.
#[Object]
impl CreatePreviewPayload {
    /// The preview that was created. Null if the mutation failed.
    fn preview(&self) -> Option<EngineObject<Preview>> {
        // Whole seconds, as encoded in the token. The lifetime is counted from the first write, so
        // that a repeated mutation signs an identical token.
        let until = self.result.at.trunc_subsecs(0) + self.lifetime;
        let article = self.result.id?;
        Some(EngineObject::new(Preview { article, until }))
    }

    /// Errors that prevented the mutation from being carried out. Empty on success.
    fn user_errors(&self) -> &[UserError] {
        &self.result.errors
    }

    /// The idempotency key sent with the mutation, if any.
    fn idempotency_key(&self) -> Option<&str> {
        self.result.idempotency_key.as_deref()
    }
}

impl CreatePreviewPayload {
    /// Runs the mutation with this input and makes its payload.
    async fn of(ctx: &Context<'_>, input: CreatePreviewInput) -> Result<Self> {
        let lifetime = input.lifetime();
        let result = run(ctx, input).await?;
        Ok(Self { result, lifetime })
    }
}

mutations! {
    /// Mutations on previews.
    PreviewMutations;

    /// Creates a token that gives access to a single unpublished article. Send it as the
    /// `Khabar-Preview` header with any query. Requires the `publish` right, or the `write` right
    /// for an article that the viewer created.
    "createPreview" create_preview(
        CreatePreviewInput: "ID of the article to preview and the lifetime of the preview.",
    ) -> CreatePreviewPayload by CreatePreviewPayload::of, requires [Write, Publish];

    /// Revokes all existing previews of an article, on every server. Previews created later are not
    /// affected. Requires the `publish` right, or the `write` right for an article that the viewer
    /// created.
    "revokePreviews" revoke_previews(
        RevokePreviewsInput: "ID of the article whose previews are revoked.",
    ) -> ArticlePayload, requires [Write, Publish];
}
