//! Connection statistics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::activity::CloseReason;
use super::buffer_budget::BufferBudget;
use super::connection_limits::ConnectionLimits;

/// The reason for which a connection or request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The limit on all connections was reached.
    Connections,
    /// The limit on connections per address was reached.
    Address,
    /// The memory limit for requests and responses was reached.
    Buffers,
}

/// Connection counters since the start of the server.
#[derive(Default)]
pub struct Stats {
    refused: [AtomicU64; 3],
    ended: [AtomicU64; 5],
    of: OnceLock<(Arc<ConnectionLimits>, Arc<BufferBudget>)>,
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
    pub(super) fn watch(&self, limits: &Arc<ConnectionLimits>, buffers: &Arc<BufferBudget>) {
        let _ = self.of.set((Arc::clone(limits), Arc::clone(buffers)));
    }

    pub(super) fn refuse(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self, how: CloseReason) {
        self.ended[how as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of open connections.
    pub(crate) fn connections(&self) -> usize {
        self.of.get().map_or(0, |(limits, _)| limits.in_use())
    }

    /// Returns the number of bytes reserved in the buffers.
    pub(crate) fn buffered(&self) -> usize {
        self.of.get().map_or(0, |(_, buffers)| buffers.in_use())
    }

    /// Returns the number of refused connections and requests per reason.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 3] {
        let of = |why: Refused| self.refused[why as usize].load(Ordering::Relaxed);
        [
            ("connections", of(Refused::Connections)),
            ("address", of(Refused::Address)),
            ("buffers", of(Refused::Buffers)),
        ]
    }

    /// Returns the number of connections that the server closed per reason.
    pub(crate) fn ended(&self) -> [(&'static str, u64); 5] {
        let of = |how: CloseReason| self.ended[how as usize].load(Ordering::Relaxed);
        [
            ("idle", of(CloseReason::Idle)),
            ("age", of(CloseReason::Aged)),
            ("silent", of(CloseReason::Silent)),
            ("unread", of(CloseReason::Unread)),
            ("lingering", of(CloseReason::Lingering)),
        ]
    }
}
