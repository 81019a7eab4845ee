//! The lease of a cache: how long it may answer after it last read the change feed to the end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A lease, renewed each time the feed is read to its end.
#[derive(Debug)]
pub(crate) struct Lease {
    time: Duration,
    since: Instant,
    /// The expiry, in microseconds after `since`.
    until: AtomicU64,
}

impl Lease {
    /// Creates a lease of the given duration, starting at the given time.
    pub(crate) fn new(time: Duration, from: Instant) -> Self {
        Self {
            time,
            since: from,
            until: AtomicU64::new(micros(time)),
        }
    }

    /// Renews the lease after a read that began at this time. Later writes may be missing from it.
    pub(super) fn renew(&self, begun: Instant) {
        let until = begun.saturating_duration_since(self.since) + self.time;
        self.until.fetch_max(micros(until), Ordering::AcqRel);
    }

    /// Whether the lease has not expired.
    pub(super) fn is_valid(&self) -> bool {
        micros(self.since.elapsed()) < self.until.load(Ordering::Acquire)
    }

    /// Returns the time since the feed was last read to its end.
    pub(super) fn age(&self) -> Duration {
        let until = Duration::from_micros(self.until.load(Ordering::Acquire));
        self.since
            .elapsed()
            .saturating_sub(until.saturating_sub(self.time))
    }

    /// Returns the duration of the lease.
    pub(super) fn time(&self) -> Duration {
        self.time
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_from_the_beginning_of_a_reading() {
        let second = Duration::from_secs(1);
        let now = Instant::now();
        let lease = Lease::new(second, now.checked_sub(2 * second).unwrap_or(now));
        assert!(!lease.is_valid());
        lease.renew(now.checked_sub(Duration::from_millis(1_500)).unwrap_or(now));
        assert!(!lease.is_valid());
        lease.renew(now);
        assert!(lease.is_valid());
    }
}
