//! Whether whatever is answered through the caches is what the database says at that place in the
//! change feed, whichever step of them was slow.
//!
//! A *history* is a write, or some at once, while others read by random queries, as nobody and as an
//! editor, on two nodes; every step of their caches is delayed at random. When the writes are
//! acknowledged, some queries are asked through the whole server, on the node that took the writes as
//! they are and on the other with the position that the first has told. Each answer has to be, byte
//! for byte, what the database answers without any cache. Nothing is written meanwhile, so that there
//! is one truth; but what others have read before the writes may be on its way into the caches still,
//! and a wrong answer that gets in then is found by the next history that asks for it. What the readers
//! were told while the writes were under way is held against the database as well (`told.rs`).
//!
//! The two nodes are two pools with two caches and two readers of the feed; in every other round the
//! second is a process of its own, which is asked over HTTP (`twin.rs`).
//!
//! `KHABAR_HISTORIES` says how many there are on each database (`just exact`: 10,000), `KHABAR_SEED`
//! which.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use khabar_domain::Role;
use khabar_persistence::Cache;
use khabar_tests::harness::{TestApp, newsroom};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::ask::{Front, questions};
use super::fresh;
use super::meddler::{Meddler, Mistake};
use super::told::{Looked, Notebook};
use super::twin::Twin;
use super::writer::{DECK, Writer};
use crate::Desk;
use crate::comment::{EDIT, MODERATE, POST, SET_EDITION};
use crate::random::{Random, knob, seed};

/// How many histories there are on each database: half a minute on two cores.
const HISTORIES: usize = 150;

/// After so many, the newsroom is begun anew: it grows with each.
const TOGETHER: usize = 100;

/// How many write, at most that many at once.
const WRITERS: usize = 3;

/// How many read on each node all the while.
const READERS: usize = 2;

/// Within so many histories a mistake is found.
const ENOUGH: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_that_of_its_place_in_the_feed() -> anyhow::Result<()> {
    let seed = seed()?;
    let mut left = knob("KHABAR_HISTORIES")?.unwrap_or(HISTORIES);
    let mut round = 0;
    while left > 0 {
        let count = left.min(TOGETHER);
        for desk in Desk::each().await? {
            let on = desk.app.db().name();
            let seed = seed.wrapping_add(round);
            let second = if round % 2 == 0 {
                Second::Pool
            } else {
                Second::Process
            };
            let kept = histories(&desk, seed, count, Mistake::None, second)
                .await
                .with_context(|| format!("on {on}, with KHABAR_SEED={seed}"))?;
            // A cache that keeps nothing is always right.
            ensure!(kept > count, "{kept} of the answers were kept, on {on}");
        }
        left -= count;
        round += 1;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_left_out_is_found() -> anyhow::Result<()> {
    is_found(Mistake::Forgets).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_that_ignores_its_place_is_found() -> anyhow::Result<()> {
    is_found(Mistake::IgnoresPlaces).await
}

async fn is_found(mistake: Mistake) -> anyhow::Result<()> {
    let seed = seed()?;
    for desk in Desk::each().await? {
        let on = desk.app.db().name();
        let found = histories(&desk, seed, ENOUGH, mistake, Second::Pool).await;
        let error = found.err().with_context(|| {
            format!("{mistake:?} was not found on {on}, with KHABAR_SEED={seed}")
        })?;
        let told = format!("{error:#}");
        // Or a writer was told something false itself.
        ensure!(
            told.contains("the cache says")
                || (mistake == Mistake::Forgets && told.contains("writer ")),
            "{told}"
        );
    }
    Ok(())
}

/// What the second node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    /// A pool of its own in this process.
    Pool,
    /// Another process.
    Process,
}

/// Goes through so many histories. Gives how many whole answers were given that were kept.
async fn histories(
    desk: &Desk,
    seed: u64,
    count: usize,
    mistake: Mistake,
    second: Second,
) -> anyhow::Result<usize> {
    let mut random = Random::of(seed, WRITERS);
    let room = super::room(desk, WRITERS).await?;
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let who = desk
            .app
            .who(&format!("كاتب {number}"), Role::Editor)
            .await?;
        writers.push(Writer::sit_down(desk, &room, who, seed, number).await?);
    }
    let meddler = Meddler::new(seed, mistake);
    let here = &behind(&desk.app, &meddler).await?;
    // Both end when this does.
    let (mut other, mut twin) = (None, None);
    let there = &match second {
        Second::Pool => {
            let other = other.insert(fresh::another_node(desk, 64 << 20).await?);
            behind(other, &meddler).await?
        }
        Second::Process => {
            let twin = twin.insert(Twin::of(&desk.app, seed)?);
            here.elsewhere(twin.address())?
        }
    };
    let cursors = cursors(desk).await?;
    let questions = questions(&mut random, WRITERS, &cursors);
    let notebook = Arc::new(Notebook::new(questions));
    let mut looked = Looked::default();

    let open = json!({"edition": "ar", "mode": "POST_MODERATED", "depth": 3});
    desk.write(&desk.editor, SET_EDITION, open).await?;
    let mut say = Random::of(seed, WRITERS + 100);
    // They end when this is dropped.
    let mut readers = JoinSet::new();
    for (number, (name, front)) in [("here", here), ("there", there)]
        .into_iter()
        .cycle()
        .take(2 * READERS)
        .enumerate()
    {
        let random = Random::of(seed, WRITERS + 1 + number);
        readers.spawn(Arc::clone(&notebook).keep_reading(name, front.clone(), random));
    }
    for history in 0..count {
        let at_once = if random.once_in(3) {
            2 + random.below(WRITERS - 1)
        } else {
            1
        };
        writers.rotate_left(random.below(WRITERS));
        let before = notebook
            .before(&desk.app, &desk.editor, &mut random)
            .await?;
        let writes = writers.iter_mut().take(at_once);
        let writes = writes.map(|writer| {
            let (name, _) = DECK[random.below(DECK.len())];
            writer.step(name)
        });
        let (written, said) = tokio::join!(try_join_all(writes), talk(desk, &mut say));
        written?;
        said?;
        notebook
            .ask_again(&desk.app, &desk.editor, (here, there), &mut random)
            .await
            .with_context(|| format!("history {history}"))?;
        notebook
            .look(&desk.app, &desk.editor, before, &mut looked)
            .await
            .with_context(|| format!("history {history}"))?;
    }
    if let Some(ended) = readers.try_join_next() {
        ended??;
    }
    ensure!(
        mistake != Mistake::None || looked.exact > count && looked.between > 0,
        "{looked:?}"
    );
    let stats = desk.app.db().db().cache().map(Cache::stats);
    Ok(usize::try_from(stats.unwrap_or_default().answers.hits)?)
}

/// A server over a database whose cache is meddled with.
async fn behind(app: &TestApp, meddler: &Arc<Meddler>) -> anyhow::Result<Front> {
    let cache = app.db().db().cache().context("no cache")?;
    cache.meddle(Arc::<Meddler>::clone(meddler));
    Front::over(app).await
}

/// Every other time somebody says something, changes what they said, or moderators decide about it.
/// What is refused is refused: the words were said before, or too much at once.
async fn talk(desk: &Desk, random: &mut Random) -> anyhow::Result<()> {
    const THERE: &str = "{ articles(first: 20) { nodes { id
        comments(first: 3) { nodes { id } } } } }";
    if random.once_in(2) {
        return Ok(());
    }
    let there = desk
        .app
        .ask_uncached(&desk.editor, THERE, &Value::Null)
        .await?
        .value()?;
    let articles = there["data"]["articles"]["nodes"].as_array();
    let article = random.pick(articles.map_or(&[][..], Vec::as_slice));
    let article = article.context("there are no articles")?;
    let said = article["comments"]["nodes"].as_array();
    let said = random.pick(said.map_or(&[][..], Vec::as_slice));
    let words = format!("قول {}", random.below(1_000_000));
    let (document, input) = match said {
        Some(said) if random.once_in(3) => {
            let decision = if random.once_in(2) {
                "REJECT"
            } else {
                "APPROVE"
            };
            (
                MODERATE,
                json!({"ids": [said["id"]], "decision": decision, "reason": "لا يليق."}),
            )
        }
        Some(said) if random.once_in(3) => (EDIT, json!({"id": said["id"], "text": words})),
        said => {
            let parent = said
                .filter(|_| random.once_in(2))
                .map(|said| said["id"].clone());
            (
                POST,
                json!({"article": article["id"], "text": words, "parent": parent}),
            )
        }
    };
    let variables = json!({ "input": input });
    let app = &desk.app;
    app.ask_as(&desk.editor, newsroom::now(), document, &variables)
        .await?;
    Ok(())
}

/// Some places in the common list of articles.
async fn cursors(desk: &Desk) -> anyhow::Result<Vec<Value>> {
    const LIST: &str = "{ articles(first: 20) { edges { cursor } } }";
    let list = desk.ask(&desk.editor, LIST, Value::Null).await?;
    let edges = list["articles"]["edges"].as_array();
    let edges = edges.context("there is no list")?;
    Ok(edges.iter().map(|edge| edge["cursor"].clone()).collect())
}
