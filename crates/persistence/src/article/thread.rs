//! An article's stories, set apart from its text: whoever arranges stories does not rewrite it.

use khabar_domain::article::Status;
use khabar_domain::{ArticleId, EditionId, Scope, StoryId};
use uuid::Uuid;

use super::save::STORIES;
use super::{table, visible};
use crate::change::{Act, Noun, Part};
use crate::listing;
use crate::{Doing, Result, Saved, Writer};

/// What a write has to know of an article that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which article.
    pub id: ArticleId,
    /// In whose edition.
    pub edition: EditionId,
    /// Where it stands on its way to readers.
    pub status: Status,
}

/// Those of these articles that the viewer may see, in no order.
pub async fn named(writer: &Writer, scope: Scope, articles: &[ArticleId]) -> Result<Vec<Named>> {
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

/// The stories of an article, in order. Whoever changes them locks the article first.
pub async fn stories(writer: &Writer, article: ArticleId) -> Result<Vec<StoryId>> {
    let found = STORIES.of(writer, article.uuid()).await?;
    Ok(found.into_iter().map(StoryId::new).collect())
}

/// Makes these the stories of an article, in this order; lists and counts follow.
pub async fn set_stories(
    writer: &mut Writer,
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
    let mut keys = vec![Noun::Article.list_key(id, Part::Stories)];
    let mut act = Act::Withdrawn;
    if let Some(row) = row.filter(|row| row.status == Status::Published.as_str()) {
        keys.extend(listing::place_among_stories(writer, &row, &stories).await?);
        act = Act::Changed;
    }
    writer.note(Noun::Article, id, act, keys);
    Ok(Saved::Changed)
}
