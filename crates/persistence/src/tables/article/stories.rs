//! The stories of an article, separate from its text: assigning stories does not rewrite the article.

use khabar_domain::article::Status;
use khabar_domain::{ArticleId, EditionId, Scope, StoryId};
use uuid::Uuid;

use super::save::STORIES;
use super::{table, visible};
use crate::feed::{CacheTag, EntityKind, Facet, Operation};
use crate::relations::list_membership;
use crate::{Doing, Result, Saved, WriteTx};

/// The data about an article that a write needs if it names that article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The id of the article.
    pub id: ArticleId,
    /// The edition of the article.
    pub edition: EditionId,
    /// The editorial status of the article.
    pub status: Status,
}

/// Returns those of the given articles that the viewer may see, in no particular order.
pub async fn named(writer: &WriteTx, scope: Scope, articles: &[ArticleId]) -> Result<Vec<Named>> {
    const DOING: &str = "find the articles of a write";
    let mut sql = writer.sql();
    let among = sql.among("t.id", articles.iter().map(|article| article.uuid()));
    let visible = visible(scope, "t", &mut sql);
    let text =
        format!("SELECT t.id, t.edition_id, t.status FROM article t WHERE {among} AND {visible}");
    let rows = writer.rows(DOING, sql, text).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let id: Uuid = row.try_get("", "id").doing(DOING)?;
        let edition: Uuid = row.try_get("", "edition_id").doing(DOING)?;
        let status: String = row.try_get("", "status").doing(DOING)?;
        found.push(Named {
            id: id.into(),
            edition: edition.into(),
            status: Status::parse(&status)?,
        });
    }
    Ok(found)
}

/// Returns the stories of an article, in order. Callers that change them must lock the article first.
pub async fn stories(writer: &WriteTx, article: ArticleId) -> Result<Vec<StoryId>> {
    let found = STORIES.of(writer, article.uuid()).await?;
    Ok(found.into_iter().map(StoryId::new).collect())
}

/// Replaces the stories of an article, in this order, and updates lists and counts.
pub async fn set_stories(
    writer: &mut WriteTx,
    article: ArticleId,
    stories: &[StoryId],
) -> Result<Saved> {
    use sea_orm::EntityTrait;

    let id = article.uuid();
    let stories: Vec<_> = stories.iter().map(|story| story.uuid()).collect();
    if STORIES.set(writer, id, &stories).await? == Saved::Unchanged {
        return Ok(Saved::Unchanged);
    }
    let row = table::Entity::find_by_id(id)
        .one(writer.connection())
        .await
        .doing("find an article")?;
    let mut keys = vec![CacheTag::part(EntityKind::Article, id, Facet::Stories)];
    let mut act = Operation::Withdrawn;
    if let Some(row) = row.filter(|row| row.status == Status::Published.as_str()) {
        keys.extend(list_membership::place_among_stories(writer, &row, &stories).await?);
        act = Operation::Changed;
    }
    writer.note(EntityKind::Article, id, act, keys);
    Ok(Saved::Changed)
}
