//! Tests of readers waiting for the feed. They are woken by writes of this process and of another, and
//! also after the connection that receives notifications is lost.

use anyhow::{Context as _, ensure};
use khabar_persistence::change::{Change, Feed};
use khabar_persistence::{Db, Options};
use khabar_tests::harness::{PATIENCE, TestDb, newsroom};
use tokio::task::JoinHandle;

use crate::{open, write};

type Waiting = JoinHandle<khabar_persistence::Result<Vec<Change>>>;

/// Waits for changes in a task of its own.
fn waiting(mut feed: Feed, after: i64) -> Waiting {
    tokio::spawn(async move { feed.next(after, 10).await })
}

async fn woken(waiting: Waiting) -> anyhow::Result<Vec<i64>> {
    let woken = tokio::time::timeout(PATIENCE, waiting).await;
    let changes = woken.context("nobody was woken")???;
    Ok(changes.iter().map(|change| change.seq).collect())
}

#[tokio::test]
async fn a_commit_wakes_everybody_who_waits() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        open(db).await?;
        // One reader has a row left to read, two wait at the head.
        let feeds = [0, 1, 1].map(|after| waiting(db.feed(), after));
        tokio::task::yield_now().await;
        drop(db.writer(newsroom::now()).await?);
        write(db, newsroom::now(), "agency").await?;
        let [first, second, third] = feeds;
        assert_eq!(woken(first).await?[0], 1);
        assert_eq!(woken(second).await?, [2]);
        assert_eq!(woken(third).await?, [2]);
    }
    Ok(())
}

#[tokio::test]
async fn another_process_wakes_who_waits() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        open(test.db()).await?;
        // The other handle shares nothing with the first but the database.
        let other = Db::open(&Options::new(test.url())).await?;
        for round in 1..=5 {
            let feed = waiting(test.db().feed(), round);
            write(&other, newsroom::now(), &format!("agency-{round}")).await?;
            assert_eq!(woken(feed).await?, [round + 1]);
        }
        other.close().await?;
    }
    Ok(())
}

/// Terminates the connections that listen for notifications and returns their number.
async fn deafen(test: &TestDb) -> anyhow::Result<usize> {
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
async fn a_lost_connection_is_made_anew_and_misses_nothing() -> anyhow::Result<()> {
    let Some(test) = TestDb::postgres().await? else {
        return Ok(());
    };
    open(test.db()).await?;
    let other = Db::open(&Options::new(test.url())).await?;
    for round in 1..=3 {
        // All waiting readers share one connection.
        let feeds = [round; 3].map(|after| waiting(test.db().feed(), after));
        let ended = tokio::time::timeout(PATIENCE, async {
            loop {
                let ended = deafen(&test).await?;
                if ended > 0 {
                    return anyhow::Ok(ended);
                }
            }
        });
        let ended = ended.await.context("nobody listens")??;
        ensure!(ended == 1, "{ended} connections listened");
        write(&other, newsroom::now(), &format!("agency-{round}")).await?;
        for feed in feeds {
            assert_eq!(woken(feed).await?, [round + 1]);
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
