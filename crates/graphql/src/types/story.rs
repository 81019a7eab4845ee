//! The GraphQL type for stories.

use async_graphql::{Enum, ID};
use khabar_domain::story::{Kind, Status};
use khabar_domain::{EditionId, Story as Row};
use khabar_persistence::article::List;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Facet};
use khabar_persistence::story::{CountOfEdition, Filter, OfEdition};
use khabar_persistence::{Includes, Page, edition, media, story, topic};

use super::{
    ArticleListArguments, Articles, Edition, LoadArticles, LoadTimeline, Media, StoryTimeline,
    Topic,
};
use crate::connection::{Paging, TotalCount, connection};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::object::{
    LoadMany, LoadOne, LoadPage, LoadRequired, ReadContext, Shared, enums, object,
};
use crate::scalar::{DateTime, Slug, count};

/// A story, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Story;

/// A thread of related articles under one title, which readers can follow.
#[object(of = Row)]
impl Story {
    /// The globally unique, opaque ID of the story.
    fn id(story: &Row) -> ID {
        node::id(story.id)
    }

    /// The edition that the story belongs to.
    fn edition(story: &Row) -> LoadRequired<Edition, edition::ById> {
        LoadRequired::new(edition::ById(story.edition))
    }

    /// The kind of story.
    fn kind(story: &Row) -> StoryKind {
        story.kind.into()
    }

    /// Whether the story is still active.
    fn status(story: &Row) -> StoryStatus {
        story.status.into()
    }

    /// URL slug, unique within the edition.
    fn slug(story: &Row) -> &khabar_domain::Slug {
        &story.slug
    }

    /// Earlier slugs of the story, which still resolve to it. The current one is `slug`.
    async fn former_slugs(story: &Row, context: &ReadContext) -> Result<Vec<Slug>> {
        Slug::former(context, story.id).await
    }

    /// Title of the story.
    fn title(story: &Row) -> &str {
        story.title.as_str()
    }

    /// Summary of the story, one or two sentences long.
    fn summary(story: &Row) -> Option<&str> {
        story.summary.as_deref()
    }

    /// Image of the story, shown among the pinned stories.
    fn image(story: &Row) -> LoadOne<Media, media::ById> {
        Media::load(story.image)
    }

    /// Position among the pinned stories, starting at 0. Null if the story is not pinned.
    fn pinned_position(story: &Row, context: &ReadContext) -> Option<i32> {
        context.shows(|| CacheTag::part(EntityKind::Story, story.id, Facet::Rail));
        story.pinned_position
    }

    /// The time of the newest article (see `Article.listedAt`). Null if the story has no articles
    /// yet.
    fn last_article_at(story: &Row, context: &ReadContext) -> Option<DateTime> {
        context.shows(|| List::Story(story.id).key());
        story.last_article_at.map(DateTime)
    }

    /// Number of published articles in the story that can be paged through here.
    fn article_count(story: &Row, context: &ReadContext) -> i32 {
        context.shows(|| List::Story(story.id).key());
        count(story.article_count)
    }

    /// Number of articles reported by the page that the story was imported from. Null if no page
    /// reported one. For the length of the story's own list, use `articleCount`.
    fn reported_article_count(story: &Row) -> Option<i32> {
        story.reported_article_count.map(count)
    }

    /// The articles of the story.
    async fn articles(
        story: &Row,
        context: &ReadContext,
        #[arg("Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[arg("Sort order. Defaults to newest first.")] order_by: Option<ArticleOrder>,
        page: Page,
    ) -> Result<LoadArticles> {
        let articles = Articles {
            list: List::Story(story.id),
            edition: story.edition,
            count: Some(story.article_count),
        };
        articles
            .load(
                context,
                ArticleListArguments {
                    filter,
                    order_by,
                    page,
                },
            )
            .await
    }

    /// The topics of the story, in order.
    fn topics(story: &Row) -> LoadMany<Topic, topic::OfStory> {
        LoadMany::new(topic::OfStory(story.id))
    }

    /// The articles of the story, newest first, grouped by day (in UTC, see `Article.listedAt`).
    fn timeline(
        story: &Row,
        #[arg(
            "Maximum number of articles to return, from the newest or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[arg("Cursor. Only articles after it are returned.")] after: Option<String>,
        #[arg(
            "Maximum number of articles to return, from the oldest or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[arg("Cursor. Only articles before it are returned.")] before: Option<String>,
    ) -> Result<LoadTimeline> {
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        StoryTimeline::load(story, paging.page()?)
    }
}

connection!(Row as Story, StoryEdge in "StoryConnection": "A page of stories.");

impl Story {
    /// Looks up a story by ID or slug.
    pub(crate) async fn look_up(
        context: &ReadContext,
        named: Selector,
        includes: Includes,
    ) -> Result<Shared<Self>> {
        Ok(Shared(match named {
            Selector::Id(id) => {
                let key = story::ById(node::parse(&id)?);
                context.load_including(key, includes).await?
            }
            Selector::Slug(key) => context.load_including(story::BySlug(key), includes).await?,
        }))
    }

    /// Returns a page of an edition's stories that match the filter.
    pub(crate) fn of_edition(
        edition: EditionId,
        filter: Filter,
        page: Page,
    ) -> LoadPage<OfEdition> {
        let total = TotalCount::by(CountOfEdition { edition, filter });
        let key = OfEdition {
            edition,
            filter,
            page,
        };
        LoadPage::new(key, total)
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

enums!(StoryKind, StoryStatus);
