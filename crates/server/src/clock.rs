//! The newsroom's clock: an estimate of the database's clock, which all nodes share.
//!
//! A node asks the database for the time every few seconds and remembers the difference from its own
//! clock. Even if a node's clock is wrong, scheduled content is therefore published on time, and writes
//! have correct timestamps. While the database does not respond, the last known difference applies. A
//! SQLite database has no clock of its own, so the node's clock is used unchanged.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::clock::Clock;
use khabar_persistence::{Db, Result};

/// Interval between two queries: short enough to detect a changed clock before an editor notices.
const EVERY: Duration = Duration::from_secs(5);

/// Maximum difference that is not reported. Synchronised clocks in a network differ by less, and readers
/// would not notice a smaller delay of scheduled content.
const MAX_OFFSET: TimeDelta = TimeDelta::seconds(1);

/// Maximum round-trip time of a query. A slower one is too imprecise to detect a difference of a second.
const MAX_ROUND_TRIP: TimeDelta = TimeDelta::milliseconds(500);

/// The node's clock, corrected by the database's clock.
pub struct DatabaseClock {
    own: Arc<dyn Clock>,
    /// Microseconds by which the database's clock is ahead of the node's clock.
    offset: AtomicI64,
}

impl DatabaseClock {
    /// Creates a clock that returns the time of `own`, uncorrected until the first call of
    /// [`DatabaseClock::set`].
    pub fn new(own: Arc<dyn Clock>) -> Self {
        Self {
            own,
            offset: AtomicI64::new(0),
        }
    }

    /// Returns the time by which the database's clock is ahead of the node's clock.
    pub fn offset(&self) -> TimeDelta {
        TimeDelta::microseconds(self.offset.load(Ordering::Relaxed))
    }

    /// Returns a sentence that describes the error of the node's clock, if it exceeds one second.
    pub fn complaint(&self) -> Option<String> {
        let offset = self.offset();
        (offset.abs() > MAX_OFFSET).then(|| {
            let milliseconds = offset.num_milliseconds().unsigned_abs();
            let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
            let side = if offset > TimeDelta::zero() {
                "behind"
            } else {
                "ahead of"
            };
            format!("this node's clock is {seconds}.{rest:03} s {side} the database's")
        })
    }

    /// Asks the database for the time and stores the difference. A slow response is discarded if a
    /// difference is already known.
    pub async fn set(&self, db: &Db) -> Result<()> {
        let sent_at = self.own.now();
        let Some(database_time) = db.clock().await? else {
            return Ok(());
        };
        let round_trip = self.own.now() - sent_at;
        // An imprecise first measurement is better than none.
        if round_trip <= MAX_ROUND_TRIP || self.offset() == TimeDelta::zero() {
            let offset = database_time - (sent_at + round_trip / 2);
            let offset = offset.num_microseconds().unwrap_or_default();
            self.offset.store(offset, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Asks the database for the time at regular intervals, without end. Logs when the node's clock becomes
    /// wrong, and when it is right again.
    pub async fn run(self: Arc<Self>, db: Db) {
        let mut was_wrong = false;
        loop {
            if let Err(error) = self.set(&db).await {
                tracing::debug!(cause = %error, "database_clock_unavailable");
            }
            match self.complaint() {
                Some(complaint) if !was_wrong => {
                    tracing::warn!(%complaint, "node_clock_skewed");
                    was_wrong = true;
                }
                None if was_wrong => {
                    tracing::info!("node_clock_synchronized");
                    was_wrong = false;
                }
                _ => {}
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> DateTime<Utc> {
        let own = self.own.now();
        own.checked_add_signed(self.offset()).unwrap_or(own)
    }
}

#[cfg(test)]
mod tests {
    use khabar_domain::clock::FixedClock;

    use super::*;

    #[test]
    fn a_clock_skew_over_one_second_is_reported() {
        let own = FixedClock(DateTime::UNIX_EPOCH);
        let clock = DatabaseClock::new(Arc::new(own));
        for (microseconds, database_time) in [
            (0, None),
            (1_000_000, None),
            (-1_000_000, None),
            (
                1_500_000,
                Some("this node's clock is 1.500 s behind the database's"),
            ),
            (
                -86_400_250_000,
                Some("this node's clock is 86400.250 s ahead of the database's"),
            ),
        ] {
            clock.offset.store(microseconds, Ordering::Relaxed);
            assert_eq!(clock.complaint().as_deref(), database_time);
            assert_eq!(clock.now(), own.0 + TimeDelta::microseconds(microseconds));
        }
    }
}
