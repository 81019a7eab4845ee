//! Mutations that edit articles and move them through the publishing workflow.

mod block;
mod create;
mod edit;
mod locking;
mod patch;
mod related;
mod transitions;

use async_graphql::{Context, Object};
use khabar_domain::ArticleId;
use khabar_persistence::article;

use super::input_parse;
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{MutationError, MutationResult, mutations};
use crate::object::EngineObject;
use crate::types::{Article, ArticleConflict, UserError};

pub use create::CreateArticleInput;
pub use edit::{CorrectArticleInput, RestoreRevisionInput, UpdateArticleInput};
pub use related::SetRelatedInput;
pub use transitions::{
    PublishArticleInput, ReopenArticleInput, ReturnArticleInput, ScheduleArticleInput,
    SubmitArticleInput, WithdrawArticleInput,
};

/// Result of a mutation on an article.
pub struct ArticlePayload(MutationResult<ArticleId>);

impl From<MutationResult<ArticleId>> for ArticlePayload {
    fn from(result: MutationResult<ArticleId>) -> Self {
        Self(result)
    }
}

/// Result of a mutation on an article.
#[Object]
impl ArticlePayload {
    /// The article after the mutation. Null if the mutation was not carried out.
    async fn article(&self, ctx: &Context<'_>) -> Result<Option<EngineObject<Article>>> {
        let Some(id) = self.0.id else {
            return Ok(None);
        };
        let article = ctx.load(article::ById(id)).await?;
        Ok(article.map(EngineObject::new))
    }

    /// The edit conflict, if the article has changed since the version given in the input. Describes
    /// the changes of both sides. Null otherwise.
    fn conflict(&self) -> Option<EngineObject<ArticleConflict>> {
        let conflict = self.0.conflict.as_deref();
        conflict.cloned().map(EngineObject::new)
    }

    /// Errors that prevented the mutation. Empty on success.
    fn user_errors(&self) -> &[UserError] {
        &self.0.errors
    }

    /// The idempotency key of this mutation, as sent by the client.
    fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }
}

fn note(text: Option<&str>) -> Result<Option<String>, MutationError> {
    text.map_or(Ok(None), |text| input_parse::text(&["note"], text))
}

mutations! {
    /// The mutations on articles.
    ArticleMutations;

    /// Creates an article as a draft. Requires the `write` right.
    "createArticle" create_article(
        CreateArticleInput: "Fields of the new article.",
    ) -> ArticlePayload, requires [Write];

    /// Updates an article that is a draft, in review or scheduled. Omitted fields are left unchanged.
    /// Null clears an optional value. Requires the `write` right and, for a scheduled article or one
    /// created by somebody else, the `publish` right.
    "updateArticle" update_article(
        UpdateArticleInput: "ID of the article and the fields to change.",
    ) -> ArticlePayload, requires [Write];

    /// Submits a draft for editorial review. Requires the `write` right and, for a draft created by
    /// somebody else, the `publish` right.
    "submitArticle" submit_article(
        SubmitArticleInput: "ID of the draft to submit.",
    ) -> ArticlePayload, requires [Write];

    /// Returns an article that is in review or scheduled to its writer as a draft. Requires the `write`
    /// right and, for a scheduled article or one created by somebody else, the `publish` right.
    "returnArticle" return_article(
        ReturnArticleInput: "ID of the article to return to draft.",
    ) -> ArticlePayload, requires [Write];

    /// Schedules an article for publication. Requires the `publish` right.
    "scheduleArticle" schedule_article(
        ScheduleArticleInput: "ID of the article and the time to publish it.",
    ) -> ArticlePayload, requires [Publish];

    /// Publishes an article now, or schedules it for later. Requires the `publish` right.
    "publishArticle" publish_article(
        PublishArticleInput: "ID of the article and, optionally, the time to publish it.",
    ) -> ArticlePayload, requires [Publish];

    /// Corrects a published article and, unless the correction is silent, shows readers a correction
    /// notice. Requires the `publish` right.
    "correctArticle" correct_article(
        CorrectArticleInput: "ID of the article and the fields to correct.",
    ) -> ArticlePayload, requires [Publish];

    /// Withdraws a published article. A tombstone that states the reason remains at its address.
    /// Requires the `publish` right.
    "withdrawArticle" withdraw_article(
        WithdrawArticleInput: "ID of the article and the reason for its withdrawal.",
    ) -> ArticlePayload, requires [Publish];

    /// Reopens a withdrawn article as a draft. Requires the `publish` right.
    "reopenArticle" reopen_article(
        ReopenArticleInput: "ID of the withdrawn article to reopen.",
    ) -> ArticlePayload, requires [Publish];

    /// Restores an earlier text of an article as a new version. For a published article, this is a
    /// correction. Requires the `write` right and, for a scheduled or published article or one created
    /// by somebody else, the `publish` right.
    "restoreRevision" restore_revision(
        RestoreRevisionInput: "ID of the article and the version to restore.",
    ) -> ArticlePayload, requires [Write];

    /// Sets the related articles that editors have chosen for an article. Requires the `publish` right.
    "setRelated" set_related(
        SetRelatedInput: "ID of the article and the related articles to list first.",
    ) -> ArticlePayload, requires [Publish];
}
