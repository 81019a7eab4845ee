//! The desk as rows: what the newsroom keeps of an article besides what readers read.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::article::Status;
use khabar_domain::desk::Withdrawal;
use khabar_domain::{AccountId, Article, ArticleId, Desk, EditionId, Invalid};
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::batch::grouped;
use crate::cells::{columns, stored};
use crate::page::{Lists, Order, Paged, Sorts};
use crate::row::Row;
use crate::sql::Sql;
use crate::tally::Counted;
use crate::{BatchKey, Doing, Page, Reader, Result, Saved, Slice, Tally, Writer, article};

/// What the newsroom keeps of this article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Of(pub ArticleId);

impl BatchKey for Of {
    type Value = Desk;

    const FINDS_ONE: bool = true;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Desk>> {
        const DOING: &str = "read what the desk keeps of articles";
        let mut sql = reader.sql();
        let among = sql.among("t.article_id", keys.iter().map(|key| key.0.uuid()));
        let text = format!(
            "SELECT t.article_id, {} FROM article_desk t WHERE {among}",
            columns::<table::Model>("t")
        );
        let mut found = HashMap::with_capacity(keys.len());
        for row in reader.rows(DOING, sql, text).await? {
            let mut cells = reader.cells(&row, DOING)?;
            let article: Uuid = cells.take()?;
            if let Some(desk) = cells.perhaps::<table::Model>()? {
                found.insert(Self(article.into()), desk);
            }
        }
        Ok(found)
    }
}

/// What is kept of an article, for a write that depends on it; nothing is kept of one that was
/// imported.
pub async fn find(writer: &Writer, article: ArticleId) -> Result<Desk> {
    const DOING: &str = "read what the desk keeps of an article";
    let row = table::Entity::find_by_id(article.uuid())
        .one(writer.connection())
        .await
        .doing(DOING)?;
    row.map_or_else(|| Ok(Desk::default()), Row::read)
}

/// Keeps this of an article. The change feed hears of it by the article's own row.
pub async fn save(writer: &Writer, article: ArticleId, desk: &Desk) -> Result<Saved> {
    let row = table::Model {
        article_id: article.uuid(),
        created_by: desk.created_by.map(AccountId::uuid),
        scheduled_for: desk.scheduled_for,
        embargo_until: desk.embargo_until,
        withdrawn_at: desk.withdrawal.as_ref().map(|stone| stone.at),
        withdrawal_reason: desk.withdrawal.as_ref().map(|stone| stone.reason.clone()),
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

/// The scheduled articles whose hour has come, earliest first, at most `most` of them; another
/// node that asks meanwhile is given others.
pub async fn due(writer: &Writer, most: u16) -> Result<Vec<ArticleId>> {
    const DOING: &str = "find what is due";
    let mut sql = writer.sql();
    let (at, most) = (sql.bind(writer.at()), sql.bind(i64::from(most)));
    let text = format!(
        "SELECT d.article_id FROM article_desk d JOIN article a ON a.id = d.article_id \
         WHERE d.scheduled_for <= {at} AND a.status = 'scheduled' \
         ORDER BY d.scheduled_for, d.article_id LIMIT {most}{}",
        writer.skipping_locked("a")
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let id = |row: &sea_orm::QueryResult| row.try_get::<Uuid>("", "article_id");
    let ids: Result<Vec<_>, _> = rows.iter().map(|row| id(row).map(Into::into)).collect();
    ids.doing(DOING)
}

/// When the next scheduled article is due.
pub async fn next_due(reader: &Reader) -> Result<Option<DateTime<Utc>>> {
    const DOING: &str = "find when something is due";
    let text = "SELECT d.scheduled_for FROM article_desk d JOIN article a ON a.id = d.article_id \
                WHERE d.scheduled_for IS NOT NULL AND a.status = 'scheduled' \
                ORDER BY d.scheduled_for, d.article_id LIMIT 1";
    let rows = reader.rows(DOING, reader.sql(), text.to_owned()).await?;
    let when = rows.first().map(|row| row.try_get("", "scheduled_for"));
    when.transpose().doing(DOING)
}

/// Which of the articles that readers do not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Only those that stand here.
    pub status: Option<Status>,
    /// Only those that this account wrote first.
    pub by: Option<AccountId>,
}

impl Filter {
    fn condition(self, sql: &mut Sql) -> String {
        // In these words the index knows its own.
        let mut text = " AND t.status <> 'published'".to_owned();
        if let Some(status) = self.status {
            text.extend([" AND t.status = ", &sql.bind(status.as_str())]);
        }
        if let Some(account) = self.by {
            let account = sql.bind(account.uuid());
            let theirs = format!(
                " AND EXISTS (SELECT 1 FROM article_desk d WHERE d.article_id = t.id \
                 AND d.created_by = {account})"
            );
            text.push_str(&theirs);
        }
        text
    }
}

/// A page of what lies on an edition's desk: what readers do not see yet or no longer, last touched
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lying {
    /// In which edition.
    pub edition: EditionId,
    /// Which of it.
    pub filter: Filter,
    /// Which page.
    pub page: Page,
}

impl BatchKey for Lying {
    type Value = Slice<Article>;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Article>>> {
        let lists = Lists {
            doing: "page through what lies on the desk",
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

impl Paged for Lying {
    type Item = Article;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&LAST_TOUCHED)
    }
}

const LAST_TOUCHED: Order = Order {
    tag: 40,
    column: "listed_at",
    id: "id",
    sorts: Sorts::Times,
    descending: true,
};

/// How much lies on an edition's desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountLying {
    /// In which edition.
    pub edition: EditionId,
    /// Which of it.
    pub filter: Filter,
}

impl BatchKey for CountLying {
    type Value = Tally;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        let counted = Counted {
            doing: "count what lies on the desk",
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
    const TABLE: &'static str = "article_desk";
    type Means = Desk;

    fn read(self) -> Result<Desk> {
        let withdrawal = self.withdrawn_at.zip(self.withdrawal_reason);
        Ok(Desk {
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
    #[sea_orm(table_name = "article_desk")]
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
