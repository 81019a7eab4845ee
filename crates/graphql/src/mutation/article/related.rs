//! Choosing the related articles of an article.

use async_graphql::{ID, InputObject};
use khabar_domain::related::{Origin, Reason};
use khabar_domain::{ArticleId, RelatedLink};
use khabar_persistence::{article, related};

use super::locking::lock;
use super::patch;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError};
use crate::types::{UserError, UserErrorCode};

/// Input for the `setRelated` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct SetRelatedInput {
    /// Global ID of the article.
    id: ID,
    /// The related articles to list first, in this order. At most 100, all in the article's edition.
    /// Computed related articles follow them.
    articles: Vec<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for SetRelatedInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (locked, _) = lock(cx, &self.id).await?;
        let from = locked.manuscript.article.id;
        let chosen: Vec<ArticleId> = patch::ids("articles", &self.articles)?;
        if let Some(index) = chosen.iter().position(|id| *id == from) {
            let message = "An article cannot be related to itself.";
            let field = ["articles", &index.to_string()];
            return Err(UserError::new(&field, UserErrorCode::Invalid, message).into());
        }
        let edition = locked.manuscript.article.edition;
        let missing = article::absent(cx.writer, edition, &chosen).await?;
        if !missing.is_empty() {
            return Err(patch::all_missing("articles", missing, "article"));
        }
        let links = related::links_of(cx.writer, from).await?.into_iter();
        let computed =
            links.filter(|link| link.origin == Origin::Computed && !chosen.contains(&link.to));
        let editorial = chosen.iter().map(|to| RelatedLink {
            from,
            to: *to,
            rank: 0,
            origin: Origin::Editorial,
            reason: Reason::Chosen,
            score: None,
        });
        let links: Vec<_> = editorial.chain(computed).collect();
        related::set(cx.writer, from, &links).await?;
        Ok(from)
    }
}
