//! Reading the change feed: a page of its rows, with the extent of the feed.

use uuid::Uuid;

use super::change::table;
use super::position::headless;
use super::{Change, FeedBounds};
use crate::query::decode::columns;
use crate::query::ordered_source::{OrderedSource, Range};
use crate::{Doing, Error, ReadSession, Result, SortKey, Source};

const QUERY: &str = "change.feed";

/// Returns the current extent of the feed, as seen by this reader's database.
pub async fn bounds(reader: &ReadSession) -> Result<FeedBounds> {
    Ok(read(reader, 0, 0).await?.bounds)
}

/// Returns up to `most` changes after this position, oldest first. Fails with [`Error::FeedGap`] if
/// some of them have already been deleted, so that no reader misses changes unnoticed.
pub async fn after(reader: &ReadSession, seq: i64, most: u16) -> Result<Vec<Change>> {
    Ok(page(reader, None, seq, most).await?.changes)
}

/// The retained changes, oldest first, as a source of pages for people who look through them. Unlike a
/// [`Feed`](super::Feed), it neither waits for changes nor reports those that were deleted.
#[derive(Clone, Copy)]
pub struct ChangeLog<'a>(pub &'a ReadSession);

impl OrderedSource for ChangeLog<'_> {
    type Item = Change;
    const SOURCE: Source = Source::Changes;
    const DESCENDING: bool = false;

    async fn items(&self, range: Range) -> Result<Vec<(SortKey, Change)>> {
        let Self(reader) = *self;
        let FeedBounds { oldest, head, .. } = bounds(reader).await?;
        // Clients can send any number.
        let first = range.after.map(|key| key.value.saturating_add(1));
        let mut first = first.unwrap_or(oldest).max(oldest);
        let last = range.before.map(|key| key.value.saturating_sub(1));
        let mut last = last.unwrap_or(head).min(head);
        let limit = i64::try_from(range.limit).unwrap_or(i64::MAX);
        if range.from_end {
            first = first.max(last.saturating_sub(limit).saturating_add(1));
        } else {
            last = last.min(first.saturating_add(limit).saturating_sub(1));
        }
        if first > last {
            return Ok(Vec::new());
        }
        let changes = read(reader, first.saturating_sub(1), last).await?.changes;
        let key = |change: &Change| SortKey {
            value: change.seq,
            id: Uuid::nil(),
        };
        Ok(changes
            .into_iter()
            .map(|change| (key(&change), change))
            .collect())
    }
}

/// A page of the feed, with the extent of the feed when it was read.
pub(crate) struct Page {
    pub(crate) changes: Vec<Change>,
    pub(crate) bounds: FeedBounds,
}

/// Returns the changes after this position. Fails with [`Error::FeedGap`] if the epoch differs from
/// the expected one, or if the feed no longer reaches back to this position.
pub(super) async fn page(
    reader: &ReadSession,
    epoch: Option<i64>,
    after: i64,
    most: u16,
) -> Result<Page> {
    let (after, most) = (after.max(0), most.max(1));
    let page = read(reader, after, after.saturating_add(most.into())).await?;
    let FeedBounds {
        oldest,
        head,
        epoch: found,
    } = page.bounds;
    let first = page.changes.first().map_or(head + 1, |first| first.seq);
    if epoch.is_some_and(|epoch| epoch != found) || (head > after && first > after + 1) {
        return Err(Error::FeedGap {
            after,
            oldest,
            head,
            epoch: found,
        });
    }
    Ok(page)
}

/// Returns the rows after one position up to another, in one consistent read. `seq` has no gaps, so
/// a range of it is a page.
async fn read(reader: &ReadSession, after: i64, to: i64) -> Result<Page> {
    let mut sql = reader.sql();
    let (from, to) = (sql.bind(after), sql.bind(to));
    let text = format!(
        "SELECT h.seq, h.epoch, COALESCE((SELECT min(c.seq) FROM change c), h.seq + 1), t.seq, {} \
         FROM change_head h LEFT JOIN change t ON t.seq > {from} AND t.seq <= {to} \
         WHERE h.id = 1 ORDER BY t.seq",
        columns::<table::Model>("t")
    );
    let rows = reader.rows(QUERY, sql, text).await?;
    let mut bounds = None;
    let mut changes = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut cells = reader.cells(row, QUERY)?;
        bounds = Some(FeedBounds {
            head: cells.take()?,
            epoch: cells.take()?,
            oldest: cells.take()?,
        });
        if let Some(seq) = cells.take()? {
            let change = cells.perhaps::<table::Model>()?;
            changes.push(change.unwrap_or_else(|| Change::unreadable(seq)));
        }
    }
    let bounds = bounds.ok_or_else(headless).query(QUERY)?;
    Ok(Page { changes, bounds })
}
