//! Mutations that arrange front pages.

use async_graphql::{ID, InputObject};
use khabar_domain::EditionId;
use khabar_domain::article::Status;
use khabar_persistence::{edition, home_lead};

use super::input_parse;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{UserError, UserErrorCode};

payload! {
    HomePayload, "Result of changing a front page.",
    home: Home by edition::ById,
    "The updated front page. Null if the mutation failed."
}

/// Maximum number of lead articles on a front page: about as many as a reader on a phone will
/// scroll past before reaching the latest articles.
const MAX_LEADS: usize = 20;

/// Input for the `setLeadArticles` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct SetLeadArticlesInput {
    /// Slug of the edition that the front page belongs to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Global IDs of the lead articles, in display order. At most 20, all of them published
    /// articles of the edition.
    articles: Vec<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for SetLeadArticlesInput {
    type Id = EditionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<EditionId, MutationError> {
        if self.articles.len() > MAX_LEADS {
            let message = format!(
                "At most {MAX_LEADS} lead articles are allowed; {} were given.",
                self.articles.len()
            );
            return Err(UserError::new(&["articles"], UserErrorCode::Invalid, message).into());
        }
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?.id;
        cx.writer.lock_order(edition).await?;
        let found = input_parse::articles(cx, edition, "articles", &self.articles).await?;
        let unpublished = found
            .iter()
            .enumerate()
            .filter(|(_, article)| article.status != Status::Published);
        let errors: Vec<_> = unpublished.map(|(index, _)| not_published(index)).collect();
        if !errors.is_empty() {
            return Err(MutationError::User(errors));
        }
        let ids: Vec<_> = found.iter().map(|article| article.id).collect();
        home_lead::set(cx.writer, edition, &ids).await?;
        Ok(edition)
    }
}

fn not_published(index: usize) -> UserError {
    let field = ["articles", &index.to_string()];
    let message = "This article is not published.";
    UserError::new(&field, UserErrorCode::WrongStatus, message)
}

mutations! {
    /// Mutations on front pages.
    HomeMutations;

    /// Sets the lead articles of a front page and their order. Requires the `arrange` right.
    "setLeadArticles" set_lead_articles(
        SetLeadArticlesInput: "Edition and its lead articles in their new order.",
    ) -> HomePayload, requires [Arrange];
}
