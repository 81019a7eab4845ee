//! Checks that rows of self-referencing tables form trees, which no database constraint enforces.
//! Code that walks up or down the tree would never finish in a cycle.

use super::{Error, Result};
use crate::{Doing, WriteTx};

/// An inconsistency and the query that finds it.
struct Mistake {
    table: &'static str,
    /// Query that returns the id of a row with this inconsistency.
    text: &'static str,
    problem: &'static str,
}

const MISTAKES: [Mistake; 4] = [
    Mistake {
        table: "comment",
        text: "SELECT c.id FROM comment c JOIN comment p ON p.id = c.parent_id \
               WHERE p.article_id <> c.article_id ORDER BY c.id LIMIT 1",
        problem: "answers one that stands under another article",
    },
    // The depth of a reply is one more than that of its parent. In a cycle this cannot hold for
    // every comment.
    Mistake {
        table: "comment",
        text: "SELECT c.id FROM comment c LEFT JOIN comment p ON p.id = c.parent_id \
               WHERE c.depth <> coalesce(p.depth + 1, 0) ORDER BY c.id LIMIT 1",
        problem: "does not have the depth of its place: its answers go in a circle, or the depth \
                  is wrong",
    },
    Mistake {
        table: "section",
        text: "SELECT s.id FROM section s JOIN section p ON p.id = s.parent_id \
               WHERE p.edition_id <> s.edition_id ORDER BY s.id LIMIT 1",
        problem: "lies in one of another edition",
    },
    // Walks down from the top-level sections, from which no cycle can be reached.
    Mistake {
        table: "section",
        text: "WITH RECURSIVE reached (id) AS (SELECT id FROM section WHERE parent_id IS NULL \
               UNION ALL SELECT s.id FROM section s JOIN reached r ON s.parent_id = r.id) \
               SELECT id FROM section WHERE id NOT IN (SELECT id FROM reached) \
               ORDER BY id LIMIT 1",
        problem: "lies in no section at the top: those above it go in a circle, or one is missing",
    },
];

/// Checks that comments and sections form trees. Fails with the first row that has an inconsistency.
pub(super) async fn check(writer: &WriteTx) -> Result<()> {
    const DOING: &str = "look for circles in the archive";
    for mistake in &MISTAKES {
        let text = mistake.text.to_owned();
        let found = writer.rows(DOING, writer.sql(), text).await?;
        if let Some(row) = found.first() {
            return Err(Error::Row {
                table: mistake.table,
                id: row.try_get("", "id").doing(DOING)?,
                problem: mistake.problem,
            });
        }
    }
    Ok(())
}
