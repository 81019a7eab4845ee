//! Lists of articles: of an edition, section, story, topic, person or source.

use khabar_domain::{Article as Row, EditionId};
use khabar_persistence::Page;
use khabar_persistence::article::{CountListed, Filter, List, Listed};

use super::{Article, Edition};
use crate::connection::{TotalCount, connection};
use crate::error::Result;
use crate::input::{ArticleFilter, ArticleOrder, ResolvedFilter};
use crate::object::{LoadPage, ReadContext};
use crate::scalar::Slug;

connection!(Row as Article, ArticleEdge in "ArticleConnection": "A page of articles.");

/// A page of a list of articles.
pub(crate) type LoadArticles = LoadPage<Listed>;

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
    /// Returns the requested page.
    pub(crate) async fn load(
        self,
        context: &ReadContext,
        arguments: ArticleListArguments,
    ) -> Result<LoadArticles> {
        Ok(match arguments.narrow(context, self.edition).await? {
            Some(ResolvedFilter { lists, filter }) => self.page(lists, filter, &arguments),
            None => LoadPage::empty(),
        })
    }

    /// Returns a page of an edition's articles. If the filter names a shorter list, such as a story's,
    /// it is a page of that list instead.
    pub(crate) async fn search(
        context: &ReadContext,
        named: Option<Slug>,
        arguments: ArticleListArguments,
    ) -> Result<LoadArticles> {
        // A story implies its edition. Only an edition that the client named is a further condition.
        let everywhere = named.is_none();
        let Some(edition) = Edition::named(context, named).await? else {
            return Ok(LoadPage::empty());
        };
        let Some(ResolvedFilter { mut lists, filter }) =
            arguments.narrow(context, edition.id).await?
        else {
            return Ok(LoadPage::empty());
        };
        let whole = Self {
            list: List::Edition(edition.id),
            edition: edition.id,
            count: Some(edition.article_count),
        };
        if lists.is_empty() {
            return Ok(whole.page(lists, filter, &arguments));
        }
        if !everywhere {
            lists.push(whole.list);
        }
        let shortest = Self {
            list: lists.remove(0),
            count: None,
            ..whole
        };
        Ok(shortest.page(lists, filter, &arguments))
    }

    fn page(
        self,
        also_in: Vec<List>,
        filter: Filter,
        arguments: &ArticleListArguments,
    ) -> LoadArticles {
        let list = self.list;
        let filter = Filter { also_in, ..filter };
        let total = match self.count {
            Some(count) if filter.is_open() => TotalCount::Stored(count, list.key()),
            _ => TotalCount::by(CountListed {
                list,
                filter: filter.clone(),
            }),
        };
        let key = Listed {
            list,
            filter,
            by: arguments.order_by.map(Into::into).unwrap_or_default(),
            page: arguments.page,
        };
        LoadPage::new(key, total)
    }
}

impl ArticleListArguments {
    /// Resolves the filter within an edition. Returns `None` if it names a section that does not exist.
    async fn narrow(
        &self,
        context: &ReadContext,
        edition: EditionId,
    ) -> Result<Option<ResolvedFilter>> {
        match self.filter.clone() {
            Some(filter) => filter.narrow(context, edition).await,
            None => Ok(Some(ResolvedFilter::default())),
        }
    }
}
