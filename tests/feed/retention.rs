//! Tests of feed retention: old rows are deleted, and a reader that falls behind gets an error.

use std::time::Instant;

use chrono::Duration;
use khabar_domain::Scope;
use khabar_domain::clock::FixedClock;
use khabar_persistence::change::{self, FeedBounds};
use khabar_persistence::{Db, Error};
use khabar_server::maintenance::{self, FeedRetention, ObservedClock, Removed};
use khabar_tests::harness::{TestDb, newsroom};

use crate::{open, write};

/// Deletes rows older than this hour, but retains at least `floor` rows.
async fn retire(db: &Db, hour: i64, floor: u32) -> anyhow::Result<u64> {
    let writer = db.writer(newsroom::now()).await?;
    let before = newsroom::now() + Duration::hours(hour);
    let gone = change::retire(&writer, before, floor).await?;
    writer.commit().await?;
    Ok(gone)
}

async fn once(db: &Db, clock: &FixedClock, feed: FeedRetention) -> anyhow::Result<Removed> {
    let instant = Instant::now();
    let mut observed = ObservedClock::new(instant);
    Ok(maintenance::once(db, clock, feed, &mut observed, instant).await?)
}

/// Creates a newsroom with thirty rows in its feed, one hour apart.
async fn thirty_changes(db: &Db) -> anyhow::Result<()> {
    open(db).await?;
    for hour in 1..30 {
        let at = newsroom::now() + Duration::hours(hour);
        write(db, at, &format!("agency-{hour}")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn retention_deletes_old_changes_but_never_the_newest() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        thirty_changes(db).await?;
        let feed = db.feed();
        let epoch = feed.bounds().await?.epoch;
        assert_eq!(retire(db, 0, 0).await?, 0);
        assert_eq!(retire(db, 20, 5).await?, 20);
        let edges = FeedBounds {
            oldest: 21,
            head: 30,
            epoch,
        };
        assert_eq!(feed.bounds().await?, edges);
        assert_eq!(retire(db, 1_000, 5).await?, 5);
        assert_eq!(retire(db, 1_000, 5).await?, 0);
        assert_eq!(feed.bounds().await?.oldest, 26);
        // Without a floor no row remains, and the sequence numbers continue.
        assert_eq!(retire(db, 1_000, 0).await?, 5);
        let edges = FeedBounds {
            oldest: 31,
            head: 30,
            epoch,
        };
        assert_eq!(feed.bounds().await?, edges);
        write(db, newsroom::now(), "agency-31").await?;
        let next = db.feed().next(30, 10).await?;
        assert_eq!(next.iter().map(|row| row.seq).collect::<Vec<_>>(), [31]);
    }
    Ok(())
}

#[tokio::test]
async fn retention_deletes_only_a_prefix_of_the_feed() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        open(db).await?;
        write(db, newsroom::now() + Duration::hours(9), "young").await?;
        write(db, newsroom::now(), "old").await?;
        // Only the edition's row precedes the first recent row. The old row after it is retained, so
        // that the feed has no gap.
        assert_eq!(retire(db, 5, 0).await?, 1);
        assert_eq!(db.feed().bounds().await?.oldest, 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_late_consumer_gets_a_feed_gap() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        thirty_changes(db).await?;
        retire(db, 20, 5).await?;
        let reader = db.reader(Scope::reader(newsroom::now()));
        // Part of the requested range is available, none of it is, or it lies beyond the head.
        for (after, most) in [(10, 100), (0, 5), (19, 1), (99, 5)] {
            let missed = db.feed().next(after, most).await;
            let Err(Error::FeedGap { oldest, head, .. }) = missed else {
                anyhow::bail!("after {after}: {missed:?}");
            };
            assert_eq!((oldest, head), (21, 30), "after {after}");
            let read = change::after(&reader, after, most).await;
            assert_eq!(read.is_err(), after < 20, "after {after}");
        }
        let rest = db.feed().next(20, 100).await?;
        assert_eq!(rest.len(), 10);
        let said = change::after(&reader, 3, 5).await.unwrap_err().to_string();
        assert!(said.contains("after 3: it is kept from 21 to 30"), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn maintenance_follows_the_clock() -> anyhow::Result<()> {
    for test in TestDb::each().await? {
        let db = test.db();
        thirty_changes(db).await?;
        let clock = FixedClock(newsroom::now() + Duration::hours(29));
        let feed = |retention_hours, min_rows| FeedRetention {
            retention_hours,
            min_rows,
        };
        let gone = |changes| Removed {
            changes,
            idempotency_keys: 0,
        };
        assert_eq!(once(db, &clock, feed(9, 1)).await?, gone(20));
        assert_eq!(once(db, &clock, feed(9, 1)).await?, gone(0));
        assert_eq!(once(db, &clock, FeedRetention::default()).await?, gone(0));
        assert_eq!(once(db, &clock, feed(u32::MAX, 0)).await?, gone(0));
        assert_eq!(once(db, &clock, feed(0, 4)).await?, gone(6));
    }
    Ok(())
}
