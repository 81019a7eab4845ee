//! Purging: every change reaches each cache in front of the server, whatever fails on the way.

pub(crate) mod edge;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_domain::{ArticleId, Headline, Scope};
use khabar_persistence::article::Manuscript;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::Position;
use khabar_persistence::change::{self, EntityKind};
use khabar_persistence::feed_checkpoint::{self, Claim, ConsumerLease};
use khabar_persistence::{Db, article};
use khabar_server::feed_consumer::RetryPolicy;
use khabar_server::graphql::surrogate::spelled;
use khabar_server::purge::{Purging, Secret, Target, Targets, Timing};
use khabar_tests::harness::{Newsroom, TestDb, newsroom, until};
use serde_json::json;
use uuid::Uuid;

use self::edge::{Call, FakeCdn};

/// Short intervals, to keep the tests fast.
pub(crate) const PACE: Timing = Timing {
    retry: RetryPolicy {
        again: Some(Duration::from_millis(50)),
        pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(20),
        lease: Duration::from_millis(600),
    },
    call_timeout: Duration::from_secs(10),
};

const NAME: &str = "edge";

/// Starts purging one target.
pub(crate) fn start(db: &Db, target: &Target) -> anyhow::Result<Purging> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let targets = Targets::from([(NAME.to_owned(), target.clone())]);
    Purging::start(db, &clock, &targets, PACE)
}

/// Returns the feed position up to which the target is purged.
pub(crate) async fn place(db: &Db) -> anyhow::Result<Option<i64>> {
    let reader = db.reader(Scope::reader(newsroom::now()));
    let place = feed_checkpoint::get(&reader, NAME).await?;
    Ok(place.map(|place| place.seq))
}

/// Waits until all changes are purged and returns the feed position reached.
pub(crate) async fn wait_until_purged(db: &Db) -> anyhow::Result<i64> {
    let head = db.feed().bounds().await?.head;
    until(&format!("everything up to {head} is purged"), || async {
        Ok(place(db).await? == Some(head))
    })
    .await?;
    Ok(head)
}

fn manuscript() -> anyhow::Result<Manuscript> {
    let small = Newsroom::small()?;
    small.manuscripts.into_iter().next().context("no article")
}

/// Changes an article's headline.
async fn rename(db: &Db, headline: &str) -> anyhow::Result<ArticleId> {
    let mut manuscript = manuscript()?;
    manuscript.article.headline = Headline::parse(headline)?;
    let mut writer = db.writer(newsroom::now()).await?;
    article::save(&mut writer, &manuscript).await?;
    writer.commit().await?;
    Ok(manuscript.article.id)
}

fn key(article: ArticleId) -> String {
    spelled(CacheTag::one(EntityKind::Article, article))
}

fn webhook(edge: &FakeCdn) -> Target {
    Target::Webhook {
        url: format!("http://{}/hook", edge.address),
        secret: Secret::new("a secret of two and thirty bytes"),
    }
}

/// Sets up a newsroom and a running target for each database.
async fn each() -> anyhow::Result<Vec<(TestDb, FakeCdn)>> {
    let mut each = Vec::new();
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        each.push((db, FakeCdn::start().await?));
    }
    Ok(each)
}

fn is_everything(call: &Call) -> bool {
    call.json()["everything"] == true
}

fn names(call: &Call, key: &str) -> bool {
    let keys = call.json()["keys"].clone();
    keys.as_array()
        .is_some_and(|keys| keys.contains(&json!(key)))
}

/// The requests by which a kind of target is purged, of everything or of one key.
struct Kind {
    target: fn(String) -> Target,
    everything: fn(&Call) -> bool,
    names: fn(&Call, &str) -> bool,
}

const KINDS: [Kind; 5] = [
    Kind {
        target: |url| Target::VarnishXkey { url },
        everything: |call| {
            call.method.as_str() == "BAN"
                && call.path == "/"
                && call.header("ban-everything") == "1"
        },
        names: |call, key| {
            let mut keys = call.header("xkey-purge").split(' ');
            call.method.as_str() == "PURGE" && call.path == "/" && keys.any(|it| it == key)
        },
    },
    Kind {
        target: |url| Target::VarnishBan { url },
        everything: |call| call.method.as_str() == "BAN" && call.header("ban-everything") == "1",
        names: |call, key| {
            let pattern = call.header("ban-xkey");
            let keys = pattern
                .strip_prefix("(^|[^A-Za-z0-9_-])(")
                .and_then(|rest| rest.strip_suffix(")([^A-Za-z0-9_-]|$)"));
            call.method.as_str() == "BAN"
                && keys.is_some_and(|keys| keys.split('|').any(|it| it == key))
        },
    },
    Kind {
        target: |url| Target::Fastly {
            service: "SU1Z0".to_owned(),
            secret: Secret::new("hush"),
            url,
        },
        everything: |call| {
            call.method == "POST"
                && call.path == "/service/SU1Z0/purge_all"
                && call.header("fastly-key") == "hush"
        },
        names: |call, key| {
            call.method == "POST"
                && call.path == "/service/SU1Z0/purge"
                && call.header("fastly-key") == "hush"
                && call.header("surrogate-key").split(' ').any(|it| it == key)
        },
    },
    Kind {
        target: |url| Target::Cloudflare {
            zone: "023e".to_owned(),
            secret: Secret::new("hush"),
            url,
        },
        everything: |call| is_cloudflares(call) && call.json() == json!({"purge_everything": true}),
        names: |call, key| {
            let tags = call.json()["tags"].clone();
            let tags = tags.as_array().cloned().unwrap_or_default();
            is_cloudflares(call) && tags.len() <= 30 && tags.contains(&json!(key))
        },
    },
    Kind {
        target: |url| Target::Webhook {
            url,
            secret: Secret::new("a secret of two and thirty bytes"),
        },
        everything: is_everything,
        names,
    },
];

fn is_cloudflares(call: &Call) -> bool {
    call.method == "POST"
        && call.path == "/zones/023e/purge_cache"
        && call.header("authorization") == "Bearer hush"
        && call.header("content-type") == "application/json"
}

#[tokio::test]
async fn every_kind_of_target_receives_its_own_format() -> anyhow::Result<()> {
    for (db, _) in each().await? {
        let db = db.db();
        for (at, kind) in KINDS.iter().enumerate() {
            let edge = FakeCdn::start().await?;
            let purging = start(db, &(kind.target)(format!("http://{}/", edge.address)))?;
            wait_until_purged(db).await?;
            let article = rename(db, &format!("عنوان {}", edge.address.port())).await?;
            edge.sees(|call| (kind.names)(call, &key(article))).await?;
            wait_until_purged(db).await?;
            let calls = edge.calls();
            let first = calls.first().context("no call")?;
            // Later kinds continue from the stored position of the first one, so only new changes are purged.
            assert_eq!((kind.everything)(first), at == 0, "{first:?}");
            purging.stop().await;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_new_target_is_purged_completely() -> anyhow::Result<()> {
    for kind in &KINDS {
        let db = TestDb::sqlite().await?;
        let edge = FakeCdn::start().await?;
        let purging = start(db.db(), &(kind.target)(format!("http://{}", edge.address)))?;
        wait_until_purged(db.db()).await?;
        let calls = edge.calls();
        // Each purge is sent twice, to cover responses that were in flight during the first.
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert!(calls.iter().all(kind.everything), "{calls:?}");
        purging.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_failing_purge_is_retried_before_the_checkpoint_advances() -> anyhow::Result<()> {
    for (db, edge) in each().await? {
        let db = db.db();
        let purging = start(db, &webhook(&edge))?;
        let before = wait_until_purged(db).await?;
        edge.fail(3, 2);
        let article = rename(db, "عنوان مصحح").await?;
        let done = |call: &Call| call.status.is_success() && names(call, &key(article));
        edge.sees(done).await?;
        let head = wait_until_purged(db).await?;
        assert!(head > before);
        assert!(edge.has_dropped());
        let calls = edge.calls();
        let failed: Vec<_> = calls
            .iter()
            .filter(|call| !call.status.is_success())
            .collect();
        assert_eq!(failed.len(), 3);
        assert!(failed.iter().all(|call| names(call, &key(article))));

        // While calls keep failing, the position does not advance.
        edge.fail(usize::MAX, 0);
        rename(db, "عنوان آخر").await?;
        let count = edge.calls().len();
        edge.sees_more_than(count + 5).await?;
        assert_eq!(place(db).await?, Some(head));
        edge.fail(0, 0);
        assert!(wait_until_purged(db).await? > head);
        purging.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn purging_resumes_after_a_restart() -> anyhow::Result<()> {
    for (db, edge) in each().await? {
        let db = db.db();
        let purging = start(db, &webhook(&edge))?;
        let place = wait_until_purged(db).await?;
        // Purging is stopped during a call that never succeeds.
        edge.fail(usize::MAX, 0);
        let article = rename(db, "عنوان أول").await?;
        edge.sees(|call| names(call, &key(article))).await?;
        purging.stop().await;
        rename(db, "عنوان ثان").await?;
        let count = edge.calls().len();

        edge.fail(0, 0);
        let purging = start(db, &webhook(&edge))?;
        let head = wait_until_purged(db).await?;
        let calls = edge.calls().split_off(count);
        let first = calls.first().context("no call")?.json();
        assert_eq!(
            (&first["after"], &first["upTo"]),
            (&json!(place), &json!(head))
        );
        assert!(!calls.iter().any(is_everything));
        assert!(calls.iter().all(|call| names(call, &key(article))));
        purging.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_feed_gap_purges_everything() -> anyhow::Result<()> {
    for (db, edge) in each().await? {
        let db = db.db();
        let purging = start(db, &webhook(&edge))?;
        wait_until_purged(db).await?;
        purging.stop().await;
        rename(db, "عنوان ضائع").await?;
        let later = newsroom::now() + TimeDelta::days(1);
        let writer = db.writer(later).await?;
        ensure!(change::retire(&writer, later, 0).await? > 0);
        writer.commit().await?;
        let count = edge.calls().len();

        let purging = start(db, &webhook(&edge))?;
        let head = wait_until_purged(db).await?;
        let calls = edge.calls().split_off(count);
        let everything = json!({"everything": true, "upTo": head});
        assert!(
            calls.iter().all(|call| call.json() == everything),
            "{calls:?}"
        );
        // Later changes are purged by key again.
        let article = rename(db, "عنوان جديد").await?;
        edge.sees(|call| names(call, &key(article)) && call.json()["after"] == head)
            .await?;
        purging.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn changes_are_batched_and_purged_twice() -> anyhow::Result<()> {
    for (db, edge) in each().await? {
        let db = db.db();
        let purging = start(db, &webhook(&edge))?;
        let place = wait_until_purged(db).await?;
        purging.stop().await;
        for number in 0..5 {
            rename(db, &format!("عنوان {number}")).await?;
        }
        let count = edge.calls().len();
        let purging = start(db, &webhook(&edge))?;
        wait_until_purged(db).await?;
        let calls: Vec<_> = edge.calls().split_off(count);
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert_eq!(calls[0].body, calls[1].body);
        let keys = calls[0].json()["keys"].clone();
        let mut keys: Vec<String> = serde_json::from_value(keys)?;
        assert_eq!(calls[0].json()["after"], place);
        let all = keys.len();
        keys.dedup();
        assert!(all == keys.len() && all > 1, "{keys:?}");
        purging.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn one_process_at_a_time_purges_each_target() -> anyhow::Result<()> {
    for (db, edge) in each().await? {
        let db = db.db();
        // Another process holds the claim and ends without releasing it.
        let dead = Claim {
            consumer: NAME,
            holder: Uuid::from_u128(7),
        };
        let now = SystemClock.now();
        let until = now + TimeDelta::milliseconds(300);
        let writer = db.writer(now).await?;
        let lease = feed_checkpoint::claim(&writer, dead, until).await?;
        assert_eq!(lease, ConsumerLease::Ours(None));
        writer.commit().await?;

        let first = start(db, &webhook(&edge))?;
        let second = start(db, &webhook(&edge))?;
        edge.sees(is_everything).await?;
        assert!(SystemClock.now() >= until, "it was purged by two");
        wait_until_purged(db).await?;
        rename(db, "عنوان لواحد").await?;
        wait_until_purged(db).await?;
        // Two calls for everything and two for the article, whichever process sends them.
        assert_eq!(edge.calls().len(), 4, "{:?}", edge.calls());

        // The second process takes over when the first one stops.
        first.stop().await;
        let article = rename(db, "عنوان للآخر").await?;
        edge.sees(|call| names(call, &key(article))).await?;
        wait_until_purged(db).await?;
        second.stop().await;
        let writer = db.writer(SystemClock.now()).await?;
        // A process that has lost its claim cannot advance the position.
        assert!(!feed_checkpoint::advance(&writer, dead, Position { epoch: 1, seq: 1 }).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_webhook_signs_its_body() -> anyhow::Result<()> {
    let db = TestDb::sqlite().await?;
    let edge = FakeCdn::start().await?;
    let purging = start(db.db(), &webhook(&edge))?;
    let call = edge.sees(is_everything).await?;
    let signature = call.header("khabar-signature");
    let (time, hmac) = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .context("no signature")?;
    let now = SystemClock.now().timestamp();
    assert!((now - time.parse::<i64>()?).abs() < 60, "{time}");
    assert!(hmac.len() == 64 && hmac.bytes().all(|byte| byte.is_ascii_hexdigit()));
    purging.stop().await;
    Ok(())
}
