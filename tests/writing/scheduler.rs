//! The scheduler, which publishes scheduled articles.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use khabar_domain::clock::{Clock as _, FixedClock, SystemClock};
use khabar_persistence::idempotency::{self as remembered, IdempotencyKey};
use khabar_server::clock::DatabaseClock;
use khabar_server::maintenance::{self, FeedRetention, ObservedClock};
use khabar_server::scheduler::{publish_due, run};
use khabar_tests::harness::{MAX_WAIT, Who, newsroom};
use serde_json::{Value, json};

use crate::Fixture;
use crate::article::{draft, mutate, refused, shelf, write_at};

fn clock(seconds: i64) -> FixedClock {
    FixedClock(newsroom::now() + Duration::seconds(seconds))
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Covers the whole lifecycle of an article, as described in the issue.
#[tokio::test]
async fn a_scheduled_article_is_published_corrected_and_withdrawn() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let shelf = shelf(&fixture).await?;
        let section = &shelf["fish"]["section"];
        let story = &shelf["bridge"]["stories"][0];
        let input = json!({"headline": "افتتاح الميناء الجديد", "hero": shelf["boats"]["hero"]["id"],
            "section": section["id"], "stories": [story["id"]],
            "body": [{"paragraph": {"text": "افتتح الوزير الميناء صباح اليوم."}}]});
        let id = &mutate(&fixture, &fixture.editor, "createArticle", input).await?["id"];
        let at = newsroom::now() + Duration::seconds(30);
        mutate(
            &fixture,
            &fixture.editor,
            "scheduleArticle",
            json!({"id": id, "at": stamp(at)}),
        )
        .await?;

        let lists = "query ($section: Slug!, $story: Slug!) {
            home { latest(first: 1) { nodes { id } } }
            section(slug: $section) { articleCount articles(first: 1) { nodes { id } } }
            story(slug: $story) { articleCount articles(first: 1) { nodes { id } } } }";
        let names = json!({"section": section["slug"], "story": story["slug"]});
        let before = fixture.ask(&Who::anonymous(), lists, names.clone()).await?;
        let db = fixture.app.db().db();
        let round = publish_due(db, &clock(29)).await?;
        assert_eq!((round.published.len(), round.next), (0, Some(at)));
        assert_eq!(
            fixture.ask(&Who::anonymous(), lists, names.clone()).await?,
            before
        );

        let round = publish_due(db, &clock(30)).await?;
        assert_eq!(
            (round.published.len(), round.failed.len(), round.next),
            (1, 0, None)
        );
        let after = fixture.ask(&Who::anonymous(), lists, names.clone()).await?;
        assert_eq!(after["home"]["latest"]["nodes"][0]["id"], *id);
        for list in ["section", "story"] {
            assert_eq!(after[list]["articles"]["nodes"][0]["id"], *id, "{list}");
            let count = |value: &Value| value[list]["articleCount"].as_i64().unwrap_or_default();
            assert_eq!(count(&after), count(&before) + 1, "{list}");
        }
        let read = "query ($id: ID!) { article(id: $id) { status publishedAt version scheduledFor
            hero { id } revisions(first: 1) { nodes { step authorName } } } }";
        let found = fixture
            .ask(&fixture.editor, read, json!({"id": id}))
            .await?;
        assert_eq!(
            found["article"],
            json!({"status": "PUBLISHED", "publishedAt": stamp(at), "version": 3,
            "scheduledFor": null, "hero": shelf["boats"]["hero"],
            "revisions": {"nodes": [{"step": "PUBLISH", "authorName": "khabar"}]}})
        );
        // A second round does not publish the article again.
        assert_eq!(publish_due(db, &clock(31)).await?.published, []);

        let input = json!({"id": id, "version": 3, "headline": "افتتاح الميناء القديم", "note": "صُحح الاسم"});
        let corrected = mutate(&fixture, &fixture.editor, "correctArticle", input).await?;
        assert_eq!(corrected["corrections"][0]["note"], "صُحح الاسم");
        let diff = "query ($id: ID!) { article(id: $id) { diff(from: 3, to: 4) { changed } } }";
        let diff = fixture
            .ask(&fixture.editor, diff, json!({"id": id}))
            .await?;
        assert_eq!(diff["article"]["diff"]["changed"], json!(["HEADLINE"]));
        let stale = json!({"id": id, "version": 3, "headline": "عنوان آخر", "note": "تصحيح"});
        assert_eq!(
            refused(&fixture, &fixture.editor, "correctArticle", stale)
                .await?
                .1,
            "STALE"
        );
        let input = json!({"id": id, "reason": "خطأ في المصدر"});
        mutate(&fixture, &fixture.editor, "withdrawArticle", input).await?;
        assert_eq!(fixture.ask(&Who::anonymous(), lists, names).await?, before);
    }
    Ok(())
}

#[tokio::test]
async fn the_scheduler_catches_up_in_order() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let mut ids = Vec::new();
        for minutes in [20, 10, 30, 60 * 24] {
            let id = draft(&fixture).await?["id"].clone();
            let at = stamp(newsroom::now() + Duration::minutes(minutes));
            mutate(
                &fixture,
                &fixture.editor,
                "scheduleArticle",
                json!({"id": id, "at": at}),
            )
            .await?;
            ids.push(id);
        }
        // One article is returned to draft before its scheduled time.
        mutate(
            &fixture,
            &fixture.editor,
            "returnArticle",
            json!({"id": ids[2]}),
        )
        .await?;
        let db = fixture.app.db().db();
        let round = publish_due(db, &clock(60 * 60)).await?;
        assert_eq!(round.published.len(), 2);
        assert_eq!(round.next, Some(newsroom::now() + Duration::days(1)));
        // `publishedAt` is the actual publication time, not the scheduled one.
        let read =
            "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Article { status publishedAt } } }";
        let found = fixture
            .ask(&fixture.editor, read, json!({"ids": ids}))
            .await?;
        let late = stamp(newsroom::now() + Duration::hours(1));
        let statuses: Vec<_> = found["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| it["status"].clone())
            .collect();
        assert_eq!(statuses, ["PUBLISHED", "PUBLISHED", "DRAFT", "SCHEDULED"]);
        assert_eq!(found["nodes"][0]["publishedAt"], late);
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_schedulers_publish_once() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let mut ids = Vec::new();
        for seconds in 1..=12 {
            let id = draft(&fixture).await?["id"].clone();
            let at = stamp(newsroom::now() + Duration::seconds(seconds));
            mutate(
                &fixture,
                &fixture.editor,
                "scheduleArticle",
                json!({"id": id, "at": at}),
            )
            .await?;
            ids.push(id);
        }
        let db = fixture.app.db().db();
        let hour = clock(60);
        let rounds = tokio::try_join!(
            publish_due(db, &hour),
            publish_due(db, &hour),
            publish_due(db, &hour)
        )?;
        let mut published = [rounds.0.published, rounds.1.published, rounds.2.published].concat();
        published.sort_unstable();
        let all = published.len();
        published.dedup();
        assert_eq!((published.len(), all), (12, 12));
        let read =
            "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Article { status version } } }";
        let found = fixture
            .ask(&fixture.editor, read, json!({"ids": ids}))
            .await?;
        let each = found["nodes"].as_array().into_iter().flatten();
        assert!(
            each.clone().count() == 12
                && each
                    .into_iter()
                    .all(|it| *it == json!({"status": "PUBLISHED", "version": 3}))
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_article_scheduled_for_now_is_published() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let id = draft(&fixture).await?["id"].clone();
        let input = json!({"id": id, "at": stamp(newsroom::now())});
        let scheduled = mutate(&fixture, &fixture.editor, "scheduleArticle", input.clone()).await?;
        assert_eq!(scheduled["status"], "SCHEDULED");
        assert_eq!(scheduled["scheduledFor"], input["at"]);
        let round = publish_due(fixture.app.db().db(), &clock(0)).await?;
        assert_eq!((round.published.len(), round.failed.len()), (1, 0));
    }
    Ok(())
}

#[tokio::test]
async fn idempotency_keys_are_stored_for_a_day() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let input = json!({"headline": "خبر", "idempotencyKey": "one"});
        mutate(&fixture, &fixture.editor, "createArticle", input).await?;
        let db = fixture.app.db().db();
        let day = 24 * 60 * 60;
        let begun = Instant::now();
        let mut observed = ObservedClock::new(begun);
        for (seconds, gone) in [(0, 0), (1, 0), (day, 0), (day + 1, 1)] {
            let clock = clock(i64::try_from(seconds)?);
            let instant = begun + std::time::Duration::from_secs(seconds);
            let removed =
                maintenance::once(db, &clock, FeedRetention::default(), &mut observed, instant)
                    .await?;
            assert_eq!(removed.idempotency_keys, gone, "{seconds}");
        }
        let writer = db.writer(newsroom::now()).await?;
        let named = IdempotencyKey {
            writer: "anonymous".to_owned(),
            key: "one".to_owned(),
            action: "createArticle".to_owned(),
            input: String::new(),
        };
        assert_eq!(remembered::find_by_key(&writer, &named).await?, None);
    }
    Ok(())
}

/// A day is measured by elapsed time, not by the wall clock. Neither a node whose clock is days
/// ahead nor a machine whose clock was days behind forgets an idempotency key early.
#[tokio::test]
async fn idempotency_keys_are_stored_for_a_day_by_both_clocks() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let now = SystemClock.now();
        let input = json!({"headline": "خبر", "idempotencyKey": "one"});
        write_at(
            &fixture,
            &fixture.editor,
            now,
            "createArticle",
            input.clone(),
        )
        .await?;
        let db = fixture.app.db().db();
        let behind = json!({"headline": "قديم", "idempotencyKey": "two"});
        let then = now - Duration::days(3);
        write_at(&fixture, &fixture.editor, then, "createArticle", behind).await?;
        let begun = Instant::now();
        let mut observed = ObservedClock::new(begun);
        for (hours, days) in [(0, 9), (0, -3), (0, 0), (23, 1)] {
            let skewed = FixedClock(now + Duration::days(days));
            let instant = begun + std::time::Duration::from_hours(hours);
            let removed = maintenance::once(
                db,
                &skewed,
                FeedRetention::default(),
                &mut observed,
                instant,
            )
            .await?;
            assert_eq!(removed.idempotency_keys, 0, "{hours} {days}");
        }
        // Sending the mutation again returns the same article.
        let once = write_at(
            &fixture,
            &fixture.editor,
            now,
            "createArticle",
            input.clone(),
        )
        .await?;
        let twice = write_at(&fixture, &fixture.editor, now, "createArticle", input).await?;
        assert_eq!(once["article"]["id"], twice["article"]["id"]);
        assert!(once["article"]["id"].is_string(), "{once}");
    }
    Ok(())
}

/// The scheduler of a node with a wrong clock uses the database's clock.
#[tokio::test]
async fn a_skewed_clock_is_corrected_by_the_database() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let db = fixture.app.db().db();
        let is_shared = fixture.app.db().name() == "PostgreSQL";
        for days in [-1, 1] {
            let off = Duration::days(days);
            let skewed = FixedClock(SystemClock.now() + off);
            let clock = DatabaseClock::new(Arc::new(skewed));
            clock.set(db).await?;
            if !is_shared {
                // SQLite has no clock other than the machine's.
                assert_eq!(
                    (clock.offset(), clock.complaint()),
                    (Duration::zero(), None)
                );
                continue;
            }
            assert!((clock.offset() + off).abs() < Duration::seconds(30));
            assert!(clock.complaint().is_some());
            let id = draft(&fixture).await?["id"].clone();
            // One hour from now, by the correct clock.
            let at = SystemClock.now() + Duration::hours(1);
            let input = json!({"id": id, "at": stamp(at)});
            let now = SystemClock.now();
            write_at(&fixture, &fixture.editor, now, "scheduleArticle", input).await?;
            assert_eq!(publish_due(db, &clock).await?.published, []);
            // The article is due once the clock is past the scheduled time.
            let later = FixedClock(SystemClock.now() + Duration::hours(2));
            assert_eq!(publish_due(db, &later).await?.published.len(), 1);
        }
    }
    Ok(())
}

/// An article scheduled while the scheduler sleeps is published on time. The test waits for it on
/// the change feed.
#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_starts_and_stops() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let db = fixture.app.db().db().clone();
        let mut feed = db.feed();
        let running = tokio::spawn(run(db, Arc::new(SystemClock), async {
            let _ = stopped.await;
        }));
        let id = draft(&fixture).await?["id"].clone();
        let mut seq = fixture.seq().await?;
        let now = SystemClock.now();
        // The scheduler sleeps until then by the machine's clock, so the time has to pass.
        let at = now + Duration::milliseconds(700);
        let input = json!({"id": id, "at": stamp(at)});
        let payload = write_at(&fixture, &fixture.editor, now, "scheduleArticle", input).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let read = "query ($id: ID!) { article(id: $id) { status publishedAt } }";
        let published = async {
            loop {
                let changes = feed.next(seq, 10).await?;
                seq = changes.last().map_or(seq, |change| change.seq);
                // The cache follows the same feed and may lag behind.
                fixture.app.db().db().wait_for_feed().await?;
                let found = fixture
                    .ask(&Who::anonymous(), read, json!({"id": id}))
                    .await?;
                if !found["article"].is_null() {
                    return anyhow::Ok(found["article"].clone());
                }
            }
        };
        let found = tokio::time::timeout(MAX_WAIT, published)
            .await
            .context("it did not go out")??;
        assert_eq!(found["status"], "PUBLISHED");
        let out: DateTime<Utc> = found["publishedAt"].as_str().unwrap_or_default().parse()?;
        assert!(out >= at, "it went out at {out}, before {at}");
        let _ = stop.send(());
        running.await?;
    }
    Ok(())
}
