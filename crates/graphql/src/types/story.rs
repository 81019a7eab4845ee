//! The GraphQL type for stories.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::EditionId;
use khabar_domain::story::{Kind, Status};
use khabar_persistence::article::List;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Facet};
use khabar_persistence::story::{CountOfEdition, Filter, OfEdition};
use khabar_persistence::{Page, edition, story, topic};

use super::{
    ArticleConnection, ArticleListArguments, Articles, Edition, Media, StoryTimeline, Topic,
};
use crate::connection::{Connection, ConnectionNode, Paging, SimpleEdge, TotalCount};
use crate::context::ContextExt;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::scalar::{DateTime, Slug, count};

/// A story, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Story(pub khabar_domain::Story);

/// A thread of related articles under one title, which readers can follow.
#[Object]
impl Story {
    /// The globally unique, opaque ID of the story.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that the story belongs to.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// The kind of story.
    fn kind(&self) -> StoryKind {
        self.0.kind.into()
    }

    /// Whether the story is still active.
    fn status(&self) -> StoryStatus {
        self.0.status.into()
    }

    /// URL slug, unique within the edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Earlier slugs of the story, which still resolve to it. The current one is `slug`.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// Title of the story.
    fn title(&self) -> &str {
        self.0.title.as_str()
    }

    /// Summary of the story, one or two sentences long.
    fn summary(&self) -> Option<&str> {
        self.0.summary.as_deref()
    }

    /// Image of the story, shown among the pinned stories.
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.image).await
    }

    /// Position among the pinned stories, starting at 0. Null if the story is not pinned.
    fn pinned_position(&self, ctx: &Context<'_>) -> Option<i32> {
        ctx.shows(CacheTag::part(EntityKind::Story, self.0.id, Facet::Rail));
        self.0.pinned_position
    }

    /// The time of the newest article (see `Article.listedAt`). Null if the story has no articles
    /// yet.
    fn last_article_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        ctx.shows(List::Story(self.0.id).key());
        self.0.last_article_at.map(DateTime)
    }

    /// Number of published articles in the story that can be paged through here.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Story(self.0.id).key());
        count(self.0.article_count)
    }

    /// Number of articles reported by the page that the story was imported from. Null if no page
    /// reported one. For the length of the story's own list, use `articleCount`.
    fn reported_article_count(&self) -> Option<i32> {
        self.0.reported_article_count.map(count)
    }

    /// The articles of the story.
    async fn articles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[graphql(desc = "Sort order. Defaults to newest first.")] order_by: Option<ArticleOrder>,
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
            list: List::Story(self.0.id),
            edition: self.0.edition,
            count: Some(self.0.article_count),
        };
        articles
            .load(
                ctx,
                ArticleListArguments {
                    filter,
                    order_by,
                    page: Paging {
                        first,
                        after,
                        last,
                        before,
                    }
                    .page()?,
                },
            )
            .await
    }

    /// The topics of the story, in order.
    async fn topics(&self, ctx: &Context<'_>) -> Result<Vec<Topic>> {
        let found = ctx.load(topic::OfStory(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Topic).collect())
    }

    /// The articles of the story, newest first, grouped by day (in UTC, see `Article.listedAt`).
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Maximum number of articles to return, from the newest or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor. Only articles after it are returned.")] after: Option<String>,
        #[graphql(
            desc = "Maximum number of articles to return, from the oldest or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Cursor. Only articles before it are returned.")] before: Option<String>,
    ) -> Result<StoryTimeline> {
        StoryTimeline::load(
            ctx,
            &self.0,
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
}

/// A page of a list of stories.
pub type StoryConnection = Connection<SimpleEdge<Story>>;

impl ConnectionNode for Story {
    type Item = khabar_domain::Story;
    const EDGE: &'static str = "StoryEdge";
    const CONNECTION: &'static str = "StoryConnection";
    const ABOUT: &'static str = "A page of stories.";
}

impl Story {
    /// Looks up a story by ID or slug.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: Selector) -> Result<Option<Self>> {
        let found = match named {
            Selector::Id(id) => ctx.load_ahead(story::ById(node::parse(&id)?)).await?,
            Selector::Slug(key) => ctx.load_ahead(story::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }

    /// Loads a page of an edition's stories that match the filter.
    pub(crate) async fn of_edition(
        ctx: &Context<'_>,
        edition: EditionId,
        filter: Filter,
        page: Page,
    ) -> Result<StoryConnection> {
        let total = TotalCount::by(CountOfEdition { edition, filter });
        Connection::load(
            ctx,
            OfEdition {
                edition,
                filter,
                page,
            },
            total,
        )
        .await
    }
}

impl From<khabar_domain::Story> for Story {
    fn from(story: khabar_domain::Story) -> Self {
        Self(story)
    }
}

/// The kind of story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum StoryKind {
    /// A series of ongoing events.
    Running,
    /// A programme with episodes.
    Show,
    /// A regular column or collection, such as "videos".
    Rubric,
}

/// Whether a story is still active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum StoryStatus {
    /// The story is ongoing.
    Active,
    /// The story has ended. Its articles remain available.
    Archived,
}
