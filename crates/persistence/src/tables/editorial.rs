//! Database rows of the editorial data of articles, which is separate from their content.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::article::Status;
use khabar_domain::editorial::Withdrawal;
use khabar_domain::{AccountId, Article, ArticleId, EditionId, EditorialState, Invalid};
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::query::count::CountQuery;
use crate::query::decode::{columns, stored};
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::Row;
use crate::query::sql::Sql;
use crate::session::batch::grouped;
use crate::tables::article;
use crate::{BatchKey, Doing, Page, ReadSession, Result, Saved, Slice, Tally, WriteTx};

/// The editorial data of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Of(pub ArticleId);

impl BatchKey for Of {
    type Value = EditorialState;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, EditorialState>> {
        const QUERY: &str = "editorial.of_article";
        let mut sql = reader.sql();
        let among = sql.among("t.article_id", keys.iter().map(|key| key.0.uuid()));
        let text = format!(
            "SELECT t.article_id, {} FROM article_editorial t WHERE {among}",
            columns::<table::Model>("t")
        );
        let mut found = HashMap::with_capacity(keys.len());
        for row in reader.rows(QUERY, sql, text).await? {
            let mut cells = reader.cells(&row, QUERY)?;
            let article: Uuid = cells.take()?;
            if let Some(editorial) = cells.perhaps::<table::Model>()? {
                found.insert(Self(article.into()), editorial);
            }
        }
        Ok(found)
    }
}

/// Returns the editorial data of an article, for a write that depends on it. Imported articles have
/// none, and the default is returned.
pub async fn find(writer: &WriteTx, article: ArticleId) -> Result<EditorialState> {
    const DOING: &str = "read the editorial state of an article";
    let row = table::Entity::find_by_id(article.uuid())
        .one(writer.connection())
        .await
        .doing(DOING)?;
    row.map_or_else(|| Ok(EditorialState::default()), Row::read)
}

/// Saves the editorial data of an article. The change feed reports it through the article's own row.
pub async fn save(
    writer: &WriteTx,
    article: ArticleId,
    editorial: &EditorialState,
) -> Result<Saved> {
    let row = table::Model {
        article_id: article.uuid(),
        created_by: editorial.created_by.map(AccountId::uuid),
        scheduled_for: editorial.scheduled_for,
        embargo_until: editorial.embargo_until,
        withdrawn_at: editorial.withdrawal.as_ref().map(|stone| stone.at),
        withdrawal_reason: editorial
            .withdrawal
            .as_ref()
            .map(|stone| stone.reason.clone()),
    };
    writer
        .save::<table::Entity, _>(
            "keep something of an article",
            row.article_id,
            row,
            |_, _| (),
        )
        .await
}

/// Returns the scheduled articles that are due, earliest first, at most `most` of them. On PostgreSQL
/// they are locked, and concurrent calls from other nodes skip them.
pub async fn due(writer: &WriteTx, most: u16) -> Result<Vec<ArticleId>> {
    const QUERY: &str = "editorial.due";
    let mut sql = writer.sql();
    let (at, most) = (sql.bind(writer.at()), sql.bind(i64::from(most)));
    let text = format!(
        "SELECT d.article_id FROM article_editorial d JOIN article a ON a.id = d.article_id \
         WHERE d.scheduled_for <= {at} AND a.status = 'scheduled' \
         ORDER BY d.scheduled_for, d.article_id LIMIT {most}{}",
        writer.skipping_locked("a")
    );
    let rows = writer.rows(QUERY, sql, text).await?;
    let id = |row: &sea_orm::QueryResult| row.try_get::<Uuid>("", "article_id");
    let ids: Result<Vec<_>, _> = rows.iter().map(|row| id(row).map(Into::into)).collect();
    ids.query(QUERY)
}

/// Returns the time at which the next scheduled article is due. `None` if no article is scheduled.
pub async fn next_due(reader: &ReadSession) -> Result<Option<DateTime<Utc>>> {
    const QUERY: &str = "editorial.next_due";
    let text = "SELECT d.scheduled_for FROM article_editorial d JOIN article a ON a.id = d.article_id \
                WHERE d.scheduled_for IS NOT NULL AND a.status = 'scheduled' \
                ORDER BY d.scheduled_for, d.article_id LIMIT 1";
    let rows = reader.rows(QUERY, reader.sql(), text.to_owned()).await?;
    let when = rows.first().map(|row| row.try_get("", "scheduled_for"));
    when.transpose().query(QUERY)
}

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
pub struct Unpublished {
    /// The edition.
    pub edition: EditionId,
    /// The filter to apply.
    pub filter: Filter,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for Unpublished {
    type Value = Slice<Article>;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Article>>> {
        let lists = KeysetQuery {
            query: "article.unpublished",
            table: "article",
            parent: Some("edition_id"),
            order: &LAST_TOUCHED,
            select: &columns::<article::table::Model>("t"),
            join: "",
        };
        let mut found = HashMap::with_capacity(keys.len());
        for ((filter, page), keys) in grouped(keys, |key| (key.filter, key.page)) {
            let parents: Vec<_> = keys.iter().map(|key| key.edition.uuid()).collect();
            let slices = lists
                .page::<article::table::Model>(reader, &parents, page, |sql| filter.condition(sql))
                .await?;
            for (key, mut slice) in keys.into_iter().zip(slices) {
                let (cursors, items): (Vec<_>, Vec<_>) = slice.items.into_iter().unzip();
                let items = article::over_each_withdrawn(reader, items).await?;
                slice.items = cursors.into_iter().zip(items).collect();
                found.insert(key, slice);
            }
        }
        Ok(found)
    }
}

impl PageKey for Unpublished {
    type Item = Article;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&LAST_TOUCHED)
    }
}

const LAST_TOUCHED: Order = Order {
    tag: 40,
    column: "listed_at",
    id: "id",
    sorts: SortKind::Times,
    descending: true,
};

/// The number of an edition's unpublished articles that match a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountUnpublished {
    /// The edition.
    pub edition: EditionId,
    /// The filter to apply.
    pub filter: Filter,
}

impl BatchKey for CountUnpublished {
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

stored!(table::Model: article_id, created_by, scheduled_for, embargo_until, withdrawn_at, withdrawal_reason);

impl Row for table::Model {
    const TABLE: &'static str = "article_editorial";
    type Means = EditorialState;

    fn read(self) -> Result<EditorialState> {
        let withdrawal = self.withdrawn_at.zip(self.withdrawal_reason);
        Ok(EditorialState {
            created_by: self.created_by.map(Into::into),
            scheduled_for: self.scheduled_for,
            embargo_until: self.embargo_until,
            withdrawal: withdrawal.map(|(at, reason)| Withdrawal { at, reason }),
        })
    }
}

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "article_editorial")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub article_id: Uuid,
        pub created_by: Option<Uuid>,
        pub scheduled_for: Option<DateTimeUtc>,
        pub embargo_until: Option<DateTimeUtc>,
        pub withdrawn_at: Option<DateTimeUtc>,
        pub withdrawal_reason: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
