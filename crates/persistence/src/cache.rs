//! The cache: answers of the database that are kept until the change feed says that they changed.
//!
//! It is exact. Each kept answer knows what it was read from ([`ReadingKey`]); each write says in its
//! row of the feed what it touches; reading the feed, the cache lets go of precisely that. An answer
//! that was read before a change and comes after it is not kept. Whoever commits on this node is
//! answered when the cache has read that far, so that every later request here sees the write.
//!
//! What keeps it sound, in the terms of the code: `applied` is the place up to which the feed was
//! read, so whatever reads the primary from then on reads that much at least. A `View` is taken
//! before anything is read, and remembers `applied`; what was read under it is kept unless one of
//! its keys was touched after that place.

mod kept;
mod key;
mod lease;
mod record;
mod seam;
mod snapshot;
mod stats;
mod store;
mod view;

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
use crate::change::{Change, EVERYTHING, Feed, Noun, Page, Part, Position};
use crate::{Error, Result};

pub use self::kept::{Kept, Shown};
pub use self::key::ReadingKey;
pub use self::record::{Record, Recorded};
#[cfg(feature = "failpoints")]
pub use self::seam::Meddle;
use self::seam::Seam;
pub use self::seam::Step;
pub use self::stats::{Stats, Tally};
pub use self::view::AnswerName;
pub(crate) use self::view::View;

/// The lease that a cache has by default: for how long it answers after the feed was last read to its
/// end.
pub const LEASE: Duration = Duration::from_secs(2);

/// How many changes are read at once.
const BATCH: u16 = 1_000;

/// How long a failed reader of the feed waits before it reads again.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a request or a write waits at most until the feed was read up to what it knows of: a
/// read of the feed takes some milliseconds. After that the database is asked, not the cache.
const PATIENCE: Duration = Duration::from_millis(500);

/// One node's cache. Cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    known: RwLock<All>,
    /// The place up to which the feed was read; none while it cannot be read.
    applied: watch::Sender<Option<i64>>,
    /// The epoch in which that place is.
    epoch: AtomicI64,
    lease: Lease,
    /// The last place that was committed here.
    committed: AtomicI64,
    counts: Counts,
    /// There is reference data to be read anew.
    touched: Arc<Notify>,
    /// There is none, and what was read answers.
    settled: watch::Sender<bool>,
    following: OnceLock<[AbortHandle; 2]>,
    seam: Seam,
}

/// What is known, all of it as of the same place in the feed.
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
    /// A cache of at most so many bytes, which follows this feed from where it ends now and has
    /// read the reference data, unless that is being written just now.
    ///
    /// It answers only while the feed was read to its end within the lease: what happens while packets
    /// to the database vanish, or while this process is frozen, nobody has heard of.
    pub(crate) async fn follow(most: usize, lease: Duration, feed: Feed) -> Result<Self> {
        let begun = Instant::now();
        let edges = feed.edges().await?;
        let feed = feed.in_epoch(edges.epoch);
        let head = edges.head;
        let cache = Self::at(most, head, Lease::new(lease, begun));
        cache.0.epoch.store(edges.epoch, Ordering::Release);
        let inner = || Arc::downgrade(&cache.0);
        let following = tokio::spawn(follow(inner(), feed.clone(), head));
        // What fails here is told and tried again below.
        let _ = Box::pin(snapshot::refresh(&cache.0, &feed)).await;
        let keeping = tokio::spawn(snapshot::keep(inner(), feed));
        // They were not set before.
        let _ = cache
            .0
            .following
            .set([following.abort_handle(), keeping.abort_handle()]);
        Ok(cache)
    }

    /// A cache of at most so many bytes that knows the feed up to a place and follows nothing.
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
            seam: Seam::default(),
        }))
    }

    /// What it has done, and what it holds.
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

    /// How many entries were let go because something was written, by the kind of what was: a thing
    /// or a part of one.
    pub fn dropped(&self) -> Vec<(Noun, Option<Part>, u64)> {
        let known = self.0.read();
        let dropped = known.store.dropped.iter();
        dropped
            .map(|(&(noun, part), &count)| (noun, part, count))
            .collect()
    }

    /// Whether a whole answer is kept, which does not count as asking for it.
    #[cfg(feature = "failpoints")]
    pub fn has_answer(&self, name: &AnswerName) -> bool {
        self.0.read().store.has(name)
    }

    /// Lets a test meddle with it from now on.
    #[cfg(feature = "failpoints")]
    pub fn meddle(&self, meddle: Arc<dyn Meddle>) {
        self.0.seam.open(meddle);
    }

    /// Up to which change everybody who asks here is told the truth: what a client may be given, to
    /// be told no less by another node. None while the feed cannot be read.
    pub fn position(&self) -> Option<Position> {
        let seq = (*self.0.applied.borrow()).filter(|_| self.0.lease.is_valid())?;
        let epoch = self.0.epoch.load(Ordering::Acquire);
        Some(Position { epoch, seq })
    }

    /// The whole answer that is kept under a name, and its age: the time since anybody knew that it was
    /// what would be answered. None when it is older than this. For when the database does not answer.
    pub fn stale<V: Send + Sync + 'static>(
        &self,
        name: &AnswerName,
        most: Duration,
    ) -> Option<(Arc<V>, Duration)> {
        let age = self.0.lease.age();
        if age > most {
            return None;
        }
        let kept = self.0.read().store.get::<_, V>(name)?;
        Some((kept, age))
    }

    /// Follows the feed no longer; what is kept is not answered from then on.
    pub(crate) fn stop(&self) {
        self.0.abort();
        self.0.lost();
    }

    /// Waits until the feed was read up to all that was committed here, and up to this place, but
    /// not for long. Tells whether it was.
    pub(crate) async fn ready(&self, place: i64) -> bool {
        let committed = self.0.committed.load(Ordering::Acquire);
        self.reaches(committed.max(place)).await
    }

    /// What is kept, as of now. None while it does not know of all that was committed here, and when
    /// its lease is over.
    pub(crate) fn view(&self) -> Option<View> {
        if !self.0.lease.is_valid() {
            return None;
        }
        let committed = self.0.committed.load(Ordering::Acquire);
        let known = self.0.read();
        let position = (*self.0.applied.borrow())?;
        (position >= committed).then(|| View {
            cache: self.clone(),
            position,
            epoch: self.0.epoch.load(Ordering::Acquire),
            generation: known.store.generation,
            reference: known.snapshot.current(),
        })
    }

    /// Remembers that this node committed up to here, and waits for the feed.
    pub(crate) async fn committed(&self, last: i64) {
        self.0.seam.at(Step::Commit).await;
        self.0.committed.fetch_max(last, Ordering::AcqRel);
        self.0.seam.at(Step::Acknowledge).await;
        self.reaches(last).await;
    }

    /// Waits until the reference data answers as of then or later, but not for long.
    pub(crate) async fn settles(&self) {
        let mut settled = self.0.settled.subscribe();
        let settled = settled.wait_for(|settled| *settled);
        // Without it the database is asked.
        let _ = tokio::time::timeout(PATIENCE, settled).await;
    }

    pub(crate) async fn reaches(&self, place: i64) -> bool {
        // Whoever goes on without it is told by `view` that it knows too little.
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

    /// Waits until the feed was read up to this place, but not for long. Tells whether it was.
    async fn reaches(&self, place: i64) -> bool {
        let mut applied = self.applied.subscribe();
        let there = applied.wait_for(|applied| applied.is_some_and(|applied| applied >= place));
        matches!(tokio::time::timeout(PATIENCE, there).await, Ok(Ok(_)))
    }

    /// Lets go of what these changes touch, and says that the feed is known up to this place.
    fn apply(&self, changes: &[Change], place: i64) {
        let mut known = self.write();
        let All { store, snapshot } = &mut *known;
        let mut touched = false;
        for change in changes {
            let mut keys = ReadingKey::touched_by(change).unwrap_or_else(|| {
                let keys = &change.keys;
                if !keys.iter().any(|key| key == EVERYTHING) {
                    tracing::warn!(?keys, "a reading key is not known");
                }
                tracing::info!(seq = change.seq, "cache_cleared: everything was touched");
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
        // Under the lock: whoever takes a view knows that what is kept is as of this place.
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

    /// Begins anew from this place.
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

    /// Says that nothing is known of what happens now.
    fn lost(&self) {
        let _known = self.write();
        self.applied.send_replace(None);
    }
}

/// Reads the feed for as long as anybody has the cache.
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
                inner.seam.at(Step::Apply).await;
                inner.apply(&changes, place);
                if place >= edges.head {
                    inner.lease.renew(begun);
                    let most = inner.lease.time() / 4;
                    drop(inner);
                    feed.wait(most).await;
                }
            }
            Err(Error::Missed { head, epoch, .. }) => {
                tracing::warn!(
                    after = place,
                    head,
                    epoch,
                    "changes were missed: the cache is emptied"
                );
                feed.restart(head);
                inner.begin(Position { epoch, seq: head });
                place = head;
            }
            Err(error) => {
                tracing::warn!(cause = %error, "the change feed cannot be read: nothing is answered from the cache");
                inner.lost();
                drop(inner);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
