//! The GraphQL type for the home page: everything a front page or an app's first screen needs, in
//! one request.

use async_graphql::{Context, Object};
use khabar_persistence::article::{List, MostRead};
use khabar_persistence::home_lead;
use khabar_persistence::section::Which;
use khabar_persistence::story::Filter;

use super::{
    Article, ArticleConnection, ArticleListArguments, Articles, Edition, FollowChannel,
    LiveChannel, Section, Story, StoryConnection,
};
use crate::connection::{Connection, Paging, TotalCount};
use crate::context::ContextExt;
use crate::error::Result;
use crate::input::ArticleFilter;

/// An edition's home page, as exposed through GraphQL.
pub struct Home(pub Edition);

impl Home {
    /// Returns the home page of an edition.
    pub(crate) fn of(edition: khabar_domain::Edition) -> Self {
        Self(Edition(edition))
    }
}

/// Content for an edition's front page or an app's first screen.
#[Object]
impl Home {
    /// The edition of the home page. Headings for its blocks are in `Edition.labels`.
    fn edition(&self) -> &Edition {
        &self.0
    }

    /// The live channel to show: the first one on air, or the first in order if none is. Null if
    /// the edition has no live channels.
    async fn live_channel(&self, ctx: &Context<'_>) -> Result<Option<LiveChannel>> {
        let mut channels = LiveChannel::of_edition(ctx, self.0.0.id).await?;
        let shown = channels
            .iter()
            .position(|channel| channel.0.on_air == Some(true));
        Ok((!channels.is_empty()).then(|| channels.swap_remove(shown.unwrap_or(0))))
    }

    /// The live channels, in order.
    async fn live_channels(&self, ctx: &Context<'_>) -> Result<Vec<LiveChannel>> {
        LiveChannel::of_edition(ctx, self.0.0.id).await
    }

    /// The pinned stories, in the order set by the editors.
    async fn pinned_stories(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Maximum number of items to return, from the start of the list or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor. Only items after it are returned.")] after: Option<String>,
        #[graphql(
            desc = "Maximum number of items to return, from the end of the list or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Cursor. Only items before it are returned.")] before: Option<String>,
    ) -> Result<StoryConnection> {
        let filter = Filter {
            pinned: Some(true),
            ..Filter::default()
        };
        Story::of_edition(
            ctx,
            self.0.0.id,
            filter,
            Paging {
                first,
                after,
                last,
                before,
            }
            .page()?,
        )
        .await
    }

    /// The lead articles at the top of the home page, in the order set by the editors.
    async fn lead_articles(&self, ctx: &Context<'_>) -> Result<Vec<Article>> {
        let found = ctx.load_ahead(home_lead::OfEdition(self.0.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Article).collect())
    }

    /// The newest articles.
    async fn latest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[graphql(
            desc = "Maximum number of items to return, from the start of the list or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor. Only items after it are returned.")] after: Option<String>,
        #[graphql(
            desc = "Maximum number of items to return, from the end of the list or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Cursor. Only items before it are returned.")] before: Option<String>,
    ) -> Result<ArticleConnection> {
        let articles = Articles {
            list: List::Edition(self.0.0.id),
            edition: self.0.0.id,
            count: Some(self.0.0.article_count),
        };
        let page = Paging {
            first,
            after,
            last,
            before,
        }
        .page()?;
        articles
            .load(
                ctx,
                ArticleListArguments {
                    filter,
                    order_by: None,
                    page,
                },
            )
            .await
    }

    /// The edition's articles, most read first.
    async fn most_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Maximum number of items to return, from the start of the list or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor. Only items after it are returned.")] after: Option<String>,
        #[graphql(
            desc = "Maximum number of items to return, from the end of the list or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Cursor. Only items before it are returned.")] before: Option<String>,
    ) -> Result<ArticleConnection> {
        let key = MostRead {
            edition: self.0.0.id,
            page: Paging {
                first,
                after,
                last,
                before,
            }
            .page()?,
        };
        let all = List::Edition(self.0.0.id).key();
        Connection::load(ctx, key, TotalCount::Stored(self.0.0.article_count, all)).await
    }

    /// The featured sections, in order.
    async fn featured_sections(&self, ctx: &Context<'_>) -> Result<Vec<Section>> {
        Section::of_edition(ctx, self.0.0.id, Which::Featured).await
    }

    /// The channels on other platforms where readers can follow the newsroom, in order.
    async fn follow_channels(&self, ctx: &Context<'_>) -> Result<Vec<FollowChannel>> {
        FollowChannel::of_edition(ctx, self.0.0.id).await
    }
}
