//! Tests that every response served through the caches is what the database returns at that
//! position in the change feed, whichever cache step was slow.
//!
//! A *history* is one write, or several concurrent ones, while readers send random queries to two
//! nodes, anonymously and as an editor. Every step of the caches is delayed at random. When the
//! writes are acknowledged, some queries are sent through the whole server: to the node that took
//! the writes without a position, and to the other node with the position of the first. Each
//! response must match the uncached response of the database byte for byte.
//!
//! Nothing is written during this comparison, so there is only one correct response. Results that
//! readers fetched before the writes may still be on their way into the caches. If a wrong one is
//! cached, the next history that queries it finds it. The responses that readers received during
//! the writes are compared with the database as well (`concurrent_reads.rs`). That this comparison finds
//! a fault of the cache is shown in `planted_faults.rs`.
//!
//! The two nodes are two connection pools, each with its own cache and its own change feed reader.
//! In every other round the second node is a separate process, queried over HTTP (`second_node.rs`).
//!
//! `KHABAR_HISTORIES` sets the number of histories on each database (`just exact`: 10,000).
//! `KHABAR_SEED` sets the seed.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use khabar_domain::Role;
use khabar_persistence::Cache;
use khabar_tests::harness::{TestApp, newsroom};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Endpoint, queries};
use super::concurrent_reads::{Checked, ResponseLog};
use super::fresh;
use super::random_delays::RandomDelays;
use super::second_node::SecondNode;
use super::writer::{DECK, Writer};
use crate::Fixture;
use crate::comment::{EDIT, MODERATE, POST, SET_EDITION};
use khabar_tests::harness::random::{Random, env_number, seed};

/// Default number of histories on each database. They take half a minute on two cores.
const HISTORIES: usize = 150;

/// Maximum number of histories before a new newsroom is created, because each history makes it
/// larger.
const TOGETHER: usize = 100;

/// Number of writers, and thus the maximum number of concurrent writes.
const WRITERS: usize = 3;

/// Number of concurrent readers on each node.
const READERS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_response_is_consistent_with_its_feed_position() -> anyhow::Result<()> {
    let seed = seed()?;
    let mut left = env_number("KHABAR_HISTORIES")?.unwrap_or(HISTORIES);
    let mut round = 0;
    while left > 0 {
        let count = left.min(TOGETHER);
        for fixture in Fixture::each().await? {
            let on = fixture.app.db().name();
            let seed = seed.wrapping_add(round);
            let second = if round % 2 == 0 {
                SecondNodeKind::Pool
            } else {
                SecondNodeKind::Process
            };
            let hits = histories(&fixture, seed, count, second)
                .await
                .with_context(|| format!("on {on}, with KHABAR_SEED={seed}"))?;
            // An empty cache is always right, so there must be cache hits.
            ensure!(
                hits > count,
                "{hits} responses came from the cache, on {on}"
            );
        }
        left -= count;
        round += 1;
    }
    Ok(())
}

/// The kind of the second node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecondNodeKind {
    /// A separate connection pool in this process.
    Pool,
    /// A separate process.
    Process,
}

/// Runs this many histories. Returns the number of whole responses that the first node served from
/// its cache.
async fn histories(
    fixture: &Fixture,
    seed: u64,
    count: usize,
    second: SecondNodeKind,
) -> anyhow::Result<usize> {
    let mut random = Random::of(seed, WRITERS);
    let shared = super::shared(fixture, WRITERS).await?;
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let who = fixture
            .app
            .who(&format!("كاتب {number}"), Role::Editor)
            .await?;
        writers.push(Writer::start(fixture, &shared, who, seed, number).await?);
    }
    let delays = RandomDelays::new(seed);
    let here = &behind(&fixture.app, &delays).await?;
    // Both live until this function returns.
    let (mut other, mut process) = (None, None);
    let there = &match second {
        SecondNodeKind::Pool => {
            let other = other.insert(fresh::another_node(fixture, 64 << 20).await?);
            behind(other, &delays).await?
        }
        SecondNodeKind::Process => {
            let node = process.insert(SecondNode::start(&fixture.app, seed).await?);
            here.elsewhere(node.address())?
        }
    };
    let cursors = cursors(fixture).await?;
    let queries = queries(&mut random, WRITERS, &cursors);
    let log = Arc::new(ResponseLog::new(queries));
    let mut checked = Checked::default();

    let open = json!({"edition": "ar", "mode": "POST_MODERATED", "depth": 3});
    fixture.write(&fixture.editor, SET_EDITION, open).await?;
    let mut say = Random::of(seed, WRITERS + 100);
    // The readers stop when this set is dropped.
    let mut readers = JoinSet::new();
    for (number, (name, endpoint)) in [("here", here), ("there", there)]
        .into_iter()
        .cycle()
        .take(2 * READERS)
        .enumerate()
    {
        let random = Random::of(seed, WRITERS + 1 + number);
        readers.spawn(Arc::clone(&log).keep_reading(name, endpoint.clone(), random));
    }
    for history in 0..count {
        let at_once = if random.once_in(3) {
            2 + random.below(WRITERS - 1)
        } else {
            1
        };
        writers.rotate_left(random.below(WRITERS));
        let before = log
            .before(&fixture.app, &fixture.editor, &mut random)
            .await?;
        let writes = writers.iter_mut().take(at_once);
        let writes = writes.map(|writer| {
            let (name, _) = DECK[random.below(DECK.len())];
            writer.step(name)
        });
        let (written, texts) = tokio::join!(try_join_all(writes), talk(fixture, &mut say));
        written?;
        texts?;
        log.ask_again(&fixture.app, &fixture.editor, (here, there), &mut random)
            .await
            .with_context(|| format!("history {history}"))?;
        log.check(&fixture.app, &fixture.editor, before, &mut checked)
            .await
            .with_context(|| format!("history {history}"))?;
    }
    if let Some(ended) = readers.try_join_next() {
        ended??;
    }
    ensure!(checked.exact > count && checked.between > 0, "{checked:?}");
    let stats = fixture.app.db().db().cache().map(Cache::stats);
    Ok(usize::try_from(stats.unwrap_or_default().responses.hits)?)
}

/// Returns a server on the database of `app`, with delays in its cache.
async fn behind(app: &TestApp, delays: &Arc<RandomDelays>) -> anyhow::Result<Endpoint> {
    let cache = app.db().db().cache().context("no cache")?;
    cache.install_failpoints(Arc::<RandomDelays>::clone(delays));
    Endpoint::over(app).await
}

/// Posts, edits or moderates a comment, or does nothing every other time. Rejections are ignored,
/// such as those for duplicate comments or rate limits.
async fn talk(fixture: &Fixture, random: &mut Random) -> anyhow::Result<()> {
    const THERE: &str = "{ articles(first: 20) { nodes { id
        comments(first: 3) { nodes { id } } } } }";
    if random.once_in(2) {
        return Ok(());
    }
    let there = fixture
        .app
        .ask_uncached(&fixture.editor, THERE, &Value::Null)
        .await?
        .value()?;
    let articles = there["data"]["articles"]["nodes"].as_array();
    let article = random.pick(articles.map_or(&[][..], Vec::as_slice));
    let article = article.context("there are no articles")?;
    let texts = article["comments"]["nodes"].as_array();
    let texts = random.pick(texts.map_or(&[][..], Vec::as_slice));
    let words = format!("قول {}", random.below(1_000_000));
    let (document, input) = match texts {
        Some(texts) if random.once_in(3) => {
            let decision = if random.once_in(2) {
                "REJECT"
            } else {
                "APPROVE"
            };
            (
                MODERATE,
                json!({"ids": [texts["id"]], "decision": decision, "reason": "لا يليق."}),
            )
        }
        Some(texts) if random.once_in(3) => (EDIT, json!({"id": texts["id"], "text": words})),
        texts => {
            let parent = texts
                .filter(|_| random.once_in(2))
                .map(|texts| texts["id"].clone());
            (
                POST,
                json!({"article": article["id"], "text": words, "parent": parent}),
            )
        }
    };
    let variables = json!({ "input": input });
    let app = &fixture.app;
    app.ask_as(&fixture.editor, newsroom::now(), document, &variables)
        .await?;
    Ok(())
}

/// Returns some cursors from the article list of the shared edition.
async fn cursors(fixture: &Fixture) -> anyhow::Result<Vec<Value>> {
    const LIST: &str = "{ articles(first: 20) { edges { cursor } } }";
    let list = fixture.ask(&fixture.editor, LIST, Value::Null).await?;
    let edges = list["articles"]["edges"].as_array();
    let edges = edges.context("there is no list")?;
    Ok(edges.iter().map(|edge| edge["cursor"].clone()).collect())
}
