//! The GraphQL type for topics.

use async_graphql::{Enum, ID};
use khabar_domain::Topic as Row;
use khabar_domain::topic::{Kind, MediaTopic};
use khabar_persistence::article::List;
use khabar_persistence::{Page, edition, topic};

use super::{ArticleListArguments, Articles, Edition, LoadArticles};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::object::{LoadRequired, ReadContext, Shared, enums, object};
use crate::scalar::{Slug, count};

/// A topic, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Topic;

/// A subject of articles, such as a person, place or theme, which readers can follow.
#[object(of = Row)]
impl Topic {
    /// The globally unique, opaque ID of the topic.
    fn id(topic: &Row) -> ID {
        node::id(topic.id)
    }

    /// The edition that the topic belongs to.
    fn edition(topic: &Row) -> LoadRequired<Edition, edition::ById> {
        LoadRequired::new(edition::ById(topic.edition))
    }

    /// The kind of topic.
    fn kind(topic: &Row) -> TopicKind {
        topic.kind.into()
    }

    /// URL slug, unique within the edition.
    fn slug(topic: &Row) -> &khabar_domain::Slug {
        &topic.slug
    }

    /// Earlier slugs of the topic, which still resolve to it. The current one is `slug`.
    async fn former_slugs(topic: &Row, context: &ReadContext) -> Result<Vec<Slug>> {
        Slug::former(context, topic.id).await
    }

    /// Display name of the topic.
    fn name(topic: &Row) -> &str {
        topic.name.as_str()
    }

    /// One-sentence description of the topic.
    fn summary(topic: &Row) -> Option<&str> {
        topic.summary.as_deref()
    }

    /// IPTC Media Topics code, such as `medtop:04000000`. Null if it is not known.
    fn media_topic(topic: &Row) -> Option<&str> {
        topic.media_topic.as_ref().map(MediaTopic::as_str)
    }

    /// Number of published articles about the topic.
    fn article_count(topic: &Row, context: &ReadContext) -> i32 {
        context.shows(|| List::Topic(topic.id).key());
        count(topic.article_count)
    }

    /// The articles about the topic.
    async fn articles(
        topic: &Row,
        context: &ReadContext,
        #[arg("Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[arg("Sort order. Defaults to newest first.")] order_by: Option<ArticleOrder>,
        page: Page,
    ) -> Result<LoadArticles> {
        let articles = Articles {
            list: List::Topic(topic.id),
            edition: topic.edition,
            count: Some(topic.article_count),
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
}

impl Topic {
    /// Looks up a topic by ID or slug.
    pub(crate) async fn look_up(context: &ReadContext, named: Selector) -> Result<Shared<Self>> {
        Ok(Shared(match named {
            Selector::Id(id) => context.load(topic::ById(node::parse(&id)?)).await?,
            Selector::Slug(key) => context.load(topic::BySlug(key)).await?,
        }))
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

enums!(TopicKind);
