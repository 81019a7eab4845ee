//! The home page: what a front page or an app's first screen needs in one request.

use async_graphql::{Context, Object};
use khabar_persistence::article::{List, MostRead};
use khabar_persistence::home_lead;
use khabar_persistence::section::Which;
use khabar_persistence::story::Filter;

use super::{
    Article, ArticleConnection, Articles, AskedArticles, Edition, FollowChannel, LiveChannel,
    Section, Story, StoryConnection,
};
use crate::connection::{Connection, Paging, Total};
use crate::error::Result;
use crate::input::ArticleFilter;
use crate::scope::Asked;

/// An edition's home page.
pub struct Home(pub Edition);

impl Home {
    /// The home page of an edition.
    pub(crate) fn of(edition: khabar_domain::Edition) -> Self {
        Self(Edition(edition))
    }
}

/// What a front page or an app's first screen needs.
#[Object]
impl Home {
    /// The edition whose home page this is; the headings of its blocks are `Edition.labels`.
    fn edition(&self) -> &Edition {
        &self.0
    }

    /// The live channel to show: the first that is on the air or, when none is, the first.
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

    /// The rail of pinned stories, in its order.
    async fn pinned_stories(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many from the start, or after `after`: 0 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(
            desc = "How many from the end, or before `before`: 0 to 100. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
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

    /// The articles that editors put at the top, in their order.
    async fn lead_articles(&self, ctx: &Context<'_>) -> Result<Vec<Article>> {
        let found = ctx.load_ahead(home_lead::OfEdition(self.0.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Article).collect())
    }

    /// The newest articles.
    async fn latest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these; all when nothing is said.")] filter: Option<ArticleFilter>,
        #[graphql(
            desc = "How many from the start, or after `after`: 0 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(
            desc = "How many from the end, or before `before`: 0 to 100. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
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
                AskedArticles {
                    filter,
                    order_by: None,
                    page,
                },
            )
            .await
    }

    /// The articles, most read first.
    async fn most_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many from the start, or after `after`: 0 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(
            desc = "How many from the end, or before `before`: 0 to 100. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
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
        Connection::load(ctx, key, Total::Kept(self.0.0.article_count, all)).await
    }

    /// The important sections, in order.
    async fn featured_sections(&self, ctx: &Context<'_>) -> Result<Vec<Section>> {
        Section::of_edition(ctx, self.0.0.id, Which::Featured).await
    }

    /// Where else the newsroom can be followed, in order.
    async fn follow_channels(&self, ctx: &Context<'_>) -> Result<Vec<FollowChannel>> {
        FollowChannel::of_edition(ctx, self.0.0.id).await
    }
}
