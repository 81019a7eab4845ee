//! Tests of readers waiting for the feed. They are woken by writes of this process and of another, and
//! also after the connection that receives notifications is lost.

use anyhow::{Context as _, ensure};
use khabar_persistence::change::{Change, Feed};
use khabar_persistence::{Db, Options};
use khabar_tests::harness::{MAX_WAIT, TestDb, newsroom};
use tokio::task::JoinHandle;

use crate::{open, write};

type PendingRead = JoinHandle<khabar_persistence::Result<Vec<Change>>>;

/// Waits for changes in a task of its own.
fn spawn_read(mut feed: Feed, after: i64) -> PendingRead {
    tokio::spawn(async move { feed.next(after, 10).await })
}

async fn result_of(spawn_read: PendingRead) -> anyhow::Result<Vec<i64>> {
    let result_of = tokio::time::timeout(MAX_WAIT, spawn_read).await;
    let changes = result_of.context("nobody was woken")???;
    Ok(changes.iter().map(|change| change.seq).collect())
}

#[tokio::test]
async fn a_commit_wakes_every_waiting_consumer() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        open(db).await?;
        // One reader has a row left to read, two wait at the head.
        let feeds = [0, 1, 1].map(|after| spawn_read(db.feed(), after));
        tokio::task::yield_now().await;
        drop(db.writer(newsroom::now()).await?);
        write(db, newsroom::now(), "agency").await?;
        let [first, second, third] = feeds;
        assert_eq!(result_of(first).await?[0], 1);
        assert_eq!(result_of(second).await?, [2]);
        assert_eq!(result_of(third).await?, [2]);
    }
    Ok(())
}

#[tokio::test]
async fn a_commit_of_another_process_wakes_consumers() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        open(test.db()).await?;
        // The other handle shares nothing with the first but the database.
        let other = Db::open(&Options::new(test.url())).await?;
        for round in 1..=5 {
            let feed = spawn_read(test.db().feed(), round);
            write(&other, newsroom::now(), &format!("agency-{round}")).await?;
            assert_eq!(result_of(feed).await?, [round + 1]);
        }
        other.close().await?;
    }
    Ok(())
}

/// Terminates the connections that listen for notifications and returns their number.
async fn terminate_listeners(test: &TestDb) -> anyhow::Result<usize> {
    let ended = test
        .administer(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = 'khabar: change feed' AND datname = current_database() \
             AND query LIKE 'LISTEN%'",
        )
        .await?;
    Ok(ended.lines().filter(|line| *line == "t").count())
}

#[tokio::test]
async fn a_lost_connection_is_restored_without_missing_changes() -> anyhow::Result<()> {
    let Some(test) = TestDb::postgres().await? else {
        return Ok(());
    };
    open(test.db()).await?;
    let other = Db::open(&Options::new(test.url())).await?;
    for round in 1..=3 {
        // All waiting readers share one connection.
        let feeds = [round; 3].map(|after| spawn_read(test.db().feed(), after));
        let ended = tokio::time::timeout(MAX_WAIT, async {
            loop {
                let ended = terminate_listeners(&test).await?;
                if ended > 0 {
                    return anyhow::Ok(ended);
                }
            }
        });
        let ended = ended.await.context("nobody listens")??;
        ensure!(ended == 1, "{ended} connections listened");
        write(&other, newsroom::now(), &format!("agency-{round}")).await?;
        for feed in feeds {
            assert_eq!(result_of(feed).await?, [round + 1]);
        }
    }
    Ok(())
}

/// The feed is read from the primary. The replica here never catches up and shows nothing.
#[tokio::test]
async fn the_feed_is_read_on_the_primary() -> anyhow::Result<()> {
    let (Some(primary), Some(behind)) = (TestDb::postgres().await?, TestDb::postgres().await?)
    else {
        return Ok(());
    };
    let fleet = Db::open(&Options {
        replicas: vec![behind.url().to_owned()],
        ..Options::new(primary.url())
    })
    .await?;
    open(&fleet).await?;
    assert_eq!(fleet.feed().next(0, 10).await?.len(), 1);
    assert_eq!(fleet.feed().bounds().await?.head, 1);
    Ok(())
}
