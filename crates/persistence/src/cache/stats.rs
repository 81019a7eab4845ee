//! Statistics of a cache.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub(super) struct Counts {
    pub(super) entities: Counted,
    pub(super) responses: Counted,
    pub(super) cleared: AtomicU64,
    pub(super) referred: AtomicU64,
}

#[derive(Default)]
pub(super) struct Counted {
    hits: AtomicU64,
    misses: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Counted {
    pub(super) fn tally(&self) -> Tally {
        Tally {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    pub(super) fn record(&self, hits: usize, misses: usize) {
        self.hits.fetch_add(hits as u64, Ordering::Relaxed);
        self.misses.fetch_add(misses as u64, Ordering::Relaxed);
    }
}

/// Lookup counters of one kind of cache entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of entries found.
    pub hits: u64,
    /// The number of lookups that found no entry.
    pub misses: u64,
    /// The number of results not cached because their sources were written in the meantime.
    pub refused: u64,
}

/// The activity of a cache since it was created, and its current size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Counters of the database results for batch keys.
    pub entities: Tally,
    /// Counters of whole responses.
    pub responses: Tally,
    /// The number of entries invalidated by writes.
    pub dropped: u64,
    /// The number of times that the whole cache was cleared, because changes were missed or not
    /// understood.
    pub cleared: u64,
    /// The number of results answered from the reference data, including repeated ones.
    pub referred: u64,
    /// The number of entries in the cache.
    pub entries: usize,
    /// The approximate size of the entries, in bytes.
    pub bytes: usize,
}
