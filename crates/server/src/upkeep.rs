//! Upkeep: what the server lets go of as time passes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::clock::Clock;
use khabar_persistence::{Db, Result, Writer, change, client_address, done};
use serde::{Deserialize, Serialize};

/// How much of the change feed is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Feed {
    /// For how many hours. The default, a week, lets an app that was closed over some days go on
    /// where it was.
    pub keep_hours: u32,
    /// How many of the newest rows are kept however old they are. The default lets a quiet
    /// newsroom's readers go on after any absence, for some megabytes.
    pub keep_rows: u32,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            keep_hours: 7 * 24,
            keep_rows: 10_000,
        }
    }
}

/// What upkeep let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Rows of the change feed.
    pub changes: u64,
    /// Writes that clients had named by a `clientMutationId`.
    pub done: u64,
}

/// How long the network addresses of clients are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Those of readers, with their comments, with the writes that they have named, and in the audit log.
    pub readers: TimeDelta,
    /// Those of the newsroom, in the audit log.
    pub staff: TimeDelta,
}

/// Clears the addresses that were kept for long enough: how many.
pub async fn clear_addresses(db: &Db, clock: &dyn Clock, kept: Addresses) -> Result<u64> {
    let now = clock.now();
    let mut cleared = 0;
    for (age, kind) in [
        (kept.readers, Kind::Comments),
        (kept.readers, Kind::Done),
        (kept.readers, Kind::Readers),
        (kept.staff, Kind::Staff),
    ] {
        let Some(before) = now.checked_sub_signed(age) else {
            continue;
        };
        loop {
            // In small transactions: others write meanwhile.
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

/// Where addresses are kept.
#[derive(Clone, Copy)]
enum Kind {
    Comments,
    Done,
    Readers,
    Staff,
}

impl Kind {
    async fn clear(self, writer: &Writer, before: DateTime<Utc>) -> Result<u64> {
        match self {
            Self::Comments => client_address::clear_comments(writer, before).await,
            Self::Done => client_address::clear_done(writer, before).await,
            Self::Readers => client_address::clear_readers(writer, before).await,
            Self::Staff => client_address::clear_staff(writer, before).await,
        }
    }
}

/// How long a client may send a write again: what the API promises.
const DAY: Duration = Duration::from_hours(24);

/// For how long writes are remembered by a process that has not seen a day go by: its clock may have
/// been wrong by days before it began, and nobody can tell.
const UNSEEN: TimeDelta = TimeDelta::days(7);

/// What the clocks have told while this process ran. A clock that is set right makes what was written
/// a minute ago look a day old; this tells how much time has really passed.
#[derive(Debug)]
pub struct Observed {
    since: Instant,
    told: VecDeque<(Instant, DateTime<Utc>)>,
}

impl Observed {
    /// Nothing yet.
    pub fn new(since: Instant) -> Self {
        Self {
            since,
            told: VecDeque::new(),
        }
    }

    /// Hears what the clocks tell now, and gives a moment: what carries an earlier time was written
    /// more than a day ago.
    fn a_day_ago(&mut self, now: Instant, told: DateTime<Utc>) -> DateTime<Utc> {
        let is_past = |at: Instant| now.saturating_duration_since(at) >= DAY;
        self.told.push_back((now, told));
        // The last of a day ago stays, for what was written between it and the next.
        while self.told.get(1).is_some_and(|(at, _)| is_past(*at)) {
            self.told.pop_front();
        }
        let lowest = self.told.iter().map(|(_, told)| *told).min();
        let lowest = lowest.unwrap_or(told);
        if is_past(self.since) {
            lowest
        } else {
            lowest - UNSEEN
        }
    }
}

/// How often it is looked after: much less often than anything is let go.
const EVERY: Duration = Duration::from_mins(10);

/// Lets go what is past its time. Any node may do it, and several at once.
pub async fn once(
    db: &Db,
    clock: &dyn Clock,
    feed: Feed,
    observed: &mut Observed,
    instant: Instant,
) -> Result<Gone> {
    let now = clock.now();
    let mut gone = Gone::default();
    // An age that reaches back beyond the calendar is for ever.
    let before = now.checked_sub_signed(TimeDelta::hours(feed.keep_hours.into()));
    while let Some(before) = before {
        let writer = db.writer(now).await?;
        let some = change::retire(&writer, before, feed.keep_rows).await?;
        writer.commit().await?;
        gone.changes += some;
        if some == 0 {
            break;
        }
    }
    let writer = db.writer(now).await?;
    // By the clock that is behind: one that is ahead forgets nothing too soon.
    let told = now.min(writer.clock().await?);
    gone.done = done::forget(&writer, observed.a_day_ago(instant, told)).await?;
    writer.commit().await?;
    Ok(gone)
}

/// How often SQLite's write-ahead log is looked at.
const EVERY_WAL: Duration = Duration::from_secs(15);

/// Gives back the room that SQLite's write-ahead log has taken, over and over, until it is dropped.
async fn shrink_wal(db: &Db) {
    loop {
        if let Err(error) = db.shrink_wal().await {
            tracing::debug!(cause = %error, "the write-ahead log stays as it is");
        }
        tokio::time::sleep(EVERY_WAL).await;
    }
}

/// Looks after all of it, until it is dropped.
pub async fn run(db: Db, clock: Arc<dyn Clock>, feed: Feed, addresses: Addresses) {
    tokio::join!(
        shrink_wal(&db),
        let_go(&db, clock.as_ref(), feed, addresses)
    );
}

/// Lets go what is past its time, over and over, until it is dropped.
async fn let_go(db: &Db, clock: &dyn Clock, feed: Feed, addresses: Addresses) {
    let mut observed = Observed::new(Instant::now());
    loop {
        match clear_addresses(db, clock, addresses).await {
            Ok(cleared) => tracing::debug!(cleared, "cleared addresses of clients"),
            Err(error) => {
                tracing::warn!(cause = %error, "no addresses were cleared; it is tried again");
            }
        }
        match once(db, clock, feed, &mut observed, Instant::now()).await {
            Ok(Gone { changes, done }) => tracing::debug!(changes, done, "let go what was old"),
            Err(error) => tracing::warn!(cause = %error, "nothing was let go; it is tried again"),
        }
        tokio::time::sleep(EVERY).await;
    }
}
