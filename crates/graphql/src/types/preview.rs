//! A preview, as the API shows it to whoever made it.

use async_graphql::{Context, Object};
use chrono::Utc;
use khabar_domain::ArticleId;
use khabar_persistence::{article, preview, secret};

use super::Article;
use crate::error::{Error, Result};
use crate::scalar::DateTime;
use crate::scope::Asked as _;

/// A preview.
#[derive(Clone, Copy, Debug)]
pub struct Preview {
    /// The one article that it opens.
    pub article: ArticleId,
    /// When it ends, in whole seconds.
    pub until: chrono::DateTime<Utc>,
}

/// Leave to see one article before readers see it.
#[Object]
impl Preview {
    /// What an app sends as the header `Khabar-Preview`, to see the article by its usual queries.
    async fn token(&self, ctx: &Context<'_>) -> Result<String> {
        let keys = ctx.load(secret::OfPreviews).await?;
        let keys = keys.ok_or_else(|| {
            tracing::error!("a preview was given out without a key");
            Error::unexplained()
        })?;
        let generation = ctx.load(preview::GenerationOf(self.article)).await?;
        let signed = keys.current.sign(khabar_domain::Preview {
            article: self.article,
            until: self.until,
            generation: generation.unwrap_or_default(),
        });
        signed.map_err(|error| Error::internal(&error))
    }

    /// When it ends.
    fn expires_at(&self) -> DateTime {
        DateTime(self.until)
    }

    /// The one article that it opens.
    async fn article(&self, ctx: &Context<'_>) -> Result<Option<Article>> {
        Ok(ctx.load(article::ById(self.article)).await?.map(Article))
    }
}
