//! The merging of two stories.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::article::Status;
use khabar_domain::{ArticleId, Story, StoryId, TopicId, story};
use uuid::Uuid;

use super::pinned::RAIL;
use super::{TOPICS, pinned, set_pinned, set_topics};
use crate::feed::{CacheTag, EntityKind, Facet, Operation};
use crate::query::table::{Table, declaration};
use crate::relations::list_membership::{self, Counts};
use crate::relations::slug;
use crate::session::write_tx::RowLock;
use crate::{Doing, Result, WriteTx};

const DOING: &str = "merge two stories";

/// The table of merged stories and their successors.
pub(crate) const MERGES: Table = declaration! {
    "story_merge";
    key from_id: Uuid;
    into_id: Uuid,
    at: DateTime<Utc>,
};

/// Merges the story `from` into the story `into` of the same edition, and deletes `from`. Its articles,
/// topics and slugs move to `into`. So does its pinned position, unless `into` is already pinned or is
/// not active. The caller first locks the edition's order ([`WriteTx::lock_order`]) and then both stories
/// ([`lock_both`]).
pub async fn merge(writer: &mut WriteTx, from: &Story, into: &Story) -> Result<()> {
    let (old, new) = (from.id.uuid(), into.id.uuid());
    let articles = articles(writer, old).await?;
    relink(writer, old, new).await?;
    let moved = list_membership::move_all(writer, old, new).await?;
    if moved > 0 {
        let mut counts = Counts::default();
        counts.add_to(new, EntityKind::Story, moved);
        counts.write(writer).await?;
    }

    let mut topics = TOPICS.of(writer, new).await?;
    for topic in TOPICS.of(writer, old).await? {
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    TOPICS.set(writer, old, &[]).await?;
    let topics: Vec<_> = topics.into_iter().map(TopicId::new).collect();
    set_topics(writer, into.id, &topics).await?;
    take_place(writer, from, into).await?;

    remember(writer, old, new).await?;
    RAIL.ordering.remove(writer, old).await?;
    slug::turn(writer, old, new).await?;
    slug::add_redirect(writer, from.edition, EntityKind::Story, &from.slug, new).await?;

    let list = |story: StoryId| {
        vec![
            CacheTag::one(EntityKind::Story, story),
            CacheTag::part(EntityKind::Story, story, Facet::Articles),
            CacheTag::part(EntityKind::Edition, from.edition, Facet::Stories),
        ]
    };
    writer.note(
        EntityKind::Story,
        into.id,
        Operation::Changed,
        list(into.id),
    );
    writer.note(
        EntityKind::Story,
        from.id,
        Operation::Withdrawn,
        list(from.id),
    );
    for (article, status) in articles {
        // As when an article is saved: for readers, an article that is not published is withdrawn.
        let act = match status {
            Status::Published => Operation::Changed,
            _ => Operation::Withdrawn,
        };
        let keys = vec![CacheTag::part(EntityKind::Article, article, Facet::Stories)];
        writer.note(EntityKind::Article, article, act, keys);
    }
    Ok(())
}

/// Returns the current story for each of these ids: the story itself, or the one that it was merged
/// into. Unknown ids are left out, and each result is returned only once.
pub async fn successors(writer: &WriteTx, stories: &[StoryId]) -> Result<Vec<StoryId>> {
    const DOING: &str = "find out what became of stories";
    let mut sql = writer.sql();
    let ids = || stories.iter().map(|story| story.uuid());
    let (there, merged) = (sql.among("t.id", ids()), sql.among("m.from_id", ids()));
    let text = format!(
        "SELECT t.id AS was, t.id AS is_now FROM story t WHERE {there} \
         UNION ALL SELECT m.from_id, m.into_id FROM story_merge m WHERE {merged}"
    );
    let mut known: HashMap<StoryId, StoryId> = HashMap::with_capacity(stories.len());
    for row in writer.rows(DOING, sql, text).await? {
        let was: Uuid = row.try_get("", "was").doing(DOING)?;
        let is_now: Uuid = row.try_get("", "is_now").doing(DOING)?;
        known.insert(was.into(), is_now.into());
    }
    let mut found = Vec::with_capacity(stories.len());
    for story in stories.iter().filter_map(|story| known.get(story)) {
        if !found.contains(story) {
            found.push(*story);
        }
    }
    Ok(found)
}

/// Records that a story was merged into another. Stories that were merged into it before now lead to the
/// other as well.
async fn remember(writer: &WriteTx, from: Uuid, into: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE story_merge SET into_id = {} WHERE into_id = {}",
        sql.bind(into),
        sql.bind(from)
    );
    writer.run(DOING, sql, text).await?;
    let mut sql = writer.sql();
    let values = [sql.bind(from), sql.bind(into), sql.bind(writer.at())].join(", ");
    let text = format!("INSERT INTO story_merge (from_id, into_id, at) VALUES ({values})");
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Locks both stories and the articles of `from` until the transaction ends. The articles are locked
/// first, because a writer of an article locks the article before its stories. They are locked again at
/// the end, to include articles that were added in the meantime.
pub async fn lock_both(writer: &WriteTx, from: StoryId, into: StoryId) -> Result<()> {
    let (from, into) = (from.uuid(), into.uuid());
    lock_articles(writer, from).await?;
    let mut sql = writer.sql();
    let among = sql.among("t.id", [from, into]);
    let text = format!("SELECT 1 FROM story t WHERE {among} ORDER BY t.id");
    let strength = RowLock::UpdateOf("t");
    writer.lock_rows(DOING, sql, text, strength).await?;
    lock_articles(writer, from).await
}

async fn lock_articles(writer: &WriteTx, story: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM article WHERE id IN (SELECT article_id FROM article_story WHERE story_id = {}) ORDER BY id",
        sql.bind(story)
    );
    writer
        .lock_rows(DOING, sql, text, RowLock::NoKeyUpdate)
        .await
}

/// Returns every article of a story with its status, published or not.
async fn articles(writer: &WriteTx, story: Uuid) -> Result<Vec<(ArticleId, Status)>> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT a.id, a.status FROM article_story l JOIN article a ON a.id = l.article_id \
         WHERE l.story_id = {} ORDER BY a.id",
        sql.bind(story)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let id: Uuid = row.try_get("", "id").doing(DOING)?;
        let status: String = row.try_get("", "status").doing(DOING)?;
        found.push((id.into(), Status::parse(&status)?));
    }
    Ok(found)
}

/// Replaces the story `from` with `into` in each article's list of stories, at the same position. If an
/// article already belongs to both, `from` is removed and the stories after it move up.
async fn relink(writer: &WriteTx, from: Uuid, into: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let (old, new) = (sql.bind(from), sql.bind(into));
    let text = format!(
        "UPDATE article_story SET story_id = {new} WHERE story_id = {old} AND article_id NOT IN \
         (SELECT article_id FROM article_story WHERE story_id = {new})"
    );
    writer.run(DOING, sql, text).await?;
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE article_story SET position = position - 1 WHERE EXISTS (SELECT 1 FROM article_story o \
         WHERE o.article_id = article_story.article_id AND o.story_id = {} AND o.position < article_story.position)",
        sql.bind(from)
    );
    writer.run(DOING, sql, text).await?;
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM article_story WHERE story_id = {}",
        sql.bind(from)
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

/// Gives the pinned position of `from` to `into`. If `into` is already pinned or is not active, `from` is
/// only unpinned.
async fn take_place(writer: &mut WriteTx, from: &Story, into: &Story) -> Result<()> {
    let old = pinned(writer, from.edition).await?;
    let mut order: Vec<_> = old
        .iter()
        .map(|story| if *story == from.id { into.id } else { *story })
        .collect();
    if old.contains(&into.id) || into.status != story::Status::Active {
        order = old.into_iter().filter(|story| *story != from.id).collect();
    }
    set_pinned(writer, from.edition, &order).await
}
