//! A story, as the API shows it.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::EditionId;
use khabar_domain::story::{Kind, Status};
use khabar_persistence::article::List;
use khabar_persistence::cache::ReadingKey;
use khabar_persistence::change::{Noun, Part};
use khabar_persistence::story::{CountOfEdition, Filter, OfEdition};
use khabar_persistence::{Page, edition, story, topic};

use super::{ArticleConnection, Articles, AskedArticles, Edition, Media, StoryTimeline, Topic};
use crate::connection::{Connection, Listed, Paging, Plain, Total};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, LookUp};
use crate::node;
use crate::scalar::{DateTime, Slug, count};
use crate::scope::Asked;

/// A story.
#[derive(Clone, Debug)]
pub struct Story(pub khabar_domain::Story);

/// A thread that runs through many articles, with a name that readers follow.
#[Object]
impl Story {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that it is told in.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// What kind of thread it is.
    fn kind(&self) -> StoryKind {
        self.0.kind.into()
    }

    /// Whether it still goes on.
    fn status(&self) -> StoryStatus {
        self.0.status.into()
    }

    /// Its part of an address, unique in its edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Slugs that it had before, which still lead to it; `slug` is where it lives now.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// What readers know it by.
    fn title(&self) -> &str {
        self.0.title.as_str()
    }

    /// What it is about, in a sentence or two.
    fn summary(&self) -> Option<&str> {
        self.0.summary.as_deref()
    }

    /// Its picture on the rail.
    async fn image(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.image).await
    }

    /// Its place on the rail of pinned stories, from 0; null when it is not pinned.
    fn pinned_position(&self, ctx: &Context<'_>) -> Option<i32> {
        ctx.shows(ReadingKey::part(Noun::Story, self.0.id, Part::Rail));
        self.0.pinned_position
    }

    /// When its newest article came; null before there is one.
    fn last_article_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        ctx.shows(List::Story(self.0.id).key());
        self.0.last_article_at.map(DateTime)
    }

    /// How many published articles can be paged through here.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Story(self.0.id).key());
        count(self.0.article_count)
    }

    /// How many articles the page that it was imported from said it has; null where none said so.
    /// Not the length of any list here: that is `articleCount`.
    fn reported_article_count(&self) -> Option<i32> {
        self.0.reported_article_count.map(count)
    }

    /// Its articles.
    async fn articles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these; all when nothing is said.")] filter: Option<ArticleFilter>,
        #[graphql(desc = "In which order; newest first when nothing is said.")] order_by: Option<
            ArticleOrder,
        >,
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
            list: List::Story(self.0.id),
            edition: self.0.edition,
            count: Some(self.0.article_count),
        };
        articles
            .load(
                ctx,
                AskedArticles {
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

    /// What it is about, in order.
    async fn topics(&self, ctx: &Context<'_>) -> Result<Vec<Topic>> {
        let found = ctx.load(topic::OfStory(self.0.id)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Topic).collect())
    }

    /// Its articles, newest first, grouped by the day (in UTC) on which they were listed.
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many articles from the newest, or after `after`: 0 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only articles that follow this cursor.")] after: Option<String>,
        #[graphql(
            desc = "How many articles from the oldest, or before `before`: 0 to 100. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only articles that precede this cursor.")] before: Option<String>,
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
pub type StoryConnection = Connection<Plain<Story>>;

impl Listed for Story {
    type Item = khabar_domain::Story;
    const EDGE: &'static str = "StoryEdge";
    const CONNECTION: &'static str = "StoryConnection";
    const ABOUT: &'static str = "A page of a list of stories.";
}

impl Story {
    /// The story that is named.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: LookUp) -> Result<Option<Self>> {
        let found = match named {
            LookUp::Id(id) => ctx.load_ahead(story::ById(node::parse(&id)?)).await?,
            LookUp::Slug(key) => ctx.load_ahead(story::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }

    /// A page of an edition's stories.
    pub(crate) async fn of_edition(
        ctx: &Context<'_>,
        edition: EditionId,
        filter: Filter,
        page: Page,
    ) -> Result<StoryConnection> {
        let total = Total::by(CountOfEdition { edition, filter });
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

/// What kind of thread a story is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum StoryKind {
    /// Events that go on.
    Running,
    /// A programme with episodes.
    Show,
    /// A standing column or shelf, such as "videos".
    Rubric,
}

/// Whether a story still goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum StoryStatus {
    /// It goes on.
    Active,
    /// It has ended; its articles stay readable.
    Archived,
}
