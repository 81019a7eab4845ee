//! The cache: database results and whole responses, cached until the change feed reports that they
//! have changed.
//!
//! The cache is exact. Each entry knows the cache tags ([`CacheTag`]) from which it was read.
//! Each write records in its row of the feed which tags it touches. By following the feed, the
//! cache invalidates exactly the affected entries. A result that was read before a change but
//! arrives after it is not cached. A commit on this node waits until the cache has read that far,
//! so that every later request on this node sees the write.
//!
//! The cache knows no table: what a result was read from, and how large it is, stands beside its type
//! ([`Cacheable`]), and the reference data is handed in ([`SnapshotData`]).
//!
//! The invariant, in terms of the code: `applied` is the position up to which the feed has been
//! read, so any later read of the primary includes at least that much. A `CacheSession` is taken before
//! anything is read, and stores `applied`. A result read under a view is cached unless one of its
//! tags was touched after that position.

mod dependencies;
mod failpoint;
pub(crate) mod follow;
mod lease;
mod lookup;
mod metadata;
mod session;
mod snapshot;
mod stats;
mod store;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

pub(crate) use self::lease::Lease;
use self::snapshot::Snapshot;
use self::stats::Counts;
use self::store::Store;
use crate::feed::{Change, Content, EntityKind, Facet, Position};

pub use self::dependencies::{Dependencies, DependencyTracker};
use self::failpoint::Failpoints;
#[cfg(feature = "failpoints")]
pub use self::failpoint::FaultInjector;
pub use self::failpoint::Point;
pub use self::lookup::Lookup;
pub use self::metadata::{CacheMeta, Cacheable};
pub(crate) use self::session::CacheSession;
pub use self::session::ResponseCacheKey;
pub use self::snapshot::{DirtyParts, SnapshotData};
pub use self::stats::{Stats, Tally};
pub use crate::feed::CacheTag;

/// The default lease of a cache: how long it may answer after it last read the feed to the end.
pub const LEASE: Duration = Duration::from_secs(2);

/// The longest time that a request or a write waits for the cache to catch up with the feed.
/// Reading the feed takes a few milliseconds. After this time the database is queried instead of
/// the cache.
const PATIENCE: Duration = Duration::from_millis(500);

/// The cache of one node. Cheap to clone. `S` is the reference data that it holds as a whole.
pub struct Cache<S: SnapshotData>(Arc<Inner<S>>);

struct Inner<S: SnapshotData> {
    contents: RwLock<Contents<S>>,
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
    failpoints: Failpoints,
}

/// Everything that is cached, all of it as of one position in the feed.
struct Contents<S: SnapshotData> {
    store: Store,
    snapshot: Snapshot<S>,
}

impl<S: SnapshotData> Clone for Cache<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: SnapshotData> Drop for Inner<S> {
    fn drop(&mut self) {
        self.abort();
    }
}

impl<S: SnapshotData> std::fmt::Debug for Cache<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Cache").field(&self.stats()).finish()
    }
}

impl<S: SnapshotData> Cache<S> {
    /// Creates a cache of at most `most` bytes that is as of a position in the feed and
    /// follows nothing.
    fn new(most: usize, head: i64, lease: Lease) -> Self {
        Self(Arc::new(Inner {
            contents: RwLock::new(Contents {
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
            failpoints: Failpoints::default(),
        }))
    }

    /// Returns the counters and the current size of the cache.
    pub fn stats(&self) -> Stats {
        let counts = &self.0.counts;
        let store = &self.0.read().store;
        Stats {
            entities: counts.entities.tally(),
            responses: counts.responses.tally(),
            dropped: store.dropped.values().sum(),
            cleared: counts.cleared.load(Ordering::Relaxed),
            referred: counts.referred.load(Ordering::Relaxed),
            entries: store.len(),
            bytes: store.bytes(),
        }
    }

    /// Returns the number of entries invalidated by writes, by the kind of object and part written.
    pub fn dropped(&self) -> Vec<(EntityKind, Option<Facet>, u64)> {
        let contents = self.0.read();
        let dropped = contents.store.dropped.iter();
        dropped
            .map(|(&(entity, facet), &count)| (entity, facet, count))
            .collect()
    }

    /// Whether a whole response is cached. Does not count as a lookup.
    #[cfg(feature = "failpoints")]
    pub fn has_response(&self, name: &ResponseCacheKey) -> bool {
        self.0.read().store.has(name)
    }

    /// Installs a test's hooks. Only the first call has an effect.
    #[cfg(feature = "failpoints")]
    pub fn install_failpoints(&self, injector: Arc<dyn FaultInjector>) {
        self.0.failpoints.install(injector);
    }

    /// Returns the position up to which every request to this cache sees all changes. A client can
    /// send it to another node to get a response at least as recent. Returns `None` while the feed
    /// cannot be read, or if the lease has expired.
    pub fn position(&self) -> Option<Position> {
        let seq = (*self.0.applied.borrow()).filter(|_| self.0.lease.is_valid())?;
        let epoch = self.0.epoch.load(Ordering::Acquire);
        Some(Position { epoch, seq })
    }

    /// Returns the whole response cached under a name, with its age: the time since it was last known
    /// to be current. Returns `None` if the age exceeds `most`. For use while the database is
    /// unavailable.
    pub fn stale<V: Send + Sync + 'static>(
        &self,
        name: &ResponseCacheKey,
        most: Duration,
    ) -> Option<(Arc<V>, Duration)> {
        let age = self.0.lease.age();
        if age > most {
            return None;
        }
        let answer = self.0.read().store.get::<_, V>(name)?;
        Some((answer, age))
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
    pub(crate) fn view(&self) -> Option<CacheSession<S>> {
        if !self.0.lease.is_valid() {
            return None;
        }
        let committed = self.0.committed.load(Ordering::Acquire);
        let contents = self.0.read();
        let position = (*self.0.applied.borrow())?;
        (position >= committed).then(|| CacheSession {
            cache: self.clone(),
            position,
            epoch: self.0.epoch.load(Ordering::Acquire),
            generation: contents.store.generation,
            snapshot: contents.snapshot.current(),
        })
    }

    /// Records that this node has committed up to `last`, and waits for the cache to catch up.
    pub(crate) async fn committed(&self, last: i64) {
        self.0.failpoints.at(Point::Commit).await;
        self.0.committed.fetch_max(last, Ordering::AcqRel);
        self.0.failpoints.at(Point::Acknowledge).await;
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

impl<S: SnapshotData> Inner<S> {
    fn read(&self) -> RwLockReadGuard<'_, Contents<S>> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Contents<S>> {
        self.contents
            .write()
            .unwrap_or_else(PoisonError::into_inner)
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
        let mut contents = self.write();
        let Contents { store, snapshot } = &mut *contents;
        let mut touched = false;
        for change in changes {
            let mut tags = change.tags().unwrap_or_else(|| {
                if let Content::Unknown { words } = &change.content
                    && !words.is_empty()
                {
                    tracing::warn!(keys = ?words, "cache_tag_unknown");
                }
                tracing::info!(seq = change.seq, "cache_cleared");
                store.clear(change.seq);
                snapshot.clear();
                touched = true;
                self.counts.cleared.fetch_add(1, Ordering::Relaxed);
                Vec::new()
            });
            self.failpoints.forget(&mut tags);
            touched |= snapshot.touch(tags.iter().copied());
            store.invalidate(change.seq, tags);
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
        let mut contents = self.write();
        contents.store.clear(head);
        contents.snapshot.clear();
        self.settled.send_replace(false);
        self.touched.notify_one();
        self.counts.cleared.fetch_add(1, Ordering::Relaxed);
        self.committed.fetch_min(head, Ordering::AcqRel);
        self.epoch.store(epoch, Ordering::Release);
        self.applied.send_replace(Some(head));
    }

    /// Marks the cache as unable to follow the feed.
    fn lost(&self) {
        let _contents = self.write();
        self.applied.send_replace(None);
    }
}
