//! Consumers of the change feed: each change is processed at least once and in order, by one process at a
//! time, whatever fails on the way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::Scope;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_persistence::change::{self, Position};
use khabar_persistence::feed_checkpoint::{self, Claim, ConsumerLease};
use khabar_persistence::{Db, Options};
use khabar_server::feed_consumer::{Batch, Consumer, Handler, RetryPolicy, SeqRange};
use khabar_tests::harness::{TestDb, newsroom, until};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{open, write};

const NAME: &str = "recorder";

/// Short intervals, to keep the tests fast.
const POLICY: RetryPolicy = RetryPolicy {
    again: None,
    pause: Duration::from_millis(2),
    longest_pause: Duration::from_millis(20),
    lease: Duration::from_millis(600),
};

/// The log of tasks that succeeded, shared by all consumers of a test.
#[derive(Clone, Default)]
struct Recorder {
    done: Arc<Mutex<Vec<String>>>,
    /// The number of tasks that are still to fail.
    failures: Arc<AtomicUsize>,
    /// The label of the process in the log.
    label: &'static str,
}

impl Recorder {
    fn with_label(&self, label: &'static str) -> Self {
        Self {
            label,
            ..self.clone()
        }
    }

    fn done(&self) -> Vec<String> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.clone()
    }
}

impl Handler for Recorder {
    type Task = String;

    fn tasks(&self, batch: Batch<'_>, range: SeqRange) -> Vec<String> {
        match batch {
            Batch::Everything => vec![format!("everything up to {}", range.up_to)],
            Batch::Changes(changes) => changes
                .iter()
                .map(|change| change.seq.to_string())
                .collect(),
        }
    }

    async fn run(&self, task: &String) -> anyhow::Result<()> {
        let fails = |left: usize| left.checked_sub(1);
        let failing = self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails);
        ensure!(failing.is_err(), "this is to be retried");
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.push(format!("{}{task}", self.label));
        Ok(())
    }
}

/// A consumer that runs in a task of its own.
struct Running {
    consumer: Arc<Consumer<Recorder>>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(db: &Db, recorder: Recorder, policy: RetryPolicy) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let consumer = Arc::new(Consumer::new(NAME, recorder, db.clone(), clock, policy));
        let running = Arc::clone(&consumer);
        let task = tokio::spawn(async move { match running.run().await {} });
        Self { consumer, task }
    }

    /// Stops as a killed process does: the lease is not released.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.task.abort();
        let _ = self.task.await;
        Ok(self.consumer.release().await?)
    }
}

async fn checkpoint(db: &Db) -> anyhow::Result<Option<i64>> {
    let reader = db.reader(Scope::reader(newsroom::now()));
    let checkpoint = feed_checkpoint::get(&reader, NAME).await?;
    Ok(checkpoint.map(|checkpoint| checkpoint.seq))
}

/// Waits until everything that was written is processed.
async fn wait_until_processed(db: &Db) -> anyhow::Result<()> {
    let head = db.feed().bounds().await?.head;
    until(&format!("the checkpoint reaches {head}"), || async {
        Ok(checkpoint(db).await? == Some(head))
    })
    .await
}

/// A process that does not hold the lease.
const STRANGER: Claim<'_> = Claim {
    consumer: NAME,
    holder: Uuid::from_u128(7),
};

/// Whether the lease, as it stands now, keeps a stranger from claiming it at this time.
async fn is_leased_at(db: &Db, time: DateTime<Utc>) -> anyhow::Result<bool> {
    // Not committed, so that nothing is claimed.
    let writer = db.writer(time).await?;
    let claimed = feed_checkpoint::claim(&writer, STRANGER, time + TimeDelta::days(1)).await?;
    Ok(claimed == ConsumerLease::Others)
}

async fn write_one(db: &Db, name: &str) -> anyhow::Result<()> {
    write(db, newsroom::now(), name).await
}

#[tokio::test]
async fn every_change_is_processed_once_across_a_restart() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        open(db).await?;
        let recorder = Recorder::default();
        let first = Running::start(db, recorder.clone(), POLICY);
        wait_until_processed(db).await?;
        write_one(db, "one").await?;
        wait_until_processed(db).await?;
        first.stop().await?;
        // Written while nobody consumes.
        write_one(db, "two").await?;
        write_one(db, "three").await?;
        let second = Running::start(db, recorder.clone(), POLICY);
        wait_until_processed(db).await?;
        assert_eq!(recorder.done(), ["everything up to 1", "2", "3", "4"]);
        second.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_task_that_fails_is_retried_and_the_checkpoint_waits_for_it() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        open(db).await?;
        let recorder = Recorder::default();
        let running = Running::start(db, recorder.clone(), POLICY);
        wait_until_processed(db).await?;
        // It fails for longer than a lease lasts: the lease is renewed meanwhile.
        recorder.failures.store(usize::MAX, Ordering::Relaxed);
        write_one(db, "one").await?;
        write_one(db, "two").await?;
        let expiry = SystemClock.now() + TimeDelta::from_std(POLICY.lease)?;
        until("the lease is renewed", || async {
            is_leased_at(db, expiry + TimeDelta::milliseconds(1)).await
        })
        .await?;
        assert_eq!(checkpoint(db).await?, Some(1));
        assert!(recorder.failures.load(Ordering::Relaxed) < usize::MAX);
        recorder.failures.store(3, Ordering::Relaxed);
        wait_until_processed(db).await?;
        assert_eq!(recorder.done(), ["everything up to 1", "2", "3"]);
        running.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_repeated_batch_advances_the_checkpoint_after_the_second_run() -> anyhow::Result<()> {
    let test = TestDb::sqlite().await?;
    let db = test.db();
    open(db).await?;
    let recorder = Recorder::default();
    let policy = RetryPolicy {
        again: Some(Duration::from_millis(30)),
        ..POLICY
    };
    let running = Running::start(db, recorder.clone(), policy);
    wait_until_processed(db).await?;
    write_one(db, "one").await?;
    wait_until_processed(db).await?;
    let everything = "everything up to 1";
    assert_eq!(recorder.done(), [everything, everything, "2", "2"]);
    running.stop().await
}

#[tokio::test]
async fn one_process_at_a_time_consumes_and_another_takes_over() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let (db, other) = (test.db(), Db::open(&Options::new(test.url())).await?);
        open(db).await?;
        let recorder = Recorder::default();
        let first = Running::start(db, recorder.with_label("a"), POLICY);
        wait_until_processed(db).await?;
        let second = Running::start(&other, recorder.with_label("b"), POLICY);
        write_one(db, "one").await?;
        wait_until_processed(db).await?;
        assert_eq!(recorder.done(), ["aeverything up to 1", "a2"]);
        // Its lease expires.
        first.kill().await;
        write_one(db, "two").await?;
        wait_until_processed(db).await?;
        assert_eq!(recorder.done()[2..], ["b3"]);
        // A process without the lease cannot move the checkpoint.
        assert!(is_leased_at(db, SystemClock.now()).await?);
        let writer = db.writer(SystemClock.now()).await?;
        let position = Position { epoch: 1, seq: 1 };
        assert!(!feed_checkpoint::advance(&writer, STRANGER, position).await?);
        drop(writer);
        second.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_consumer_that_fell_behind_the_retention_starts_over() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        open(db).await?;
        let recorder = Recorder::default();
        let running = Running::start(db, recorder.clone(), POLICY);
        wait_until_processed(db).await?;
        running.stop().await?;
        for name in ["one", "two", "three"] {
            write_one(db, name).await?;
        }
        // Changes 2 and 3 are deleted before they are read.
        let writer = db.writer(newsroom::now()).await?;
        let later = newsroom::now() + TimeDelta::days(1);
        ensure!(change::retire(&writer, later, 1).await? > 0);
        writer.commit().await?;
        let running = Running::start(db, recorder.clone(), POLICY);
        wait_until_processed(db).await?;
        assert_eq!(
            recorder.done(),
            ["everything up to 1", "everything up to 4"]
        );
        running.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_consumer_starts_over_in_a_new_epoch() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        open(db).await?;
        let recorder = Recorder::default();
        let first = Running::start(db, recorder.clone(), POLICY);
        wait_until_processed(db).await?;
        write_one(db, "one").await?;
        wait_until_processed(db).await?;
        first.stop().await?;
        // A failover begins an epoch, in which the same numbers may be those of other changes.
        test.execute_sql("UPDATE change_head SET epoch = epoch + 1")
            .await?;
        write_one(db, "two").await?;
        let second = Running::start(db, recorder.clone(), POLICY);
        wait_until_processed(db).await?;
        assert_eq!(
            recorder.done(),
            ["everything up to 1", "2", "everything up to 3"]
        );
        second.stop().await?;
    }
    Ok(())
}
