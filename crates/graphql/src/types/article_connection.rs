//! The `ArticleConnection` type: articles of an edition, section, story, topic, person or source.

use async_graphql::Context;
use khabar_domain::EditionId;
use khabar_persistence::Page;
use khabar_persistence::article::{CountListed, Filter, List, Listed as Key};

use super::{Article, Edition};
use crate::connection::{Connection, ConnectionNode, SimpleEdge, TotalCount};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, ResolvedFilter};
use crate::scalar::Slug;

/// A page of a list of articles.
pub type ArticleConnection = Connection<SimpleEdge<Article>>;

impl ConnectionNode for Article {
    type Item = khabar_domain::Article;
    const EDGE: &'static str = "ArticleEdge";
    const CONNECTION: &'static str = "ArticleConnection";
    const ABOUT: &'static str = "A page of articles.";
}

/// A list of articles that has not been loaded yet.
pub(crate) struct Articles {
    pub(crate) list: List,
    pub(crate) edition: EditionId,
    /// The number of articles in the list, if a stored count exists.
    pub(crate) count: Option<i64>,
}

/// The arguments of a field that returns a list of articles.
pub(crate) struct ArticleListArguments {
    pub(crate) filter: Option<ArticleFilter>,
    pub(crate) order_by: Option<ArticleOrder>,
    pub(crate) page: Page,
}

impl Articles {
    /// Loads the requested page.
    pub(crate) async fn load(
        self,
        ctx: &Context<'_>,
        arguments: ArticleListArguments,
    ) -> Result<ArticleConnection> {
        match arguments.narrow(ctx, self.edition).await? {
            Some(ResolvedFilter { lists, filter }) => {
                self.page(ctx, lists, filter, arguments).await
            }
            None => Ok(Connection::empty()),
        }
    }

    /// Loads a page of an edition's articles. If the filter names a shorter list, such as a story's,
    /// loads from that list instead.
    pub(crate) async fn search(
        ctx: &Context<'_>,
        named: Option<Slug>,
        arguments: ArticleListArguments,
    ) -> Result<ArticleConnection> {
        // A story implies its edition. Only an edition that the client named is a further condition.
        let everywhere = named.is_none();
        let Some(Edition(edition)) = Edition::named(ctx, named).await? else {
            return Ok(Connection::empty());
        };
        let Some(ResolvedFilter { mut lists, filter }) = arguments.narrow(ctx, edition.id).await?
        else {
            return Ok(Connection::empty());
        };
        let whole = Self {
            list: List::Edition(edition.id),
            edition: edition.id,
            count: Some(edition.article_count),
        };
        if lists.is_empty() {
            return whole.page(ctx, lists, filter, arguments).await;
        }
        if !everywhere {
            lists.push(whole.list);
        }
        let shortest = Self {
            list: lists.remove(0),
            count: None,
            ..whole
        };
        shortest.page(ctx, lists, filter, arguments).await
    }

    async fn page(
        self,
        ctx: &Context<'_>,
        also_in: Vec<List>,
        filter: Filter,
        arguments: ArticleListArguments,
    ) -> Result<ArticleConnection> {
        let list = self.list;
        let filter = Filter { also_in, ..filter };
        let total = match self.count {
            Some(count) if filter.is_open() => TotalCount::Stored(count, list.key()),
            _ => TotalCount::by(CountListed {
                list,
                filter: filter.clone(),
            }),
        };
        let by = arguments.order_by.map(Into::into).unwrap_or_default();
        let key = Key {
            list,
            filter,
            by,
            page: arguments.page,
        };
        Connection::load(ctx, key, total).await
    }
}

impl ArticleListArguments {
    /// Resolves the filter within an edition. Returns `None` if it names a section that does not exist.
    async fn narrow(
        &self,
        ctx: &Context<'_>,
        edition: EditionId,
    ) -> Result<Option<ResolvedFilter>> {
        let filter = self.filter.clone().unwrap_or_default();
        filter.narrow(ctx, edition).await
    }
}
