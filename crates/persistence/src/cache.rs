//! The cache: database results and whole answers, cached until the change feed reports that they
//! have changed.
//!
//! The cache is exact. Each entry knows the reading keys ([`CacheTag`]) from which it was read.
//! Each write records in its row of the feed which keys it touches. By following the feed, the
//! cache invalidates exactly the affected entries. A result that was read before a change but
//! arrives after it is not cached. A commit on this node waits until the cache has read that far,
//! so that every later request on this node sees the write.
//!
//! The invariant, in terms of the code: `applied` is the position up to which the feed has been
//! read, so any later read of the primary includes at least that much. A `CacheSession` is taken before
//! anything is read, and stores `applied`. A result read under a view is cached unless one of its
//! keys was touched after that position.

mod dependencies;
mod failpoint;
mod lease;
mod metadata;
mod session;
mod snapshot;
mod stats;
mod store;
mod tag;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

pub(crate) use self::lease::Lease;
use self::snapshot::Snapshot;
use self::stats::Counts;
use self::store::Store;
use crate::feed::{Change, EVERYTHING, EntityKind, Facet, Feed, Page, Position};
use crate::{Error, Result};

pub use self::dependencies::{Dependencies, DependencyTracker};
use self::failpoint::Failpoints;
#[cfg(feature = "failpoints")]
pub use self::failpoint::FaultInjector;
pub use self::failpoint::Point;
pub use self::metadata::{CacheMeta, Cacheable};
pub(crate) use self::session::CacheSession;
pub use self::session::ResponseKey;
pub use self::stats::{Stats, Tally};
pub use self::tag::CacheTag;

/// The default lease of a cache: how long it may answer after it last read the feed to the end.
pub const LEASE: Duration = Duration::from_secs(2);

/// The number of changes to read at once.
const BATCH: u16 = 1_000;

/// The delay before the feed is read again after an error.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest time that a request or a write waits for the cache to catch up with the feed.
/// Reading the feed takes a few milliseconds. After this time the database is queried instead of
/// the cache.
const PATIENCE: Duration = Duration::from_millis(500);

/// The cache of one node. Cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    known: RwLock<All>,
    /// The position up to which the feed has been read. `None` while it cannot be read.
    applied: watch::Sender<Option<i64>>,
    /// The epoch of that position.
    epoch: AtomicI64,
    lease: Lease,
    /// The last position that was committed on this node.
    committed: AtomicI64,
    counts: Counts,
    /// Signals that reference data must be reloaded.
    touched: Arc<Notify>,
    /// Whether no reference data has to be reloaded and the current snapshot is in use.
    settled: watch::Sender<bool>,
    following: OnceLock<[AbortHandle; 2]>,
    seam: Failpoints,
}

/// Everything that is cached, all of it as of one position in the feed.
struct All {
    store: Store,
    snapshot: Snapshot,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.abort();
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Cache").field(&self.stats()).finish()
    }
}

impl Cache {
    /// Creates a cache of at most `most` bytes that follows this feed from its current end. Tries
    /// to load the reference data before it returns. That attempt has no effect if the data is
    /// being written at the same time.
    ///
    /// The cache answers only while the feed was read to its end within the lease. Otherwise it
    /// could miss writes made while packets to the database are lost, or while this process is
    /// suspended.
    pub(crate) async fn follow(most: usize, lease: Duration, feed: Feed) -> Result<Self> {
        let begun = Instant::now();
        let edges = feed.edges().await?;
        let feed = feed.in_epoch(edges.epoch);
        let head = edges.head;
        let cache = Self::at(most, head, Lease::new(lease, begun));
        cache.0.epoch.store(edges.epoch, Ordering::Release);
        let inner = || Arc::downgrade(&cache.0);
        let following = tokio::spawn(follow(inner(), feed.clone(), head));
        // An error here is reported by the task below, which tries again.
        let _ = Box::pin(snapshot::refresh(&cache.0, &feed)).await;
        let keeping = tokio::spawn(snapshot::keep(inner(), feed));
        // The cell is still empty here, so this cannot fail.
        let _ = cache
            .0
            .following
            .set([following.abort_handle(), keeping.abort_handle()]);
        Ok(cache)
    }

    /// Creates a cache of at most `most` bytes that knows the feed up to a position and follows
    /// nothing.
    fn at(most: usize, head: i64, lease: Lease) -> Self {
        Self(Arc::new(Inner {
            known: RwLock::new(All {
                store: Store::new(most, head),
                snapshot: Snapshot::new(),
            }),
            applied: watch::Sender::new(Some(head)),
            epoch: AtomicI64::new(0),
            lease,
            committed: AtomicI64::new(head),
            counts: Counts::default(),
            touched: Arc::default(),
            settled: watch::Sender::new(false),
            following: OnceLock::new(),
            seam: Failpoints::default(),
        }))
    }

    /// Returns the counters and the current size of the cache.
    pub fn stats(&self) -> Stats {
        let counts = &self.0.counts;
        let store = &self.0.read().store;
        Stats {
            entities: counts.entities.tally(),
            answers: counts.answers.tally(),
            dropped: store.dropped.values().sum(),
            cleared: counts.cleared.load(Ordering::Relaxed),
            referred: counts.referred.load(Ordering::Relaxed),
            entries: store.len(),
            bytes: store.bytes(),
        }
    }

    /// Returns the number of entries invalidated by writes, by the kind of object and part written.
    pub fn dropped(&self) -> Vec<(EntityKind, Option<Facet>, u64)> {
        let known = self.0.read();
        let dropped = known.store.dropped.iter();
        dropped
            .map(|(&(noun, part), &count)| (noun, part, count))
            .collect()
    }

    /// Whether a whole answer is cached. Does not count as a lookup.
    #[cfg(feature = "failpoints")]
    pub fn has_answer(&self, name: &ResponseKey) -> bool {
        self.0.read().store.has(name)
    }

    /// Installs hooks with which a test can interfere.
    #[cfg(feature = "failpoints")]
    pub fn meddle(&self, meddle: Arc<dyn FaultInjector>) {
        self.0.seam.open(meddle);
    }

    /// Returns the position up to which every request to this cache sees all changes. A client can
    /// send it to another node to get an answer at least as recent. Returns `None` while the feed
    /// cannot be read, or if the lease has expired.
    pub fn position(&self) -> Option<Position> {
        let seq = (*self.0.applied.borrow()).filter(|_| self.0.lease.is_valid())?;
        let epoch = self.0.epoch.load(Ordering::Acquire);
        Some(Position { epoch, seq })
    }

    /// Returns the whole answer cached under a name, with its age: the time since it was last known
    /// to be current. Returns `None` if the age exceeds `most`. For use while the database is
    /// unavailable.
    pub fn stale<V: Send + Sync + 'static>(
        &self,
        name: &ResponseKey,
        most: Duration,
    ) -> Option<(Arc<V>, Duration)> {
        let age = self.0.lease.age();
        if age > most {
            return None;
        }
        let kept = self.0.read().store.get::<_, V>(name)?;
        Some((kept, age))
    }

    /// Stops following the feed. Nothing is answered from the cache afterwards.
    pub(crate) fn stop(&self) {
        self.0.abort();
        self.0.lost();
    }

    /// Waits for a limited time until the feed has been read up to `place` and to everything
    /// committed on this node. Returns whether it was.
    pub(crate) async fn ready(&self, place: i64) -> bool {
        let committed = self.0.committed.load(Ordering::Acquire);
        self.reaches(committed.max(place)).await
    }

    /// Returns a view of the current cache contents. Returns `None` if the lease has expired, or
    /// while the cache has not caught up with everything committed on this node.
    pub(crate) fn view(&self) -> Option<CacheSession> {
        if !self.0.lease.is_valid() {
            return None;
        }
        let committed = self.0.committed.load(Ordering::Acquire);
        let known = self.0.read();
        let position = (*self.0.applied.borrow())?;
        (position >= committed).then(|| CacheSession {
            cache: self.clone(),
            position,
            epoch: self.0.epoch.load(Ordering::Acquire),
            generation: known.store.generation,
            reference: known.snapshot.current(),
        })
    }

    /// Records that this node has committed up to `last`, and waits for the cache to catch up.
    pub(crate) async fn committed(&self, last: i64) {
        self.0.seam.at(Point::Commit).await;
        self.0.committed.fetch_max(last, Ordering::AcqRel);
        self.0.seam.at(Point::Acknowledge).await;
        self.reaches(last).await;
    }

    /// Waits for a limited time until the reference data is up to date.
    pub(crate) async fn settles(&self) {
        let mut settled = self.0.settled.subscribe();
        let settled = settled.wait_for(|settled| *settled);
        // Without it, the database is queried.
        let _ = tokio::time::timeout(PATIENCE, settled).await;
    }

    pub(crate) async fn reaches(&self, place: i64) -> bool {
        // After a timeout, `view` detects that the cache has not caught up.
        self.0.reaches(place).await
    }
}

impl Inner {
    fn read(&self) -> RwLockReadGuard<'_, All> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, All> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn abort(&self) {
        for task in self.following.get().into_iter().flatten() {
            task.abort();
        }
    }

    /// Waits for a limited time until the feed has been read up to this position. Returns whether
    /// it was.
    async fn reaches(&self, place: i64) -> bool {
        let mut applied = self.applied.subscribe();
        let there = applied.wait_for(|applied| applied.is_some_and(|applied| applied >= place));
        matches!(tokio::time::timeout(PATIENCE, there).await, Ok(Ok(_)))
    }

    /// Invalidates everything that these changes touch, and marks the feed as read up to this
    /// position.
    fn apply(&self, changes: &[Change], place: i64) {
        let mut known = self.write();
        let All { store, snapshot } = &mut *known;
        let mut touched = false;
        for change in changes {
            let mut keys = CacheTag::touched_by(change).unwrap_or_else(|| {
                let keys = &change.keys;
                if !keys.iter().any(|key| key == EVERYTHING) {
                    tracing::warn!(?keys, "cache_tag_unknown");
                }
                tracing::info!(seq = change.seq, "cache_cleared");
                store.clear(change.seq);
                snapshot.clear();
                touched = true;
                self.counts.cleared.fetch_add(1, Ordering::Relaxed);
                Vec::new()
            });
            self.seam.forget(&mut keys);
            touched |= snapshot.touch(keys.iter().copied());
            store.apply(change.seq, keys);
        }
        // Done under the lock, so that a view always sees cache contents as of this position.
        self.applied.send_if_modified(|applied| {
            let is_news = *applied != Some(place);
            *applied = Some(place);
            is_news
        });
        if touched {
            self.settled.send_replace(false);
            self.touched.notify_one();
        }
    }

    /// Clears the cache and starts again from this position.
    fn begin(&self, Position { epoch, seq: head }: Position) {
        let mut known = self.write();
        known.store.clear(head);
        known.snapshot.clear();
        self.settled.send_replace(false);
        self.touched.notify_one();
        self.counts.cleared.fetch_add(1, Ordering::Relaxed);
        self.committed.fetch_min(head, Ordering::AcqRel);
        self.epoch.store(epoch, Ordering::Release);
        self.applied.send_replace(Some(head));
    }

    /// Marks the cache as unable to follow the feed.
    fn lost(&self) {
        let _known = self.write();
        self.applied.send_replace(None);
    }
}

/// Follows the feed for as long as the cache is in use.
async fn follow(inner_of: Weak<Inner>, mut feed: Feed, mut place: i64) {
    loop {
        let begun = Instant::now();
        let read = feed.poll(place, BATCH).await;
        let Some(inner) = inner_of.upgrade() else {
            return;
        };
        match read {
            Ok(Page { changes, edges }) => {
                place = changes.last().map_or(place, |last| last.seq);
                inner.seam.at(Point::Apply).await;
                inner.apply(&changes, place);
                if place >= edges.head {
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
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
