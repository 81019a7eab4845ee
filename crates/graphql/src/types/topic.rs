//! A topic, as the API shows it.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::topic::{Kind, MediaTopic};
use khabar_persistence::article::List;
use khabar_persistence::{edition, topic};

use super::{ArticleConnection, Articles, AskedArticles, Edition};
use crate::connection::Paging;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, LookUp};
use crate::node;
use crate::scalar::{Slug, count};
use crate::scope::Asked;

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic(pub khabar_domain::Topic);

/// What an article is about, and what readers may follow.
#[Object]
impl Topic {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that it is followed in.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// What kind of thing it is.
    fn kind(&self) -> TopicKind {
        self.0.kind.into()
    }

    /// Its part of an address, unique in its edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Slugs that it had before, which still lead to it; `slug` is where it lives now.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// What it is called.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What it is, in a sentence.
    fn summary(&self) -> Option<&str> {
        self.0.summary.as_deref()
    }

    /// Its code in IPTC Media Topics, such as `medtop:04000000`; null where it is not known.
    fn media_topic(&self) -> Option<&str> {
        self.0.media_topic.as_ref().map(MediaTopic::as_str)
    }

    /// How many published articles are about it.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Topic(self.0.id).key());
        count(self.0.article_count)
    }

    /// The articles that are about it.
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
            list: List::Topic(self.0.id),
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
}

impl Topic {
    /// The topic that is named.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: LookUp) -> Result<Option<Self>> {
        let found = match named {
            LookUp::Id(id) => ctx.load(topic::ById(node::parse(&id)?)).await?,
            LookUp::Slug(key) => ctx.load(topic::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }
}

/// What kind of thing a topic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum TopicKind {
    /// Somebody.
    Person,
    /// Somewhere.
    Place,
    /// A company, state body, club or movement.
    Organisation,
    /// A subject matter, such as energy.
    Subject,
}
