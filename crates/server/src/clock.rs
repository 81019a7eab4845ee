//! The newsroom's clock: the database's, which all nodes share, as far as this node knows it.
//!
//! A node asks the database for the time every few seconds and remembers by how much its own clock is
//! off. So what is scheduled goes out at its hour, and what is written carries the right one, on a node
//! whose clock is wrong. While the database does not answer, the last difference holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::clock::Clock;
use khabar_persistence::{Db, Result};

/// How often the database is asked: a clock that is set anew is noticed before an editor does.
const EVERY: Duration = Duration::from_secs(5);

/// By how much a node's clock may differ before that is told: more than a network that keeps its clocks
/// in step ever shows, and the least that readers would notice of a schedule.
const TOLERATED: TimeDelta = TimeDelta::seconds(1);

/// How long the database may take to tell the time: what takes longer says nothing of a second.
const SLOWEST: TimeDelta = TimeDelta::milliseconds(500);

/// This node's clock, set right by the database's.
pub struct DatabaseClock {
    own: Arc<dyn Clock>,
    /// Microseconds by which the database's clock is ahead of this node's.
    ahead: AtomicI64,
}

impl DatabaseClock {
    /// This clock, taken to be right until the database was asked.
    pub fn new(own: Arc<dyn Clock>) -> Self {
        Self {
            own,
            ahead: AtomicI64::new(0),
        }
    }

    /// By how much the database's clock is ahead of this node's.
    pub fn ahead(&self) -> TimeDelta {
        TimeDelta::microseconds(self.ahead.load(Ordering::Relaxed))
    }

    /// What is wrong with this node's clock, if anything is, as a sentence.
    pub fn complaint(&self) -> Option<String> {
        let ahead = self.ahead();
        (ahead.abs() > TOLERATED).then(|| {
            let milliseconds = ahead.num_milliseconds().unsigned_abs();
            let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
            let side = if ahead > TimeDelta::zero() {
                "behind"
            } else {
                "ahead of"
            };
            format!("this node's clock is {seconds}.{rest:03} s {side} the database's")
        })
    }

    /// Asks the database for the time.
    pub async fn set(&self, db: &Db) -> Result<()> {
        let asked = self.own.now();
        let Some(told) = db.clock().await? else {
            return Ok(());
        };
        let took = self.own.now() - asked;
        // The first answer is better than none.
        if took <= SLOWEST || self.ahead() == TimeDelta::zero() {
            let ahead = told - (asked + took / 2);
            let ahead = ahead.num_microseconds().unwrap_or_default();
            self.ahead.store(ahead, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Goes on asking, and tells the log when the clock goes wrong, and when it is right again.
    pub async fn run(self: Arc<Self>, db: Db) {
        let mut was_wrong = false;
        loop {
            if let Err(error) = self.set(&db).await {
                tracing::debug!(cause = %error, "the database does not tell the time");
            }
            match self.complaint() {
                Some(complaint) if !was_wrong => {
                    tracing::warn!("{complaint}: its own is not gone by; set it right");
                    was_wrong = true;
                }
                None if was_wrong => {
                    tracing::info!("this node's clock is right again");
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
        own.checked_add_signed(self.ahead()).unwrap_or(own)
    }
}

#[cfg(test)]
mod tests {
    use khabar_domain::clock::FixedClock;

    use super::*;

    #[test]
    fn a_clock_that_is_off_by_more_than_a_second_is_told_of() {
        let own = FixedClock(DateTime::UNIX_EPOCH);
        let clock = DatabaseClock::new(Arc::new(own));
        for (microseconds, told) in [
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
            clock.ahead.store(microseconds, Ordering::Relaxed);
            assert_eq!(clock.complaint().as_deref(), told);
            assert_eq!(clock.now(), own.0 + TimeDelta::microseconds(microseconds));
        }
    }
}
