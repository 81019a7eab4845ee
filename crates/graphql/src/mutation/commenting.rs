//! How comments are taken in, being decided.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::commenting::{Closing, Depth, Settings};
use khabar_domain::{ArticleId, EditionId, Right};
use khabar_persistence::commenting::{self, Of};
use khabar_persistence::{article, edition};

use super::read;
use crate::error::Result;
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{CommentingMode, UserError};
use crate::write::{Act, Refusal, Write, run};

payload! {
    SetEditionCommentingPayload, "What came of deciding how comments are taken in under an edition's articles.",
    edition: Edition by edition::ById, "The edition; null when the mutation was not carried out."
}

payload! {
    SetArticleCommentingPayload, "What came of deciding how comments are taken in under an article.",
    article: Article by article::ById, "The article; null when the mutation was not carried out."
}

/// How comments are to be taken in under an edition's articles: what is left out stays, null goes
/// back to the newsroom's usual way.
#[derive(Clone, Debug, InputObject)]
pub struct SetEditionCommentingInput {
    /// The edition's slug; `ar` when nothing is said.
    edition: Option<Slug>,
    /// Who looks at comments, and when; usually moderators, before readers see them.
    mode: MaybeUndefined<CommentingMode>,
    /// How many days after an article went out commenting ends; 0: never, which is usual.
    closes_after_days: MaybeUndefined<i32>,
    /// How deep answers go: 0 where comments are not answered, at most 8; usually 3.
    depth: MaybeUndefined<i32>,
    /// Whether a name is enough to comment, without an account; usually not.
    names_allowed: MaybeUndefined<bool>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for SetEditionCommentingInput {
    const NAME: &'static str = "setEditionCommenting";
    const RIGHT: Right = Right::Arrange;
    type Id = EditionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<EditionId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?;
        let patch = Patch {
            mode: &self.mode,
            days: &self.closes_after_days,
            depth: &self.depth,
            names: &self.names_allowed,
        };
        patch.apply(act, Of::Edition(edition.id)).await?;
        Ok(edition.id)
    }
}

/// How comments are to be taken in under an article: what is left out stays, null goes back to what
/// its edition has decided.
#[derive(Clone, Debug, InputObject)]
pub struct SetArticleCommentingInput {
    /// Which article.
    id: ID,
    /// Who looks at comments, and when.
    mode: MaybeUndefined<CommentingMode>,
    /// How many days after the article went out commenting ends; 0: never.
    closes_after_days: MaybeUndefined<i32>,
    /// How deep answers go: 0 where comments are not answered, at most 8.
    depth: MaybeUndefined<i32>,
    /// Whether a name is enough to comment, without an account.
    names_allowed: MaybeUndefined<bool>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for SetArticleCommentingInput {
    const NAME: &'static str = "setArticleCommenting";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let id: ArticleId = read::id(&["id"], &self.id)?;
        if commenting::under(act.writer, id).await?.is_none() {
            return Err(UserError::not_found(&["id"], "article").into());
        }
        let patch = Patch {
            mode: &self.mode,
            days: &self.closes_after_days,
            depth: &self.depth,
            names: &self.names_allowed,
        };
        patch.apply(act, Of::Article(id)).await?;
        Ok(id)
    }
}

/// What of the settings is to be different.
struct Patch<'a> {
    mode: &'a MaybeUndefined<CommentingMode>,
    days: &'a MaybeUndefined<i32>,
    depth: &'a MaybeUndefined<i32>,
    names: &'a MaybeUndefined<bool>,
}

impl Patch<'_> {
    async fn apply(self, act: &mut Act<'_>, of: Of) -> Result<(), Refusal> {
        let old = commenting::find(act.writer, of).await?;
        let settings = Settings {
            mode: read::patched(self.mode, old.mode, |mode| Ok(Some((*mode).into())))?,
            closing: read::patched(self.days, old.closing, |days| {
                read::value(&["closesAfterDays"], Closing::parse(*days)).map(Some)
            })?,
            depth: read::patched(self.depth, old.depth, |depth| {
                read::value(&["depth"], Depth::parse(*depth)).map(Some)
            })?,
            names_allowed: read::patched(self.names, old.names_allowed, |allowed| {
                Ok(Some(*allowed))
            })?,
        };
        commenting::save(act.writer, of, settings).await?;
        Ok(())
    }
}

/// The mutations of commenting.
#[derive(Default)]
pub(crate) struct CommentingMutations;

#[Object]
impl CommentingMutations {
    /// Decides how comments are taken in under an edition's articles. Needs the right `arrange`.
    async fn set_edition_commenting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which edition, and how.")] input: SetEditionCommentingInput,
    ) -> Result<SetEditionCommentingPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Decides how comments are taken in under an article. Needs the right `publish`.
    async fn set_article_commenting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article, and how.")] input: SetArticleCommentingInput,
    ) -> Result<SetArticleCommentingPayload> {
        Ok(run(ctx, input).await?.into())
    }
}
