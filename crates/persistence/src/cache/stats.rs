//! What a cache counts of itself.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub(super) struct Counts {
    pub(super) entities: Counted,
    pub(super) answers: Counted,
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

    pub(super) fn asked(&self, hits: usize, misses: usize) {
        self.hits.fetch_add(hits as u64, Ordering::Relaxed);
        self.misses.fetch_add(misses as u64, Ordering::Relaxed);
    }
}

/// How often one kind of what is kept was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were found.
    pub hits: u64,
    /// How many were asked for that were not there.
    pub misses: u64,
    /// How many were not kept, because what they were read from was written meanwhile.
    pub refused: u64,
}

/// What a cache has done since it began, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Answers of the database to the loaders' questions.
    pub entities: Tally,
    /// Whole answers.
    pub answers: Tally,
    /// How many were let go because of a write.
    pub dropped: u64,
    /// How often everything was let go: changes were missed, or not understood.
    pub cleared: u64,
    /// How many answers were reference data, asked for or not before.
    pub referred: u64,
    /// How many are kept.
    pub entries: usize,
    /// How many bytes they take, about.
    pub bytes: usize,
}
