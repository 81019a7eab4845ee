//! Front pages being made.

use async_graphql::{Context, ID, InputObject, Object};
use khabar_domain::article::Status;
use khabar_domain::{EditionId, Right};
use khabar_persistence::{edition, home_lead};

use super::read;
use crate::error::Result;
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, run};

payload! {
    HomePayload, "What came of arranging a front page.",
    home: Home by edition::ById as crate::types::Home::of,
    "The front page as it is now; null when the mutation was not carried out."
}

/// How many articles can lead a front page: what a reader may scroll through on a telephone before
/// the newest ones.
const MOST: usize = 20;

/// What stands at the top of a front page.
#[derive(Clone, Debug, InputObject)]
pub struct SetLeadArticlesInput {
    /// The slug of the edition that it belongs to; `ar` when nothing is said.
    edition: Option<Slug>,
    /// The articles of the edition that are to lead it, in their order: published ones, at most 20.
    articles: Vec<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for SetLeadArticlesInput {
    const NAME: &'static str = "setLeadArticles";
    const RIGHT: Right = Right::Arrange;
    type Id = EditionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<EditionId, Refusal> {
        if self.articles.len() > MOST {
            let message = format!(
                "These are {} articles: at most {MOST} can lead.",
                self.articles.len()
            );
            return Err(UserError::new(&["articles"], UserErrorCode::Invalid, message).into());
        }
        let edition = read::edition(act, self.edition.as_ref()).await?.id;
        act.writer.lock_order(edition).await?;
        let found = read::articles(act, edition, "articles", &self.articles).await?;
        let unseen = found
            .iter()
            .enumerate()
            .filter(|(_, article)| article.status != Status::Published);
        let errors: Vec<_> = unseen.map(|(at, _)| not_published(at)).collect();
        if !errors.is_empty() {
            return Err(Refusal::User(errors));
        }
        let ids: Vec<_> = found.iter().map(|article| article.id).collect();
        home_lead::set(act.writer, edition, &ids).await?;
        Ok(edition)
    }
}

fn not_published(at: usize) -> UserError {
    let field = ["articles", &at.to_string()];
    let message = "This article is not published.";
    UserError::new(&field, UserErrorCode::WrongStatus, message)
}

/// The mutations of front pages.
#[derive(Default)]
pub(crate) struct HomeMutations;

#[Object]
impl HomeMutations {
    /// Says which articles stand at the top of a front page, in which order. Needs the right
    /// `arrange`.
    async fn set_lead_articles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which articles, and their order.")] input: SetLeadArticlesInput,
    ) -> Result<HomePayload> {
        Ok(run(ctx, input).await?.into())
    }
}
