//! The GraphQL type for sources.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::source::Kind;
use khabar_persistence::article::List;
use khabar_persistence::{edition, source};

use super::{ArticleConnection, ArticleListArguments, Articles, Edition};
use crate::connection::Paging;
use crate::context::ContextExt;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::scalar::{Slug, Url, count};

/// A source, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Source(pub khabar_domain::Source);

/// The agency or outlet that an article came from.
#[Object]
impl Source {
    /// The globally unique, opaque ID of the source.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that cites the source.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// The kind of source. Null if the citing page only gives the source's name.
    fn kind(&self) -> Option<SourceKind> {
        self.0.kind.map(Into::into)
    }

    /// URL slug, unique within the edition.
    fn slug(&self) -> Slug {
        Slug(self.0.slug.clone())
    }

    /// Earlier slugs of the source, which still resolve to it. The current one is `slug`.
    async fn former_slugs(&self, ctx: &Context<'_>) -> Result<Vec<Slug>> {
        Slug::former(ctx, self.0.id).await
    }

    /// Display name of the source.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Website of the source.
    fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// Number of published articles from the source.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Source(self.0.id).key());
        count(self.0.article_count)
    }

    /// The articles from the source.
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
            list: List::Source(self.0.id),
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

impl Source {
    /// Looks up a source by ID or slug.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: Selector) -> Result<Option<Self>> {
        let found = match named {
            Selector::Id(id) => ctx.load(source::ById(node::parse(&id)?)).await?,
            Selector::Slug(key) => ctx.load(source::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }
}

/// The kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum SourceKind {
    /// A news agency, which sells its reports to many outlets.
    Agency,
    /// A newspaper, broadcaster or website.
    Outlet,
}
