//! The GraphQL type for sources.

use async_graphql::{Enum, ID};
use khabar_domain::source::Kind;
use khabar_domain::{Source as Row, WebUrl};
use khabar_persistence::article::List;
use khabar_persistence::{Page, edition, source};

use super::{ArticleListArguments, Articles, Edition, LoadArticles};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Selector};
use crate::node;
use crate::object::{LoadRequired, ReadContext, Shared, enums, object};
use crate::scalar::{Slug, count};

/// A source, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Source;

/// The agency or outlet that an article came from.
#[object(of = Row)]
impl Source {
    /// The globally unique, opaque ID of the source.
    fn id(source: &Row) -> ID {
        node::id(source.id)
    }

    /// The edition that cites the source.
    fn edition(source: &Row) -> LoadRequired<Edition, edition::ById> {
        LoadRequired::new(edition::ById(source.edition))
    }

    /// The kind of source. Null if the citing page only gives the source's name.
    fn kind(source: &Row) -> Option<SourceKind> {
        source.kind.map(Into::into)
    }

    /// URL slug, unique within the edition.
    fn slug(source: &Row) -> &khabar_domain::Slug {
        &source.slug
    }

    /// Earlier slugs of the source, which still resolve to it. The current one is `slug`.
    async fn former_slugs(source: &Row, context: &ReadContext) -> Result<Vec<Slug>> {
        Slug::former(context, source.id).await
    }

    /// Display name of the source.
    fn name(source: &Row) -> &str {
        source.name.as_str()
    }

    /// Website of the source.
    fn url(source: &Row) -> Option<&WebUrl> {
        source.url.as_ref()
    }

    /// Number of published articles from the source.
    fn article_count(source: &Row, context: &ReadContext) -> i32 {
        context.shows(|| List::Source(source.id).key());
        count(source.article_count)
    }

    /// The articles from the source.
    async fn articles(
        source: &Row,
        context: &ReadContext,
        #[arg("Conditions that the articles must meet. Omit to return all articles.")]
        filter: Option<ArticleFilter>,
        #[arg("Sort order. Defaults to newest first.")] order_by: Option<ArticleOrder>,
        page: Page,
    ) -> Result<LoadArticles> {
        let articles = Articles {
            list: List::Source(source.id),
            edition: source.edition,
            count: Some(source.article_count),
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

impl Source {
    /// Looks up a source by ID or slug.
    pub(crate) async fn look_up(context: &ReadContext, named: Selector) -> Result<Shared<Self>> {
        Ok(Shared(match named {
            Selector::Id(id) => context.load(source::ById(node::parse(&id)?)).await?,
            Selector::Slug(key) => context.load(source::BySlug(key)).await?,
        }))
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

enums!(SourceKind);
