//! Mutations that change the commenting settings.

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::commenting::{Closing, CommentSettings, Depth};
use khabar_domain::{ArticleId, EditionId};
use khabar_persistence::commenting::{self, Of};
use khabar_persistence::{article, edition};

use super::input_parse;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{CommentingMode, UserError};

payload! {
    SetEditionCommentingPayload, "Result of changing the commenting settings of an edition.",
    edition: Edition by edition::ById, "The edition. Null if the mutation failed."
}

payload! {
    SetArticleCommentingPayload, "Result of changing the commenting settings of an article.",
    article: Article by article::ById, "The article. Null if the mutation failed."
}

/// Input for the `setEditionCommenting` mutation. Omitted settings are left unchanged. Null resets
/// a setting to its default.
#[derive(Clone, Debug, InputObject)]
pub struct SetEditionCommentingInput {
    /// Slug of the edition. Defaults to `ar`.
    edition: Option<Slug>,
    /// Moderation mode. Defaults to `PRE_MODERATED`: moderators review comments before readers see
    /// them.
    mode: MaybeUndefined<CommentingMode>,
    /// Number of days after an article's publication at which commenting closes, 0 to 3,650. 0, the
    /// default, keeps commenting open.
    closes_after_days: MaybeUndefined<i32>,
    /// Maximum nesting depth of replies, 0 to 8. 0 disables replies. Defaults to 3.
    depth: MaybeUndefined<i32>,
    /// Whether guests can comment with only a name, without an account. Defaults to false.
    guest_comments_allowed: MaybeUndefined<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for SetEditionCommentingInput {
    type Id = EditionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<EditionId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        let patch = Patch {
            mode: &self.mode,
            closes_after_days: &self.closes_after_days,
            depth: &self.depth,
            guest_comments_allowed: &self.guest_comments_allowed,
        };
        patch.apply(cx, Of::Edition(edition.id)).await?;
        Ok(edition.id)
    }
}

/// Input for the `setArticleCommenting` mutation. Omitted settings are left unchanged. Null makes a
/// setting inherit the value of the article's edition.
#[derive(Clone, Debug, InputObject)]
pub struct SetArticleCommentingInput {
    /// Global ID of the article.
    id: ID,
    /// Moderation mode.
    mode: MaybeUndefined<CommentingMode>,
    /// Number of days after the article's publication at which commenting closes, 0 to 3,650. 0
    /// keeps commenting open.
    closes_after_days: MaybeUndefined<i32>,
    /// Maximum nesting depth of replies, 0 to 8. 0 disables replies.
    depth: MaybeUndefined<i32>,
    /// Whether guests can comment with only a name, without an account.
    guest_comments_allowed: MaybeUndefined<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for SetArticleCommentingInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let id: ArticleId = input_parse::id(&["id"], &self.id)?;
        if commenting::under(cx.writer, id).await?.is_none() {
            return Err(UserError::not_found(&["id"], "article").into());
        }
        let patch = Patch {
            mode: &self.mode,
            closes_after_days: &self.closes_after_days,
            depth: &self.depth,
            guest_comments_allowed: &self.guest_comments_allowed,
        };
        patch.apply(cx, Of::Article(id)).await?;
        Ok(id)
    }
}

/// A partial update of the commenting settings.
struct Patch<'a> {
    mode: &'a MaybeUndefined<CommentingMode>,
    closes_after_days: &'a MaybeUndefined<i32>,
    depth: &'a MaybeUndefined<i32>,
    guest_comments_allowed: &'a MaybeUndefined<bool>,
}

impl Patch<'_> {
    async fn apply(self, cx: &mut MutationCtx<'_>, of: Of) -> Result<(), MutationError> {
        let old = commenting::get(cx.writer, of).await?;
        let settings = CommentSettings {
            mode: input_parse::patched(self.mode, old.mode, |mode| Ok(Some((*mode).into())))?,
            closing: input_parse::patched(
                self.closes_after_days,
                old.closing,
                |closes_after_days| {
                    input_parse::value(&["closesAfterDays"], Closing::parse(*closes_after_days))
                        .map(Some)
                },
            )?,
            depth: input_parse::patched(self.depth, old.depth, |depth| {
                input_parse::value(&["depth"], Depth::parse(*depth)).map(Some)
            })?,
            guest_comments_allowed: input_parse::patched(
                self.guest_comments_allowed,
                old.guest_comments_allowed,
                |allowed| Ok(Some(*allowed)),
            )?,
        };
        commenting::save(cx.writer, of, settings).await?;
        Ok(())
    }
}

mutations! {
    /// Mutations on commenting settings.
    CommentSettingsMutations;

    /// Changes the commenting settings for all articles of an edition. Requires the `arrange`
    /// right.
    "setEditionCommenting" set_edition_commenting(
        SetEditionCommentingInput: "Edition and its new commenting settings.",
    ) -> SetEditionCommentingPayload, requires [Arrange];

    /// Changes the commenting settings of an article. Requires the `publish` right.
    "setArticleCommenting" set_article_commenting(
        SetArticleCommentingInput: "Article and its new commenting settings.",
    ) -> SetArticleCommentingPayload, requires [Publish];
}
