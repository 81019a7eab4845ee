//! Retention of the change feed: deletes its oldest rows.

use chrono::{DateTime, Utc};

use crate::{Doing, Result, WriteTx};

/// Maximum number of rows deleted at once. SQLite has a single writer, and more rows would occupy it
/// for too long.
const MOST: i64 = 5_000;

/// Deletes the oldest rows of the feed, up to the first that was written at `before` or later. Retains
/// at least the newest `floor` rows. Deletes at most a few thousand rows per call and returns their
/// number. There may be more until a call returns 0.
///
/// Only the beginning of the feed is deleted, so the remaining rows have no gap.
pub async fn retire(writer: &WriteTx, before: DateTime<Utc>, floor: u32) -> Result<u64> {
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
        // The position before the first recent row, or the head if all rows are old.
        let aged = young.map_or(head, |young| young - 1);
        let most = oldest.map_or(0, |oldest| oldest - 1 + MOST);
        last = aged.min(head - i64::from(floor)).min(most);
    }
    let mut sql = writer.sql();
    let text = format!("DELETE FROM change WHERE seq <= {}", sql.bind(last));
    writer.run(DOING, sql, text).await
}
