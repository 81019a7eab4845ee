//! Upkeep: the periodic deletion of expired data.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::clock::Clock;
use khabar_persistence::{Db, Result, WriteTx, change, client_address, idempotency};
use serde::{Deserialize, Serialize};

/// Retention of the change feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedRetention {
    /// Number of hours for which rows are retained. Defaults to 168, a week, so that an app that was
    /// closed for some days can resume from its last position.
    pub retention_hours: u32,
    /// Number of newest rows that are retained regardless of their age. Defaults to 10,000, which takes
    /// some megabytes. In a quiet newsroom, readers can then resume after any absence.
    pub min_rows: u32,
}

impl Default for FeedRetention {
    fn default() -> Self {
        Self {
            retention_hours: 7 * 24,
            min_rows: 10_000,
        }
    }
}

/// The numbers of rows that upkeep deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Rows of the change feed.
    pub changes: u64,
    /// Idempotency keys, which clients sent as `idempotencyKey`.
    pub idempotency_keys: u64,
}

/// Retention of the network addresses of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Addresses of readers, stored with comments, with idempotency keys and in the audit log.
    pub readers: TimeDelta,
    /// Addresses of staff, stored in the audit log.
    pub staff: TimeDelta,
}

/// Clears the addresses whose retention period has ended. Returns the number of cleared addresses.
pub async fn clear_addresses(db: &Db, clock: &dyn Clock, retention: Addresses) -> Result<u64> {
    let now = clock.now();
    let mut cleared = 0;
    for (age, kind) in [
        (retention.readers, Kind::Comments),
        (retention.readers, Kind::Done),
        (retention.readers, Kind::Readers),
        (retention.staff, Kind::Staff),
    ] {
        let Some(before) = now.checked_sub_signed(age) else {
            continue;
        };
        loop {
            // Small transactions let other writers proceed in between.
            let writer = db.writer(now).await?;
            let some = kind.clear(&writer, before).await?;
            writer.commit().await?;
            cleared += some;
            if some == 0 {
                break;
            }
        }
    }
    Ok(cleared)
}

/// The places where addresses are stored.
#[derive(Clone, Copy)]
enum Kind {
    Comments,
    Done,
    Readers,
    Staff,
}

impl Kind {
    async fn clear(self, writer: &WriteTx, before: DateTime<Utc>) -> Result<u64> {
        match self {
            Self::Comments => client_address::clear_comments(writer, before).await,
            Self::Done => client_address::clear_done(writer, before).await,
            Self::Readers => client_address::clear_readers(writer, before).await,
            Self::Staff => client_address::clear_staff(writer, before).await,
        }
    }
}

/// The period within which a client may retry a write, as promised by the API.
const DAY: Duration = Duration::from_hours(24);

/// Retention of idempotency keys while the process has run for less than a day. The clock may have been
/// wrong by days before the process started, and there is no way to detect this.
const UNSEEN: TimeDelta = TimeDelta::days(7);

/// The clock readings of this process. After a clock is corrected, a write made a minute ago may look
/// a day old. The readings show how much time has really passed.
#[derive(Debug)]
pub struct ObservedClock {
    since: Instant,
    observed_times: VecDeque<(Instant, DateTime<Utc>)>,
}

impl ObservedClock {
    /// Creates an empty list of readings for a process that started at `since`.
    pub fn new(since: Instant) -> Self {
        Self {
            since,
            observed_times: VecDeque::new(),
        }
    }

    /// Records a clock reading and returns a cut-off time: anything with an earlier timestamp was written
    /// more than a day ago.
    fn a_day_ago(&mut self, now: Instant, observed: DateTime<Utc>) -> DateTime<Utc> {
        let is_past = |at: Instant| now.saturating_duration_since(at) >= DAY;
        self.observed_times.push_back((now, observed));
        // The last reading older than a day is retained, for writes between it and the next reading.
        while self
            .observed_times
            .get(1)
            .is_some_and(|(at, _)| is_past(*at))
        {
            self.observed_times.pop_front();
        }
        let lowest = self
            .observed_times
            .iter()
            .map(|(_, observed)| *observed)
            .min();
        let lowest = lowest.unwrap_or(observed);
        if is_past(self.since) {
            lowest
        } else {
            lowest - UNSEEN
        }
    }
}

/// Interval between rounds of upkeep, much shorter than the retention periods.
const EVERY: Duration = Duration::from_mins(10);

/// Deletes expired data. Safe to run on several nodes at the same time.
pub async fn once(
    db: &Db,
    clock: &dyn Clock,
    feed: FeedRetention,
    observed: &mut ObservedClock,
    instant: Instant,
) -> Result<Removed> {
    let now = clock.now();
    let mut removed = Removed::default();
    // An age beyond the range of the calendar means unlimited retention.
    let before = now.checked_sub_signed(TimeDelta::hours(feed.retention_hours.into()));
    while let Some(before) = before {
        let writer = db.writer(now).await?;
        let some = change::retire(&writer, before, feed.min_rows).await?;
        writer.commit().await?;
        removed.changes += some;
        if some == 0 {
            break;
        }
    }
    let writer = db.writer(now).await?;
    // Uses whichever clock is behind, so that a clock that is ahead deletes nothing too early.
    let database_now = now.min(writer.clock().await?);
    removed.idempotency_keys =
        idempotency::forget(&writer, observed.a_day_ago(instant, database_now)).await?;
    writer.commit().await?;
    Ok(removed)
}

/// Interval between checks of SQLite's write-ahead log.
const EVERY_WAL: Duration = Duration::from_secs(15);

/// Shrinks SQLite's write-ahead log at regular intervals, until the future is dropped.
async fn shrink_wal(db: &Db) {
    loop {
        if let Err(error) = db.shrink_wal().await {
            tracing::debug!(cause = %error, "wal_truncation_failed");
        }
        tokio::time::sleep(EVERY_WAL).await;
    }
}

/// Runs all upkeep tasks until the future is dropped.
pub async fn run(db: Db, clock: Arc<dyn Clock>, feed: FeedRetention, addresses: Addresses) {
    tokio::join!(
        shrink_wal(&db),
        delete_expired(&db, clock.as_ref(), feed, addresses)
    );
}

/// Deletes expired data at regular intervals, until the future is dropped.
async fn delete_expired(db: &Db, clock: &dyn Clock, feed: FeedRetention, addresses: Addresses) {
    let mut observed = ObservedClock::new(Instant::now());
    loop {
        match clear_addresses(db, clock, addresses).await {
            Ok(cleared) => tracing::debug!(cleared, "addresses_removed"),
            Err(error) => {
                tracing::warn!(cause = %error, "address_removal_failed");
            }
        }
        match once(db, clock, feed, &mut observed, Instant::now()).await {
            Ok(Removed {
                changes,
                idempotency_keys,
            }) => tracing::debug!(changes, idempotency_keys, "retention_pass"),
            Err(error) => tracing::warn!(cause = %error, "retention_pass_failed"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
