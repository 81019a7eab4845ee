//! Whether whatever is answered through the caches is what the database says at that place in the
//! change feed, whichever step of them was slow.
//!
//! A *history* is a write, or some at once, while others read by random queries, as nobody and as an
//! editor, on two nodes; every step of their caches is delayed at random. When the writes are
//! acknowledged, some queries are asked through the whole server, on the node that took the writes as
//! they are and on the other with the position that the first has told. Each answer has to be, byte
//! for byte, what the database answers without any cache. Nothing is written meanwhile, so that there
//! is one truth; but what others have read before the writes may be on its way into the caches still,
//! and a wrong answer that gets in then is found by the next history that asks for it.
//!
//! The two nodes are two pools with two caches and two readers of the feed. They share nothing but
//! the database, as two processes would; that those hear of each other's writes, too, is what
//! `crates/server/tests/cli.rs` starts two of them for.
//!
//! `KHABAR_HISTORIES` says how many there are on each database (`just exact`: 10,000), `KHABAR_SEED`
//! which.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use chrono::TimeDelta;
use futures::future::try_join_all;
use khabar_domain::clock::FixedClock;
use khabar_domain::{Name, Role};
use khabar_persistence::Cache;
use khabar_persistence::cache::{Meddle, ReadingKey, Step};
use khabar_server::config::Settings;
use khabar_server::identity::{Issue, issue};
use khabar_server::router;
use khabar_tests::harness::{TestApp, Who, newsroom};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::fresh;
use super::writer::{DECK, Writer};
use crate::Desk;
use crate::comment::{EDIT, MODERATE, POST, SET_EDITION};
use crate::random::{Random, knob, seed};

/// How many histories there are on each database: half a minute on two cores.
const HISTORIES: usize = 150;

/// After so many, the newsroom is begun anew: it grows with each.
const TOGETHER: usize = 250;

/// How many write, at most that many at once.
const WRITERS: usize = 3;

/// How many read on each node all the while.
const READERS: usize = 2;

/// How many queries are looked at after each history.
const LOOKED_AT: usize = 3;

/// Within so many histories a mistake is found.
const ENOUGH: usize = 400;

/// Queries of fewer kinds than these are asked with other numbers as well.
const MORE: usize = 24;

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
            let kept = histories(&desk, seed, count, Mistake::None)
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
        let found = histories(&desk, seed, ENOUGH, mistake).await;
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

/// What is wrong with the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// A change lets go of less than it should.
    Forgets,
    /// What was read before a change is kept after it.
    IgnoresPlaces,
}

/// Delays each step by chance, and makes a mistake.
pub(super) struct Meddler {
    random: AtomicU64,
    mistake: Mistake,
}

impl Meddler {
    fn new(seed: u64, mistake: Mistake) -> Arc<Self> {
        let random = AtomicU64::new(seed | 1);
        Arc::new(Self { random, mistake })
    }

    /// The next of a sequence (splitmix64).
    fn below(&self, most: u64) -> u64 {
        let state = self
            .random
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

impl Meddle for Meddler {
    fn at(&self, step: Step) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Reading is what writes overtake.
        let reads = matches!(step, Step::Fetch | Step::Fill);
        let (often, longest) = if reads { (3, 20_000) } else { (4, 2_000) };
        let delays = self.below(often) == 0;
        let micros = self.below(longest);
        Box::pin(async move {
            if delays {
                tokio::time::sleep(Duration::from_micros(micros)).await;
            } else {
                tokio::task::yield_now().await;
            }
        })
    }

    fn forget(&self, keys: &mut Vec<ReadingKey>) {
        if self.mistake == Mistake::Forgets && !keys.is_empty() {
            let len = u64::try_from(keys.len()).unwrap_or(1);
            let gone = usize::try_from(self.below(len)).unwrap_or_default();
            let gone = keys[gone];
            // With its key for all of the kind, which stands beside it.
            keys.retain(|key| (key.noun(), key.of_part()) != (gone.noun(), gone.of_part()));
        }
    }

    fn ignores_positions(&self) -> bool {
        self.mistake == Mistake::IgnoresPlaces
    }
}

/// A server over one of the nodes' databases.
#[derive(Clone)]
pub(super) struct Front {
    router: Router,
    editors: String,
}

impl Front {
    pub(super) async fn over(
        app: &TestApp,
        meddler: Option<&Arc<Meddler>>,
    ) -> anyhow::Result<Self> {
        let db = app.db().db().clone();
        if let Some(meddler) = meddler {
            let cache = db.cache().context("no cache")?;
            cache.meddle(Arc::<Meddler>::clone(meddler));
        }
        let what = Issue {
            name: Name::parse("محرّرة")?,
            role: Role::Editor,
            rights: None,
            expires_at: Some(newsroom::now() + TimeDelta::hours(1)),
        };
        let issued = issue(&db, newsroom::now(), what).await?;
        let clock = Arc::new(FixedClock(newsroom::now()));
        Ok(Self {
            router: router::routes(&Settings::default(), db, clock)?,
            editors: format!("Bearer {}", issued.credential.as_str()),
        })
    }

    /// The answer's text.
    async fn ask(
        &self,
        as_editor: bool,
        query: &str,
        position: Option<i64>,
    ) -> anyhow::Result<String> {
        self.ask_with(as_editor, query, &Value::Null, position)
            .await
    }

    /// The answer's text to somebody who does not say who they are.
    pub(super) async fn ask_as_reader(&self, query: &str) -> anyhow::Result<String> {
        self.ask(false, query, None).await
    }

    /// The same with variables.
    pub(super) async fn ask_with(
        &self,
        as_editor: bool,
        query: &str,
        variables: &Value,
        position: Option<i64>,
    ) -> anyhow::Result<String> {
        let mut request = Request::post("/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if as_editor {
            request = request.header(header::AUTHORIZATION, &self.editors);
        }
        if let Some(position) = position {
            request = request.header("khabar-position", position);
        }
        let body = json!({"query": query, "variables": variables}).to_string();
        let request = request.body(Body::from(body))?;
        let response = self.router.clone().oneshot(request).await?;
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await?;
        let text = String::from_utf8(body.into())?;
        ensure!(status == StatusCode::OK, "{query}: {status} {text}");
        Ok(text)
    }
}

/// Goes through so many histories. Gives how many whole answers were given that were kept.
async fn histories(
    desk: &Desk,
    seed: u64,
    count: usize,
    mistake: Mistake,
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
    let other = fresh::another_node(desk, 64 << 20).await?;
    let meddler = Meddler::new(seed, mistake);
    let here = Front::over(&desk.app, Some(&meddler)).await?;
    let there = Front::over(&other, Some(&meddler)).await?;
    let queries: Arc<[String]> = queries(&mut random).into();

    let open = json!({"edition": "ar", "mode": "POST_MODERATED", "depth": 3});
    desk.write(&desk.editor, SET_EDITION, open).await?;
    let mut say = Random::of(seed, WRITERS + 100);
    // They end when this is dropped.
    let mut readers = JoinSet::new();
    for (number, front) in [&here, &there]
        .into_iter()
        .cycle()
        .take(2 * READERS)
        .enumerate()
    {
        let random = Random::of(seed, WRITERS + 1 + number);
        readers.spawn(keep_reading(front.clone(), Arc::clone(&queries), random));
    }
    for history in 0..count {
        let at_once = if random.once_in(3) {
            2 + random.below(WRITERS - 1)
        } else {
            1
        };
        writers.rotate_left(random.below(WRITERS));
        let writes = writers.iter_mut().take(at_once);
        let writes = writes.map(|writer| {
            let (name, _) = DECK[random.below(DECK.len())];
            writer.step(name)
        });
        let (written, said) = tokio::join!(try_join_all(writes), talk(desk, &mut say));
        written?;
        said?;
        let cache = desk.app.db().db().cache();
        let position = cache.and_then(Cache::position);
        for _ in 0..LOOKED_AT {
            let query = &queries[random.below(queries.len())];
            let as_editor = random.once_in(3);
            let who = if as_editor {
                &desk.editor
            } else {
                &Who::anonymous()
            };
            let truth = desk.app.ask_uncached(who, query).await?.json;
            for (node, front, position) in [("here", &here, None), ("there", &there, position)] {
                let told = front.ask(as_editor, query, position).await?;
                ensure!(
                    told == truth,
                    "history {history}, {node}, as {}: {query}\nthe cache says\n{told}\n\
                     the database says\n{truth}",
                    who.name
                );
            }
        }
    }
    if let Some(ended) = readers.try_join_next() {
        ended??;
    }
    let stats = desk.app.db().db().cache().map(Cache::stats);
    Ok(usize::try_from(stats.unwrap_or_default().answers.hits)?)
}

/// Every other time somebody says something, changes what they said, or moderators decide about it.
/// What is refused is refused: the words were said before, or too much at once.
async fn talk(desk: &Desk, random: &mut Random) -> anyhow::Result<()> {
    const THERE: &str = "{ articles(first: 20) { nodes { id
        comments(first: 3) { nodes { id } } } } }";
    if random.once_in(2) {
        return Ok(());
    }
    let there = desk.app.ask_uncached(&desk.editor, THERE).await?.value()?;
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

/// Asks for one query after the other.
async fn keep_reading(
    front: Front,
    queries: Arc<[String]>,
    mut random: Random,
) -> anyhow::Result<()> {
    loop {
        let query = &queries[random.below(queries.len())];
        front.ask(random.once_in(4), query, None).await?;
        tokio::task::yield_now().await;
    }
}

/// What is asked for: each kind of list and of thing, whole and in pages of all sizes.
fn queries(random: &mut Random) -> Vec<String> {
    let mut queries: Vec<_> = fresh::ASKED
        .iter()
        .map(|query| (*query).to_owned())
        .collect();
    for _ in 0..MORE {
        let (few, some) = (1 + random.below(5), 1 + random.below(40));
        let own = random.below(WRITERS);
        queries.push(match random.below(11) {
            0 => format!("{{ articles(first: {some}) {{ totalCount nodes {{ headline slug }} }} }}"),
            1 => format!("{{ articles(last: {some}) {{ pageInfo {{ hasPreviousPage }} nodes {{ headline }} }} }}"),
            2 => format!("{{ home {{ latest(first: {some}) {{ nodes {{ headline section {{ name }} authors {{ name }} }} }} }} }}"),
            3 => format!("{{ stories(first: {some}) {{ nodes {{ title articles(first: {few}) {{ totalCount nodes {{ headline }} }} }} }} }}"),
            4 => format!("{{ sections {{ name articles(first: {few}, orderBy: OLDEST) {{ nodes {{ headline }} }} }} }}"),
            5 => format!("{{ home(edition: \"own-{own}\") {{ edition {{ name articleCount }} leadArticles {{ headline }} latest(first: {some}) {{ totalCount nodes {{ headline slug }} }} }} }}"),
            6 => format!("{{ articles(edition: \"own-{own}\", first: {some}) {{ nodes {{ headline related(first: {few}) {{ nodes {{ headline }} }} stories {{ title }} }} }} }}"),
            8 | 9 => {
                let slug = format!("slug: \"slug-{own}-{}\"", random.below(8));
                let edition = if few > 2 { "ar".to_owned() } else { format!("own-{own}") };
                let kinds = [("article", "headline"), ("story", "title"), ("section", "name"), ("topic", "name"), ("person", "name"), ("source", "name")];
                let found = kinds.map(|(kind, field)| format!("{kind}({slug}, edition: \"{edition}\") {{ slug {field} formerSlugs }}"));
                format!("{{ {} }}", found.join(" "))
            }
            7 => format!("{{ stories(edition: \"own-{own}\", first: {some}) {{ totalCount nodes {{ title pinnedPosition lastArticleAt }} }} }}"),
            _ => format!("{{ topics: articles(first: {some}) {{ nodes {{ topics {{ name articles(first: {few}) {{ nodes {{ headline }} }} }} }} }} }}"),
        });
    }
    queries
}
