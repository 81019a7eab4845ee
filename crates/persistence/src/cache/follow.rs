//! The tasks that keep a cache current: one follows the change feed, the other reloads reference data.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::failpoint::Point;
use super::lease::Lease;
use super::snapshot::SnapshotData;
use super::{Cache, Inner};
use crate::feed::{Feed, Page, Position};
use crate::{Error, ReadSession, Result};

/// The number of changes to read at once.
const BATCH: u16 = 1_000;

/// The delay before the feed is read again after an error.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest delay between two failed attempts to read. A row that cannot be read is logged
/// once a minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Reference data that can be read from the database.
pub(crate) trait ReadSnapshot: SnapshotData {
    /// Reads the parts that were touched and takes the others from `old`. Returns `None` if there is too
    /// much.
    ///
    /// Each row is in a state that it had at some time since the call. The caller must check that none of
    /// them has changed since.
    fn read(
        reader: &ReadSession,
        old: &Self,
        touched: &Self::Dirty,
    ) -> impl Future<Output = Result<Option<Self>>> + Send;
}

/// Creates a cache of at most `most` bytes that follows this feed from its current end. Tries
/// to load the reference data before it returns. That attempt has no effect if the data is
/// being written at the same time.
///
/// The cache answers only while the feed was read to its end within the lease. Otherwise it
/// could miss writes made while packets to the database are lost, or while this process is
/// suspended.
pub(crate) async fn follow<S: ReadSnapshot>(
    most: usize,
    lease: Duration,
    feed: Feed,
) -> Result<Cache<S>> {
    let begun = Instant::now();
    let bounds = feed.bounds().await?;
    let feed = feed.in_epoch(bounds.epoch);
    let head = bounds.head;
    let cache = Cache::new(most, head, Lease::new(lease, begun));
    cache.0.epoch.store(bounds.epoch, Ordering::Release);
    let inner = || Arc::downgrade(&cache.0);
    let following = tokio::spawn(apply_changes(inner(), feed.clone(), head));
    // An error here is reported by the task below, which tries again.
    let _ = Box::pin(refresh(&cache.0, &feed)).await;
    let reloading = tokio::spawn(reload(inner(), feed));
    // The cell is still empty here, so this cannot fail.
    let _ = cache
        .0
        .following
        .set([following.abort_handle(), reloading.abort_handle()]);
    Ok(cache)
}

/// Follows the feed for as long as the cache is in use.
async fn apply_changes<S: SnapshotData>(inner_of: Weak<Inner<S>>, mut feed: Feed, mut place: i64) {
    loop {
        let begun = Instant::now();
        let read = feed.poll(place, BATCH).await;
        let Some(inner) = inner_of.upgrade() else {
            return;
        };
        match read {
            Ok(Page { changes, bounds }) => {
                place = changes.last().map_or(place, |last| last.seq);
                inner.failpoints.at(Point::Apply).await;
                inner.apply(&changes, place);
                if place >= bounds.head {
                    inner.lease.renew(begun);
                    let most = inner.lease.time() / 4;
                    drop(inner);
                    feed.wait(most).await;
                }
            }
            Err(Error::FeedGap { head, epoch, .. }) => {
                tracing::warn!(after = place, head, epoch, "change_feed_gap");
                feed.restart(head);
                inner.begin(Position { epoch, seq: head });
                place = head;
            }
            Err(error) => {
                tracing::warn!(cause = %error, "change_feed_unavailable");
                inner.lost();
                drop(inner);
                sleep(PAUSE).await;
            }
        }
    }
}

/// Performs one reload of the touched parts and installs the result.
pub(super) async fn refresh<S: ReadSnapshot>(inner: &Inner<S>, feed: &Feed) -> Result<()> {
    let Some(task) = inner.write().snapshot.begin() else {
        return Ok(());
    };
    let found = async {
        let read = S::read(&feed.reader(), &task.old, &task.touched).await?;
        // Everything that was seen is committed by now.
        Ok((read, feed.bounds().await?.head))
    };
    match found.await {
        Ok((read, head)) if inner.reaches(head).await => {
            inner.failpoints.at(Point::Install).await;
            let mut contents = inner.write();
            contents.snapshot.install(&task, read);
            inner.settled.send_replace(contents.snapshot.is_settled());
            Ok(())
        }
        Ok(_) => {
            inner.write().snapshot.abandon(task);
            Ok(())
        }
        Err(error) => {
            inner.write().snapshot.abandon(task);
            Err(error)
        }
    }
}

/// Reloads touched parts for as long as the cache is in use.
async fn reload<S: ReadSnapshot>(inner_of: Weak<Inner<S>>, feed: Feed) {
    let mut pause = PAUSE;
    loop {
        let Some(inner) = inner_of.upgrade() else {
            return;
        };
        let touched = Arc::clone(&inner.touched);
        let begun = Instant::now();
        if let Err(error) = refresh(&inner, &feed).await {
            tracing::warn!(cause = %error, "reference_data_unavailable");
            drop(inner);
            // Retries after the pause, or as soon as something is written, which may have fixed the
            // problem.
            let _ = timeout(pause, touched.notified()).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
            continue;
        }
        pause = PAUSE;
        if !inner.read().snapshot.is_settled() {
            touched.notify_one();
        }
        drop(inner);
        // Pauses for as long as the reload took. Even under many writes, this leaves the database
        // time for other work.
        sleep(begun.elapsed()).await;
        touched.notified().await;
    }
}
