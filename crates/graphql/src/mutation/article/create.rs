//! Creating an article as a draft.

use async_graphql::InputObject;
use khabar_domain::article::{Kind, MediaFlags, Status, TextStats};
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
        let stats = TextStats::of(None, &Body::default());
        let blank = Article {
            id,
            edition: edition.id,
            kind: Kind::News,
            status: Status::Draft,
            slug,
            canonical_url: None,
            headline,
            lead: None,
            excerpt: stats.excerpt,
            hero: None,
            source: None,
            section: None,
            language: edition.language,
            direction: edition.direction,
            flags: MediaFlags::default(),
            is_stub: false,
            first_published_at: None,
            published_at: None,
            updated_at: None,
            listed_at: cx.writer.at(),
            version: 1,
            reading_minutes: stats.reading_minutes,
            comment_count: 0,
            read_count: 0,
        };
        let blank = Manuscript {
            article: blank,
            body: Body::default(),
            authors: Vec::new(),
            topics: Vec::new(),
            stories: Vec::new(),
        };
        let manuscript = self.parts.apply(cx, blank, None, None).await?;
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
