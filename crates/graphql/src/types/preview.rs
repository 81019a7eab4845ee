//! The GraphQL type for previews, shown to the user who created them.

use chrono::Utc;
use khabar_domain::ArticleId;
use khabar_persistence::{article, preview, secret};

use super::Article;
use crate::error::{Error, Result};
use crate::object::{LoadOne, ReadContext, object};
use crate::scalar::DateTime;

/// A preview, as exposed through GraphQL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preview {
    /// The article that the preview gives access to.
    pub article: ArticleId,
    /// The expiry time, in whole seconds.
    pub until: chrono::DateTime<Utc>,
}

/// Temporary access to a single unpublished article.
#[object]
impl Preview {
    /// The preview token. Send it in the `Khabar-Preview` header to read the article through the
    /// usual queries.
    async fn token(&self, context: &ReadContext) -> Result<String> {
        let keys = context.load(secret::OfPreviews).await?;
        let keys = keys.ok_or_else(|| {
            tracing::error!("preview_without_key");
            Error::unexplained()
        })?;
        let generation = context.load(preview::GenerationOf(self.article)).await?;
        let signed = keys.current.sign(khabar_domain::Preview {
            article: self.article,
            until: self.until,
            generation: generation.map(|it| *it).unwrap_or_default(),
        });
        signed.map_err(|error| Error::internal(&error))
    }

    /// The expiry time of the preview.
    fn expires_at(&self) -> DateTime {
        DateTime(self.until)
    }

    /// The article that the preview gives access to.
    fn article(&self) -> LoadOne<Article, article::ById> {
        LoadOne::new(article::ById(self.article))
    }
}
