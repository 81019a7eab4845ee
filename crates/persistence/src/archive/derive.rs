//! Derived values: counts, the lists that articles appear in, the ids of their authors and topics, and the
//! visibility of comments.
//! An archive may have been written or edited by hand, so a restore recomputes all of them.

use super::{Error, Result};
use crate::WriteTx;
use crate::query::sql::Dialect;
use crate::tables::article;

const DOING: &str = "count what an archive holds";

/// Rebuilds `section_path`: every section paired with itself and each of its ancestors.
const PATHS: [&str; 2] = [
    "DELETE FROM section_path",
    "WITH RECURSIVE above (section_id, ancestor_id, height) AS (\
       SELECT id, id, 0 FROM section \
       UNION ALL SELECT a.section_id, s.parent_id, a.height + 1 FROM above a \
       JOIN section s ON s.id = a.ancestor_id WHERE s.parent_id IS NOT NULL) \
     INSERT INTO section_path (section_id, ancestor_id, height) \
     SELECT section_id, ancestor_id, height FROM above",
];

/// Recomputes the visibility of comments, and the counts of comments, replies and reports.
/// `report_count` counts reports since the last moderation decision, so it is only capped at the
/// total number of reports.
const COMMENTS: [&str; 4] = [
    "UPDATE comment SET shown = FALSE, edition_id = \
     (SELECT a.edition_id FROM article a WHERE a.id = comment.article_id)",
    "WITH RECURSIVE seen (id) AS (\
       SELECT id FROM comment WHERE parent_id IS NULL AND status = 'approved' \
       UNION ALL SELECT c.id FROM comment c JOIN seen s ON c.parent_id = s.id \
       WHERE c.status = 'approved') \
     UPDATE comment SET shown = TRUE WHERE id IN (SELECT id FROM seen)",
    "UPDATE comment SET reply_count = \
     (SELECT count(*) FROM comment a WHERE a.parent_id = comment.id AND a.shown)",
    "UPDATE comment SET report_count = \
     (SELECT count(*) FROM comment_report r WHERE r.comment_id = comment.id) \
     WHERE report_count > (SELECT count(*) FROM comment_report r WHERE r.comment_id = comment.id)",
];

/// The comment counts of articles. The lists of ids that repeat their links follow in the same statement.
const ARTICLES: &str = "UPDATE article SET comment_count = \
    (SELECT count(*) FROM comment c WHERE c.article_id = article.id AND c.shown)";

/// The lists that a published article appears in. Each entry has the entity, a subquery that yields
/// `article_id` and `list_id`, and the value of `listing.direct`.
const LISTS: [(&str, &str, i32); 7] = [
    (
        "edition",
        "(SELECT id AS article_id, edition_id AS list_id FROM article)",
        0,
    ),
    (
        "section",
        "(SELECT id AS article_id, section_id AS list_id FROM article WHERE section_id IS NOT NULL)",
        1,
    ),
    (
        "section",
        "(SELECT a.id AS article_id, p.ancestor_id AS list_id FROM article a \
         JOIN section_path p ON p.section_id = a.section_id)",
        0,
    ),
    (
        "story",
        "(SELECT article_id, story_id AS list_id FROM article_story)",
        0,
    ),
    (
        "topic",
        "(SELECT article_id, topic_id AS list_id FROM article_topic)",
        0,
    ),
    (
        "person",
        "(SELECT article_id, person_id AS list_id FROM article_author)",
        0,
    ),
    (
        "source",
        "(SELECT id AS article_id, source_id AS list_id FROM article WHERE source_id IS NOT NULL)",
        0,
    ),
];

const COUNTED: [&str; 6] = ["edition", "section", "story", "topic", "person", "source"];

const STORIES: &str = "UPDATE story SET last_article_at = \
    (SELECT max(l.listed_at) FROM listing l WHERE l.list_id = story.id AND l.direct = 0), \
    active_at = coalesce((SELECT max(l.listed_at) FROM listing l WHERE l.list_id = story.id \
    AND l.direct = 0), active_at)";

/// Computes all derived values. Requires that all rows are restored and known to form trees.
pub(super) async fn derive(writer: &WriteTx) -> Result<()> {
    for text in PATHS.into_iter().chain(COMMENTS) {
        run(writer, spelled(writer, text)).await?;
    }
    let mut articles = ARTICLES.to_owned();
    for links in article::LISTED_LINKS {
        if let Some(list) = links.list {
            let ids = links.ids_of(writer.dialect(), list.table);
            articles.extend([", ", list.column, " = ", &ids]);
        }
    }
    run(writer, articles).await?;
    run(writer, "DELETE FROM listing".to_owned()).await?;
    for (entity, lists, direct) in LISTS {
        let text = format!(
            "INSERT INTO listing (list_id, direct, article_id, entity, listed_at, comment_count, kind, \
             language, has_photos, has_video, has_audio) \
             SELECT l.list_id, {direct}, a.id, '{entity}', a.listed_at, a.comment_count, a.kind, \
             a.language, a.has_photos, a.has_video, a.has_audio FROM {lists} l \
             JOIN article a ON a.id = l.article_id WHERE a.status = 'published'"
        );
        run(writer, text).await?;
    }
    for entity in COUNTED {
        let text = format!(
            "UPDATE {entity} SET article_count = \
             (SELECT count(*) FROM listing l WHERE l.list_id = {entity}.id AND l.direct = 0)"
        );
        run(writer, text).await?;
    }
    run(writer, STORIES.to_owned()).await
}

/// Adapts the boolean literals of a statement to the dialect. SQLite stores booleans as numbers.
fn spelled(writer: &WriteTx, text: &str) -> String {
    match writer.dialect() {
        Dialect::Postgres => text.to_owned(),
        Dialect::Sqlite => text.replace("TRUE", "1").replace("FALSE", "0"),
    }
}

async fn run(writer: &WriteTx, text: String) -> Result<()> {
    let done = writer.run(DOING, writer.sql(), text).await;
    done.map(drop).map_err(Error::from)
}
