//! What the server counts of its connections.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::activity::End;
use super::buffers::Buffers;
use super::places::Places;

/// Why something was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A connection: all places are taken.
    Connections,
    /// A connection: its address has as many as it may.
    Address,
    /// A request, or an answer: the buffers are full.
    Buffers,
}

/// What was counted since the server started.
#[derive(Default)]
pub struct Stats {
    refused: [AtomicU64; 3],
    ended: [AtomicU64; 5],
    of: OnceLock<(Arc<Places>, Arc<Buffers>)>,
}

impl std::fmt::Debug for Stats {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Stats")
            .field("refused", &self.refused)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Stats {
    pub(super) fn watch(&self, places: &Arc<Places>, buffers: &Arc<Buffers>) {
        let _ = self.of.set((Arc::clone(places), Arc::clone(buffers)));
    }

    pub(super) fn refuse(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self, how: End) {
        self.ended[how as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.of.get().map_or(0, |(places, _)| places.taken())
    }

    /// How many bytes lie in the buffers.
    pub(crate) fn buffered(&self) -> usize {
        self.of.get().map_or(0, |(_, buffers)| buffers.held())
    }

    /// How much was turned away, by why.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 3] {
        let of = |why: Refused| self.refused[why as usize].load(Ordering::Relaxed);
        [
            ("connections", of(Refused::Connections)),
            ("address", of(Refused::Address)),
            ("buffers", of(Refused::Buffers)),
        ]
    }

    /// How many connections the server has ended, by why.
    pub(crate) fn ended(&self) -> [(&'static str, u64); 5] {
        let of = |how: End| self.ended[how as usize].load(Ordering::Relaxed);
        [
            ("idle", of(End::Idle)),
            ("age", of(End::Aged)),
            ("silent", of(End::Silent)),
            ("unread", of(End::Unread)),
            ("lingering", of(End::Lingering)),
        ]
    }
}
