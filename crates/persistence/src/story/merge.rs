//! Two stories that become one.

use std::collections::HashMap;

use khabar_domain::article::Status;
use khabar_domain::{ArticleId, Story, StoryId, TopicId, story};
use uuid::Uuid;

use super::{STORY_TOPIC, rail, set_rail, set_topics};
use crate::arrange::Places;
use crate::change::{Act, Noun, Part};
use crate::listing::{self, Counts};
use crate::writer::Strength;
use crate::{Doing, Result, Writer, slug};

const DOING: &str = "merge two stories";
const STORIES: Places = Places {
    table: "story",
    column: "pinned_position",
};

/// Lets one story go on in another of its edition: its articles, its topics, its place on the rail
/// (unless the other has one, or has ended) and every slug that led to it are the other's now, and
/// it is gone. Whoever does locks the edition's order first ([`Writer::lock_order`]) and then both ([`hold_both`]).
pub async fn merge(writer: &mut Writer, from: &Story, into: &Story) -> Result<()> {
    let (old, new) = (from.id.uuid(), into.id.uuid());
    let articles = articles(writer, old).await?;
    relink(writer, old, new).await?;
    let came = listing::pour(writer, old, new).await?;
    if came > 0 {
        let mut counts = Counts::default();
        counts.tell(new, Noun::Story, came);
        counts.write(writer).await?;
    }

    let mut topics = STORY_TOPIC.of(writer, new).await?;
    for topic in STORY_TOPIC.of(writer, old).await? {
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    STORY_TOPIC.set(writer, old, &[]).await?;
    let topics: Vec<_> = topics.into_iter().map(TopicId::new).collect();
    set_topics(writer, into.id, &topics).await?;
    take_place(writer, from, into).await?;

    remember(writer, old, new).await?;
    STORIES.remove(writer, old).await?;
    slug::turn(writer, old, new).await?;
    slug::leave(writer, from.edition, Noun::Story, &from.slug, new).await?;

    let list = |story: StoryId| {
        vec![
            Noun::Story.key(story),
            Noun::Story.list_key(story, Part::Articles),
            Noun::Edition.list_key(from.edition, Part::Stories),
        ]
    };
    writer.note(Noun::Story, into.id, Act::Changed, list(into.id));
    writer.note(Noun::Story, from.id, Act::Withdrawn, list(from.id));
    for (article, status) in articles {
        // As when an article is saved: what readers do not see is nothing to them.
        let act = match status {
            Status::Published => Act::Changed,
            _ => Act::Withdrawn,
        };
        let keys = vec![Noun::Article.list_key(article, Part::Stories)];
        writer.note(Noun::Article, article, act, keys);
    }
    Ok(())
}

/// What became of each of these stories: itself, or the one that it was merged into. What is neither
/// is left out, and what became one stands once.
pub async fn successors(writer: &Writer, stories: &[StoryId]) -> Result<Vec<StoryId>> {
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

/// Writes down what became of a story, and of those that were merged into it before.
async fn remember(writer: &Writer, from: Uuid, into: Uuid) -> Result<()> {
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

/// Keeps both stories and the articles of the one that goes as they are. Articles first: whoever
/// writes one holds it before its stories. Then again, for those that came meanwhile.
pub async fn hold_both(writer: &Writer, from: StoryId, into: StoryId) -> Result<()> {
    let (from, into) = (from.uuid(), into.uuid());
    hold_articles(writer, from).await?;
    let mut sql = writer.sql();
    let among = sql.among("t.id", [from, into]);
    let text = format!("SELECT 1 FROM story t WHERE {among} ORDER BY t.id");
    let strength = Strength::WholeOf("t");
    writer.hold_rows(DOING, sql, text, strength).await?;
    hold_articles(writer, from).await
}

async fn hold_articles(writer: &Writer, story: Uuid) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM article WHERE id IN (SELECT article_id FROM article_story WHERE story_id = {}) ORDER BY id",
        sql.bind(story)
    );
    writer.hold_rows(DOING, sql, text, Strength::Values).await
}

/// Everything that belongs to a story, whether readers see it or not.
async fn articles(writer: &Writer, story: Uuid) -> Result<Vec<(ArticleId, Status)>> {
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

/// Puts the one story into the other's place among the stories of each article. Where an article
/// is in both already, the one only goes, and those behind it close up.
async fn relink(writer: &Writer, from: Uuid, into: Uuid) -> Result<()> {
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

/// On the rail the other takes the place of the one that goes, unless it has one or has ended.
async fn take_place(writer: &mut Writer, from: &Story, into: &Story) -> Result<()> {
    let old = rail(writer, from.edition).await?;
    let mut order: Vec<_> = old
        .iter()
        .map(|story| if *story == from.id { into.id } else { *story })
        .collect();
    if old.contains(&into.id) || into.status != story::Status::Active {
        order = old.into_iter().filter(|story| *story != from.id).collect();
    }
    set_rail(writer, from.edition, &order).await
}
