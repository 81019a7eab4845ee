//! A preview, as the API shows it to whoever made it.

use async_graphql::{Context, Object};
use khabar_persistence::{article, secret};

use super::Article;
use crate::error::{Error, Result};
use crate::scalar::DateTime;
use crate::scope::Asked as _;

/// A preview.
#[derive(Clone, Copy, Debug)]
pub struct Preview(pub khabar_domain::Preview);

/// Leave to see one article before readers see it.
#[Object]
impl Preview {
    /// What an app sends as the header `Khabar-Preview`, to see the article by its usual queries.
    async fn token(&self, ctx: &Context<'_>) -> Result<String> {
        let key = ctx.load(secret::OfPreviews).await?;
        let key = key.ok_or_else(|| {
            tracing::error!("a preview was given out without a key");
            Error::unexplained()
        })?;
        key.sign(self.0).map_err(|error| Error::internal(&error))
    }

    /// When it ends.
    fn expires_at(&self) -> DateTime {
        DateTime(self.0.until)
    }

    /// The one article that it opens.
    async fn article(&self, ctx: &Context<'_>) -> Result<Option<Article>> {
        Ok(ctx.load(article::ById(self.0.article)).await?.map(Article))
    }
}
