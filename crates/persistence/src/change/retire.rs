//! Retention: the change feed is kept for a while and not for ever.

use chrono::{DateTime, Utc};

use crate::{Doing, Result, Writer};

/// How many rows go at once: more would keep SQLite's one writer from others for too long.
const MOST: i64 = 5_000;

/// Lets the oldest rows of the feed go, up to the first that was written at `before` or later, but
/// never one of the newest `floor`; at most some thousands of them. Gives how many went: until that
/// is none, there may be more.
///
/// What goes is always the feed's beginning, so that what stays has no gap.
pub async fn retire(writer: &Writer, before: DateTime<Utc>, floor: u32) -> Result<u64> {
    const DOING: &str = "let old rows of the change feed go";
    let mut sql = writer.sql();
    let text = format!(
        "SELECT h.seq AS head, (SELECT min(seq) FROM change) AS oldest, \
         (SELECT min(seq) FROM change WHERE at >= {}) AS young FROM change_head h WHERE h.id = 1",
        sql.bind(before)
    );
    let mut last = 0;
    for row in writer.rows(DOING, sql, text).await? {
        let head: i64 = row.try_get("", "head").doing(DOING)?;
        let oldest: Option<i64> = row.try_get("", "oldest").doing(DOING)?;
        let young: Option<i64> = row.try_get("", "young").doing(DOING)?;
        // The place before the first young row, or the head where all are old.
        let aged = young.map_or(head, |young| young - 1);
        let most = oldest.map_or(0, |oldest| oldest - 1 + MOST);
        last = aged.min(head - i64::from(floor)).min(most);
    }
    let mut sql = writer.sql();
    let text = format!("DELETE FROM change WHERE seq <= {}", sql.bind(last));
    writer.run(DOING, sql, text).await
}
