//! Read replicas. A replica is used while it is available and has reached the position that the reader
//! requires. Otherwise the primary is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{DbErr, QueryResult, Statement};

use crate::database::pool::Pool;
use crate::error::is_unavailable;
use crate::query::sql::{Dialect, Sql};

/// The time for which a failed replica is not used.
const LEFT_OUT: Duration = Duration::from_secs(1);

/// A read replica. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Replica(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: Pool,
    /// The position in the change feed that the replica is known to have reached.
    reached: AtomicI64,
    /// The replica's epoch when it was last queried.
    epoch: AtomicI64,
    since: Instant,
    /// The end of the time for which the replica is not used, in milliseconds after `since`.
    left_out: AtomicU64,
}

impl Replica {
    pub(crate) fn new(pool: Pool) -> Self {
        Self(Arc::new(Inner {
            pool,
            reached: AtomicI64::new(-1),
            epoch: AtomicI64::new(0),
            since: Instant::now(),
            left_out: AtomicU64::new(0),
        }))
    }

    /// Returns the connection pool.
    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// Runs a statement on the replica. Returns `None` if the replica is unavailable or has not reached
    /// `least` in the change feed. The caller must then query the primary.
    pub(crate) async fn rows(
        &self,
        least: Least,
        statement: &Statement,
    ) -> Option<Result<Vec<QueryResult>, DbErr>> {
        if self.is_left_out() || !self.has(least).await {
            return None;
        }
        match self.0.pool.rows(statement.clone()).await {
            Err(error) if is_unavailable(&error) => {
                self.leave_out(&error);
                None
            }
            answered => Some(answered),
        }
    }

    /// Whether the replica has reached this position in the change feed. A replica never goes back, so it
    /// is queried only if the last known position is not sufficient.
    async fn has(&self, least: Least) -> bool {
        let inner = &self.0;
        if least.seq == 0 {
            return true;
        }
        let has = || {
            inner.reached.load(Ordering::Acquire) >= least.seq
                && [0, inner.epoch.load(Ordering::Acquire)].contains(&least.epoch)
        };
        if has() {
            return true;
        }
        let text = "SELECT seq, epoch FROM change_head WHERE id = 1".to_owned();
        let statement = Sql::new(Dialect::Postgres).statement(text);
        let asked = inner.pool.rows(statement).await;
        let place = asked.and_then(|rows| {
            let place =
                |row: &QueryResult| Ok((row.try_get("", "seq")?, row.try_get("", "epoch")?));
            rows.first().map(place).transpose()
        });
        match place {
            Ok(Some((seq, epoch))) => {
                inner.epoch.store(epoch, Ordering::Release);
                inner.reached.store(seq, Ordering::Release);
                has()
            }
            Ok(None) => false,
            Err(error) => {
                self.leave_out(&error);
                false
            }
        }
    }

    fn is_left_out(&self) -> bool {
        let now = millis(self.0.since.elapsed());
        now < self.0.left_out.load(Ordering::Relaxed)
    }

    fn leave_out(&self, error: &DbErr) {
        let until = millis(self.0.since.elapsed() + LEFT_OUT);
        self.0.left_out.store(until, Ordering::Relaxed);
        tracing::warn!(cause = %error, "replica_left_out");
    }
}

/// The minimum position in the change feed that a reader requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Least {
    /// The required epoch. 0 accepts any.
    pub(crate) epoch: i64,
    /// The minimum sequence number. 0 accepts any.
    pub(crate) seq: i64,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
