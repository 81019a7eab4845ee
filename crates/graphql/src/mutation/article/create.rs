//! Creating an article as a draft.

use async_graphql::InputObject;
use khabar_domain::article::NewArticle;
use khabar_domain::{Article, ArticleId, Body, EditorialState, Headline};
use khabar_persistence::article::{LockedArticle, Manuscript};

use super::patch::ArticleParts;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError};
use crate::mutation::input_parse;
use crate::scalar;

/// Input for the `createArticle` mutation. The article is created as a draft.
#[derive(Clone, Debug, InputObject)]
pub struct CreateArticleInput {
    /// The slug of the article's edition. Defaults to `ar`.
    edition: Option<scalar::Slug>,
    /// The headline: a single line of at most 300 characters.
    headline: String,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreateArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        let headline = input_parse::value(&["headline"], Headline::parse(&self.headline))?;
        let id: ArticleId = cx.mint();
        // A headline of punctuation alone yields no slug. An explicit slug takes precedence.
        let slug = self.parts.slug(&headline)?;
        let draft = Article::draft(NewArticle {
            id,
            edition: edition.id,
            slug,
            headline,
            language: edition.language,
            direction: edition.direction,
            listed_at: cx.writer.at(),
        });
        let draft = Manuscript::new(draft, Body::default());
        let manuscript = self.parts.apply(cx, draft, None, None).await?;
        let editorial = EditorialState {
            created_by: cx.viewer.account,
            ..EditorialState::default()
        };
        LockedArticle {
            manuscript,
            editorial,
        }
        .begin(cx.writer)
        .await?;
        Ok(id)
    }
}
