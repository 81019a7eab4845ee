//! A page of a list of articles: of an edition, a section, a story, a topic, a person, a source.

use async_graphql::Context;
use khabar_domain::EditionId;
use khabar_persistence::Page;
use khabar_persistence::article::{CountListed, Filter, List, Listed as Key};

use super::{Article, Edition};
use crate::connection::{Connection, Listed, Plain, Total};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, Narrowed};
use crate::scalar::Slug;

/// A page of a list of articles.
pub type ArticleConnection = Connection<Plain<Article>>;

impl Listed for Article {
    type Item = khabar_domain::Article;
    const EDGE: &'static str = "ArticleEdge";
    const CONNECTION: &'static str = "ArticleConnection";
    const ABOUT: &'static str = "A page of a list of articles.";
}

/// A list of articles: what is known of it before it is read.
pub(crate) struct Articles {
    pub(crate) list: List,
    pub(crate) edition: EditionId,
    /// How many it has, where that is kept.
    pub(crate) count: Option<i64>,
}

/// What a client asks of a list of articles.
pub(crate) struct AskedArticles {
    pub(crate) filter: Option<ArticleFilter>,
    pub(crate) order_by: Option<ArticleOrder>,
    pub(crate) page: Page,
}

impl Articles {
    /// Loads the page that is asked for.
    pub(crate) async fn load(
        self,
        ctx: &Context<'_>,
        asked: AskedArticles,
    ) -> Result<ArticleConnection> {
        match asked.narrow(ctx, self.edition).await? {
            Some(Narrowed { lists, filter }) => self.page(ctx, lists, filter, asked).await,
            None => Ok(Connection::empty()),
        }
    }

    /// Loads a page of an edition's articles or, where a filter names a shorter list, of that one.
    pub(crate) async fn search(
        ctx: &Context<'_>,
        named: Option<Slug>,
        asked: AskedArticles,
    ) -> Result<ArticleConnection> {
        // A story knows its edition: only one that the client named is a condition of its own.
        let everywhere = named.is_none();
        let Some(Edition(edition)) = Edition::named(ctx, named).await? else {
            return Ok(Connection::empty());
        };
        let Some(Narrowed { mut lists, filter }) = asked.narrow(ctx, edition.id).await? else {
            return Ok(Connection::empty());
        };
        let whole = Self {
            list: List::Edition(edition.id),
            edition: edition.id,
            count: Some(edition.article_count),
        };
        if lists.is_empty() {
            return whole.page(ctx, lists, filter, asked).await;
        }
        if !everywhere {
            lists.push(whole.list);
        }
        let shortest = Self {
            list: lists.remove(0),
            count: None,
            ..whole
        };
        shortest.page(ctx, lists, filter, asked).await
    }

    async fn page(
        self,
        ctx: &Context<'_>,
        also_in: Vec<List>,
        filter: Filter,
        asked: AskedArticles,
    ) -> Result<ArticleConnection> {
        let list = self.list;
        let filter = Filter { also_in, ..filter };
        let total = match self.count {
            Some(count) if filter.is_open() => Total::Kept(count, list.key()),
            _ => Total::by(CountListed {
                list,
                filter: filter.clone(),
            }),
        };
        let by = asked.order_by.map(Into::into).unwrap_or_default();
        let key = Key {
            list,
            filter,
            by,
            page: asked.page,
        };
        Connection::load(ctx, key, total).await
    }
}

impl AskedArticles {
    /// What the filter means in an edition; nothing when it names a section that is not there.
    async fn narrow(&self, ctx: &Context<'_>, edition: EditionId) -> Result<Option<Narrowed>> {
        let filter = self.filter.clone().unwrap_or_default();
        filter.narrow(ctx, edition).await
    }
}
