//! What rows say that follows from other rows: counts, where articles stand in lists, which comments
//! readers see. An archive may have been made or mended by hand, so all of it is computed anew.

use super::{Error, Result};
use crate::Writer;
use crate::sql::Dialect;

const DOING: &str = "count what an archive holds";

/// Every section with those that it lies in, itself included.
const PATHS: [&str; 2] = [
    "DELETE FROM section_path",
    "WITH RECURSIVE above (section_id, ancestor_id, height) AS (\
       SELECT id, id, 0 FROM section \
       UNION ALL SELECT a.section_id, s.parent_id, a.height + 1 FROM above a \
       JOIN section s ON s.id = a.ancestor_id WHERE s.parent_id IS NOT NULL) \
     INSERT INTO section_path (section_id, ancestor_id, height) \
     SELECT section_id, ancestor_id, height FROM above",
];

/// Which comments readers see, and how many there are. Of the reports that came since the last
/// decision there are at most all.
const COMMENTS: [&str; 5] = [
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
    "UPDATE article SET comment_count = \
     (SELECT count(*) FROM comment c WHERE c.article_id = article.id AND c.shown)",
];

/// Where a published article stands: what gives the lists, `l.list_id`, and for which noun.
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
    (SELECT max(l.listed_at) FROM listing l WHERE l.list_id = story.id AND l.own = 0), \
    active_at = coalesce((SELECT max(l.listed_at) FROM listing l WHERE l.list_id = story.id \
    AND l.own = 0), active_at)";

/// Computes all of it, after the rows are there and make trees.
pub(super) async fn derive(writer: &Writer) -> Result<()> {
    for text in PATHS.into_iter().chain(COMMENTS) {
        run(writer, spelled(writer, text)).await?;
    }
    run(writer, "DELETE FROM listing".to_owned()).await?;
    for (noun, lists, own) in LISTS {
        let text = format!(
            "INSERT INTO listing (list_id, own, article_id, noun, listed_at, comment_count, kind, \
             language, has_photos, has_video, has_audio) \
             SELECT l.list_id, {own}, a.id, '{noun}', a.listed_at, a.comment_count, a.kind, \
             a.language, a.has_photos, a.has_video, a.has_audio FROM {lists} l \
             JOIN article a ON a.id = l.article_id WHERE a.status = 'published'"
        );
        run(writer, text).await?;
    }
    for noun in COUNTED {
        let text = format!(
            "UPDATE {noun} SET article_count = \
             (SELECT count(*) FROM listing l WHERE l.list_id = {noun}.id AND l.own = 0)"
        );
        run(writer, text).await?;
    }
    run(writer, STORIES.to_owned()).await
}

/// SQLite stores truth as numbers.
fn spelled(writer: &Writer, text: &str) -> String {
    match writer.dialect() {
        Dialect::Postgres => text.to_owned(),
        Dialect::Sqlite => text.replace("TRUE", "1").replace("FALSE", "0"),
    }
}

async fn run(writer: &Writer, text: String) -> Result<()> {
    let done = writer.run(DOING, writer.sql(), text).await;
    done.map(drop).map_err(Error::from)
}
