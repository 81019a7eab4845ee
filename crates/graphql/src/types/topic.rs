//! The GraphQL type for topics.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::topic::{Kind, MediaTopic};
use khabar_persistence::article::List;
use khabar_persistence::{edition, topic};

use super::{ArticleConnection, ArticleListArguments, Articles, Edition};
use crate::connection::Paging;
use crate::context::ContextExt;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::scalar::{Slug, count};

/// A topic, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Topic(pub khabar_domain::Topic);

/// A subject of articles, such as a person, place or theme, which readers can follow.
#[Object]
impl Topic {
    /// The globally unique, opaque ID of the topic.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that the topic belongs to.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// The kind of topic.
    fn kind(&self) -> TopicKind {
        self.0.kind.into()
    }

    /// URL slug, unique within the edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Earlier slugs of the topic, which still resolve to it. The current one is `slug`.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// Display name of the topic.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// One-sentence description of the topic.
    fn summary(&self) -> Option<&str> {
        self.0.summary.as_deref()
    }

    /// IPTC Media Topics code, such as `medtop:04000000`. Null if it is not known.
    fn media_topic(&self) -> Option<&str> {
        self.0.media_topic.as_ref().map(MediaTopic::as_str)
    }

    /// Number of published articles about the topic.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Topic(self.0.id).key());
        count(self.0.article_count)
    }

    /// The articles about the topic.
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
            list: List::Topic(self.0.id),
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
}

impl Topic {
    /// Looks up a topic by ID or slug.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: Selector) -> Result<Option<Self>> {
        let found = match named {
            Selector::Id(id) => ctx.load(topic::ById(node::parse(&id)?)).await?,
            Selector::Slug(key) => ctx.load(topic::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }
}

/// The kind of topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum TopicKind {
    /// A person.
    Person,
    /// A place.
    Place,
    /// An organisation, such as a company, public body, club or movement.
    Organisation,
    /// A subject matter, such as energy.
    Subject,
}
