//! Read replicas: each is read while it answers and has what its reader must know, and left out
//! otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{DbErr, QueryResult, Statement};

use crate::error::is_unavailable;
use crate::pool::Pool;
use crate::sql::{Dialect, Sql};

/// The time for which a replica that failed is left out.
const LEFT_OUT: Duration = Duration::from_secs(1);

/// A read replica. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Replica(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: Pool,
    /// The place in the change feed that it is known to have reached.
    reached: AtomicI64,
    /// Its epoch when it was last asked.
    epoch: AtomicI64,
    since: Instant,
    /// Milliseconds after `since` up to which it is left out.
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

    /// Its connections.
    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// The rows that a statement finds here, if the replica has reached `least` of the change feed and
    /// answers; none: the primary is to be asked.
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

    /// Whether it has this much of the change feed. What it had once it keeps, so it is asked only
    /// where it did not have enough.
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

/// The place in the change feed that a reader must know at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Least {
    /// 0: any.
    pub(crate) epoch: i64,
    /// 0: any.
    pub(crate) seq: i64,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
