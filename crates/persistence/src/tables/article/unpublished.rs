//! Lists of unpublished articles, which readers do not see yet or no longer.

use std::collections::HashMap;

use khabar_domain::article::Status;
use khabar_domain::{AccountId, Article, EditionId, Invalid};

use super::table;
use super::tombstone::over_each_withdrawn;
use crate::query::count::CountQuery;
use crate::query::cursor::Source;
use crate::query::decode::columns;
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::sql::Sql;
use crate::session::batch::grouped;
use crate::{BatchKey, Page, ReadSession, Result, Slice, Tally};

/// A filter for unpublished articles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Only articles with this status.
    pub status: Option<Status>,
    /// Only articles that this account created.
    pub by: Option<AccountId>,
}

impl Filter {
    fn condition(self, sql: &mut Sql) -> String {
        // The wording matches the partial index, so that the planner can use it.
        let mut text = " AND t.status <> 'published'".to_owned();
        if let Some(status) = self.status {
            text.extend([" AND t.status = ", &sql.bind(status.as_str())]);
        }
        if let Some(account) = self.by {
            let account = sql.bind(account.uuid());
            let theirs = format!(
                " AND EXISTS (SELECT 1 FROM article_editorial d WHERE d.article_id = t.id \
                 AND d.created_by = {account})"
            );
            text.push_str(&theirs);
        }
        text
    }
}

/// A page of an edition's unpublished articles, which readers do not see yet or no longer. The most
/// recently changed come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    /// The edition.
    pub edition: EditionId,
    /// The filter to apply.
    pub filter: Filter,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for Listed {
    type Value = Slice<Article>;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Article>>> {
        let lists = KeysetQuery {
            query: "article.unpublished",
            table: "article",
            parent: Some("edition_id"),
            order: &LAST_TOUCHED,
            select: &columns::<table::Model>("t"),
            join: "",
        };
        let mut found = HashMap::with_capacity(keys.len());
        for ((filter, page), keys) in grouped(keys, |key| (key.filter, key.page)) {
            let parents: Vec<_> = keys.iter().map(|key| key.edition.uuid()).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, page, |sql| filter.condition(sql))
                .await?;
            for (key, mut slice) in keys.into_iter().zip(slices) {
                let (cursors, items): (Vec<_>, Vec<_>) = slice.items.into_iter().unzip();
                let items = over_each_withdrawn(reader, items).await?;
                slice.items = cursors.into_iter().zip(items).collect();
                found.insert(key, slice);
            }
        }
        Ok(found)
    }
}

impl PageKey for Listed {
    type Item = Article;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&LAST_TOUCHED)
    }
}

const LAST_TOUCHED: Order = Order {
    source: Source::UnpublishedArticles,
    column: "listed_at",
    id: "id",
    sorts: SortKind::Times,
    descending: true,
};

/// The number of an edition's unpublished articles that match a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountListed {
    /// The edition.
    pub edition: EditionId,
    /// The filter to apply.
    pub filter: Filter,
}

impl BatchKey for CountListed {
    type Value = Tally;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = CountQuery {
            query: "article.count_unpublished",
            table: "article",
            parent: "edition_id",
        };
        let mut found = HashMap::with_capacity(keys.len());
        for (filter, keys) in grouped(keys, |key| key.filter) {
            let parents: Vec<_> = keys.iter().map(|key| key.edition.uuid()).collect();
            let counts = counted
                .of(reader, &parents, |sql| filter.condition(sql))
                .await?;
            found.extend(keys.into_iter().zip(counts));
        }
        Ok(found)
    }
}
