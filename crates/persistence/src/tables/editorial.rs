//! Database rows of the editorial data of articles, which is separate from their content.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::editorial::Withdrawal;
use khabar_domain::{AccountId, ArticleId, EditorialState};
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::query::decode::{Row, columns};
use crate::query::table::table;
use crate::{BatchKey, Doing, ReadSession, Result, Saved, WriteTx};

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
pub async fn get(writer: &WriteTx, article: ArticleId) -> Result<EditorialState> {
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

table! {
    mod table = "article_editorial";
    key article_id: Uuid;
    created_by: Option<Uuid>,
    scheduled_for: Option<DateTimeUtc>,
    embargo_until: Option<DateTimeUtc>,
    withdrawn_at: Option<DateTimeUtc>,
    withdrawal_reason: Option<String>,
}
