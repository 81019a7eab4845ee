//! What no constraint of the database says of rows that refer to others of their table: that they
//! make trees. Whoever walks up or down would walk for ever in a circle.

use super::{Error, Result};
use crate::{Doing, Writer};

/// A mistake, and how it is found.
struct Mistake {
    table: &'static str,
    /// Finds the id of a row that has it.
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
    // Each stands one deeper than what it answers. In a circle that cannot be so of all.
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
    // Downwards from the top, where no circle is come to.
    Mistake {
        table: "section",
        text: "WITH RECURSIVE reached (id) AS (SELECT id FROM section WHERE parent_id IS NULL \
               UNION ALL SELECT s.id FROM section s JOIN reached r ON s.parent_id = r.id) \
               SELECT id FROM section WHERE id NOT IN (SELECT id FROM reached) \
               ORDER BY id LIMIT 1",
        problem: "lies in no section at the top: those above it go in a circle, or one is missing",
    },
];

/// Refuses comments and sections that make no trees, by the first row that has the mistake.
pub(super) async fn check(writer: &Writer) -> Result<()> {
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
