//! A source, as the API shows it.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::source::Kind;
use khabar_persistence::article::List;
use khabar_persistence::{edition, source};

use super::{ArticleConnection, Articles, AskedArticles, Edition};
use crate::connection::Paging;
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, LookUp};
use crate::node;
use crate::scalar::{Slug, Url, count};
use crate::scope::Asked;

/// A source.
#[derive(Clone, Debug)]
pub struct Source(pub khabar_domain::Source);

/// The agency or outlet that an article came from.
#[Object]
impl Source {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The edition that it is cited in.
    async fn edition(&self, ctx: &Context<'_>) -> Result<Edition> {
        Edition::of(ctx, edition::ById(self.0.edition)).await
    }

    /// What kind of source it is; null where the page that cites it only names it.
    fn kind(&self) -> Option<SourceKind> {
        self.0.kind.map(Into::into)
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

    /// Its site.
    fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// How many published articles came from it.
    fn article_count(&self, ctx: &Context<'_>) -> i32 {
        ctx.shows(List::Source(self.0.id).key());
        count(self.0.article_count)
    }

    /// The articles that came from it.
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
            list: List::Source(self.0.id),
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

impl Source {
    /// The source that is named.
    pub(crate) async fn look_up(ctx: &Context<'_>, named: LookUp) -> Result<Option<Self>> {
        let found = match named {
            LookUp::Id(id) => ctx.load(source::ById(node::parse(&id)?)).await?,
            LookUp::Slug(key) => ctx.load(source::BySlug(key)).await?,
        };
        Ok(found.map(Self))
    }
}

/// What kind of source it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum SourceKind {
    /// A news agency, which sells its text to many.
    Agency,
    /// A newspaper, broadcaster or site.
    Outlet,
}
