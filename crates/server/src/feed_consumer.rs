//! Consumers of the change feed: work that every change causes outside the database, done at least once
//! and in order, by one process of a fleet at a time.
//!
//! Each consumer has a checkpoint and a lease in the database (`feed_checkpoint`). The process that holds
//! the lease reads the feed in batches, turns each batch into tasks, and runs them. A task that fails is
//! retried, with increasing pauses, until it succeeds. Only then does the checkpoint advance, so a restart
//! resumes where the last batch was finished, and no change is skipped. A consumer without a checkpoint,
//! and one whose checkpoint is no longer in the feed or belongs to another epoch, starts over with
//! [`Batch::Everything`].
//!
//! Two processes may overlap briefly when a lease expires: tasks must be harmless when repeated.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use khabar_domain::clock::Clock;
use khabar_persistence::change::{Change, Feed, Position};
use khabar_persistence::feed_checkpoint::{self, Claim, ConsumerLease};
use khabar_persistence::{Db, Error};
use tokio::time::Instant;
use uuid::Uuid;

use khabar_service::random::bits;

/// Maximum number of changes in a batch.
const BATCH: u16 = 1_000;

/// The intervals of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The time after which the tasks of a batch are run a second time, before the checkpoint advances.
    /// `None`: once is enough.
    pub again: Option<Duration>,
    /// The pause after the first failure of a task. It doubles with each further failure.
    pub pause: Duration,
    /// The longest pause, not counting jitter.
    pub longest_pause: Duration,
    /// The lifetime of a lease that is not renewed.
    pub lease: Duration,
}

/// A part of the feed that a consumer has to process.
#[derive(Clone, Copy, Debug)]
pub enum Batch<'a> {
    /// These changes, in order.
    Changes(&'a [Change]),
    /// Everything that there is: what changed is not known.
    Everything,
}

/// A range of positions in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeqRange {
    /// The position before the first change.
    pub after: i64,
    /// The position of the last change.
    pub up_to: i64,
}

/// The work of a consumer.
pub trait Handler: Send + Sync + 'static {
    /// One unit of work, which may be run any number of times.
    type Task: Send + Sync;

    /// Returns the tasks for a batch.
    fn tasks(&self, batch: Batch<'_>, range: SeqRange) -> Vec<Self::Task>;

    /// Runs a task. Fails if it has to be retried.
    fn run(&self, task: &Self::Task) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// A reader of the change feed with a checkpoint of its own.
pub struct Consumer<H> {
    name: String,
    handler: H,
    /// The ID of this process in leases.
    holder: Uuid,
    db: Db,
    clock: Arc<dyn Clock>,
    policy: RetryPolicy,
}

/// A lease held by this process, and the time at which to renew it.
struct Lease {
    renew_at: Instant,
}

/// The tasks of a batch that are to be run a second time.
struct Redelivery<T> {
    due: Instant,
    tasks: Vec<T>,
    range: SeqRange,
}

/// The reason why a process stops consuming.
enum StopReason {
    /// Another process holds the lease.
    Others,
    /// The database failed.
    Failed(Error),
}

impl From<Error> for StopReason {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<H: Handler> Consumer<H> {
    /// Creates a consumer. Its name identifies its checkpoint, in every process of the fleet.
    pub fn new(
        name: impl Into<String>,
        handler: H,
        db: Db,
        clock: Arc<dyn Clock>,
        policy: RetryPolicy,
    ) -> Self {
        Self {
            name: name.into(),
            handler,
            holder: Uuid::from_bytes(bits()),
            db,
            clock,
            policy,
        }
    }

    /// The name of the consumer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Consumes the feed until the future is dropped. While another process holds the lease, waits for
    /// it to expire.
    pub async fn run(&self) -> Infallible {
        loop {
            let Err(reason) = self.consume().await;
            if let StopReason::Failed(error) = reason {
                tracing::warn!(consumer = self.name, cause = %error, "feed_consumer_paused");
            }
            tokio::time::sleep(self.policy.lease / 3).await;
        }
    }

    /// Releases the lease, so that another process can take over at once. Call it after [`Self::run`]
    /// has been dropped.
    pub async fn release(&self) -> Result<(), Error> {
        let writer = self.db.writer(self.clock.now()).await?;
        feed_checkpoint::release(&writer, self.claim()).await?;
        writer.commit().await
    }

    /// Processes past and future changes for as long as this process holds the lease.
    async fn consume(&self) -> Result<Infallible, StopReason> {
        let (mut lease, checkpoint) = self.acquire().await?;
        let mut feed = self.db.feed();
        let mut redeliveries = VecDeque::new();
        let mut read = if let Some(Position { epoch, seq }) = checkpoint {
            feed = feed.in_epoch(epoch);
            seq
        } else {
            let start = self.start_over(&mut lease, &mut feed, &mut redeliveries);
            start.await?
        };
        loop {
            let due = redeliveries.front().map(|next: &Redelivery<_>| next.due);
            let due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Timed work takes precedence over the feed, which may never run out of changes.
                biased;
                () = tokio::time::sleep_until(lease.renew_at) => (lease, _) = self.acquire().await?,
                () = due => {
                    if let Some(Redelivery { tasks, range, .. }) = redeliveries.pop_front() {
                        self.finish(&mut lease, &tasks).await?;
                        self.advance(&feed, range.up_to).await?;
                    }
                }
                changes = feed.next(read, BATCH) => match changes {
                    Ok(changes) => {
                        let range = SeqRange {
                            after: read,
                            up_to: changes.last().map_or(read, |last| last.seq),
                        };
                        let batch = Batch::Changes(&changes);
                        self.process(&mut lease, &feed, batch, range, &mut redeliveries).await?;
                        read = range.up_to;
                    }
                    Err(Error::FeedGap { after, .. }) => {
                        tracing::warn!(consumer = self.name, after, "feed_consumer_gap");
                        redeliveries.clear();
                        read = self.start_over(&mut lease, &mut feed, &mut redeliveries).await?;
                    }
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    /// Processes everything, and returns the position in the feed to continue from.
    async fn start_over(
        &self,
        lease: &mut Lease,
        feed: &mut Feed,
        redeliveries: &mut VecDeque<Redelivery<H::Task>>,
    ) -> Result<i64, StopReason> {
        // Read first: changes that are written meanwhile are then processed once more.
        let Position { epoch, seq: head } = feed.bounds().await?.position();
        *feed = feed.clone().in_epoch(epoch);
        let range = SeqRange {
            after: 0,
            up_to: head,
        };
        self.process(lease, feed, Batch::Everything, range, redeliveries)
            .await?;
        Ok(head)
    }

    /// Runs the tasks of a batch. Then advances the checkpoint, or schedules the second run.
    async fn process(
        &self,
        lease: &mut Lease,
        feed: &Feed,
        batch: Batch<'_>,
        range: SeqRange,
        redeliveries: &mut VecDeque<Redelivery<H::Task>>,
    ) -> Result<(), StopReason> {
        let tasks = self.handler.tasks(batch, range);
        tracing::debug!(
            consumer = self.name,
            up_to = range.up_to,
            tasks = tasks.len(),
            "feed_consumer_batch"
        );
        self.finish(lease, &tasks).await?;
        match self.policy.again {
            Some(again) => redeliveries.push_back(Redelivery {
                due: Instant::now() + again,
                tasks,
                range,
            }),
            None => self.advance(feed, range.up_to).await?,
        }
        Ok(())
    }

    /// Runs tasks, and retries each until it succeeds.
    async fn finish(&self, lease: &mut Lease, tasks: &[H::Task]) -> Result<(), StopReason> {
        for task in tasks {
            let mut pause = self.policy.pause;
            while let Err(error) = self.handler.run(task).await {
                let cause = format!("{error:#}");
                tracing::warn!(consumer = self.name, cause, "feed_consumer_task_failed");
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(self.policy.longest_pause);
                if Instant::now() >= lease.renew_at {
                    (*lease, _) = self.acquire().await?;
                }
            }
        }
        Ok(())
    }

    /// Acquires or renews the lease. Returns the checkpoint, if there is one.
    async fn acquire(&self) -> Result<(Lease, Option<Position>), StopReason> {
        let now = self.clock.now();
        let lifetime = TimeDelta::from_std(self.policy.lease).unwrap_or(TimeDelta::MAX);
        // Computed before the lease is requested, so that it is never assumed to last longer than it does.
        let renew_at = Instant::now() + self.policy.lease / 3;
        let writer = self.db.writer(now).await?;
        let until = now.checked_add_signed(lifetime).unwrap_or(now);
        let lease = feed_checkpoint::claim(&writer, self.claim(), until).await?;
        writer.commit().await?;
        match lease {
            ConsumerLease::Ours(checkpoint) => Ok((Lease { renew_at }, checkpoint)),
            ConsumerLease::Others => Err(StopReason::Others),
        }
    }

    /// Stores the checkpoint.
    async fn advance(&self, feed: &Feed, seq: i64) -> Result<(), StopReason> {
        let epoch = feed.epoch().unwrap_or_default();
        let checkpoint = Position { epoch, seq };
        let writer = self.db.writer(self.clock.now()).await?;
        let is_ours = feed_checkpoint::advance(&writer, self.claim(), checkpoint).await?;
        writer.commit().await?;
        if is_ours {
            Ok(())
        } else {
            Err(StopReason::Others)
        }
    }

    fn claim(&self) -> Claim<'_> {
        Claim {
            consumer: &self.name,
            holder: self.holder,
        }
    }
}

/// Returns a random duration between half and one and a half of `pause`, so that nodes that failed
/// together do not retry together.
fn jittered(pause: Duration) -> Duration {
    let [random] = bits::<1>();
    pause / 2 + pause * u32::from(random) / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_delays_are_jittered() {
        let pause = Duration::from_millis(200);
        for _ in 0..100 {
            let jittered = jittered(pause);
            assert!(jittered >= pause / 2 && jittered < pause * 3 / 2);
        }
    }
}
