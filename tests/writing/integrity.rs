//! Concurrent writers that send every mutation at random, checked against a plain model of the
//! expected state.
//!
//! Each writer changes only its own objects. The model therefore knows the state of each object,
//! although all writers share one edition with its counts, lists and section tree. Each writer also
//! has an edition of its own, where the model knows every order too.
//!
//! Two kinds of real contention have predictable results: an article where each version has exactly
//! one author, and stories that are merged while other writers add articles to them. Where the
//! result is unpredictable, such as the last of the pinned stories in the shared edition, the tests
//! only check that the API is consistent with itself.
//!
//! `KHABAR_ROUNDS` sets how often each writer goes through the deck of mutations. `KHABAR_SEED`
//! sets the seed for the order of the mutations. Without it, each run uses a new seed. A failure
//! reports its seed. A rerun with that seed repeats the steps of each writer, but not how they
//! interleave.

mod client;
mod compare;
mod concurrent_reads;
mod consistency;
mod every_field;
mod fresh;
mod list;
mod model;
mod noun;
mod planted_faults;
mod precision;
mod random_delays;
mod schedule;
mod second_node;
mod seed_data;
mod step;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use chrono::Duration;
use futures::future::try_join_all;
use khabar_domain::Role;
use khabar_domain::clock::FixedClock;
use khabar_server::scheduler::publish_due;
use khabar_tests::harness::{Who, newsroom};
use serde_json::json;

use self::compare::MergedModel;
use self::seed_data::SeedData;
use self::writer::{DECK, SharedState, Writer, Written, id_in};
use crate::Fixture;
use crate::invariants::mutation;
use khabar_tests::harness::random::{env_number, seed};

/// Number of concurrent writers.
const WRITERS: usize = 4;

/// Default number of passes through the deck. Two passes send each mutation at least eight times
/// and take a quarter of a minute on two cores.
const ROUNDS: usize = 2;

/// Maximum number of passes. More of them leave more articles than fit into the single page that
/// [`Fixture::check_invariants`] reads.
const MAX_ROUNDS: usize = 6;

/// The end of the test, in seconds after [`newsroom::now`]. It is later than any step, and earlier
/// than any time scheduled with [`AFTER_END`].
const END: i64 = 500_000;

/// A delay in seconds after a step. Articles scheduled this far ahead are not published before the
/// test ends.
const AFTER_END: i64 = 1_000_000;

/// Mutations that the writers do not send, each with the source of the tests that do. Comments and
/// commenting settings are written at random and checked against a model in `moderation/`. Tokens
/// are not part of the newsroom.
const TESTED_ELSEWHERE: [(&str, &str); 9] = [
    ("revokePreviews", include_str!("../faults/secrets.rs")),
    ("postComment", include_str!("moderation/talk.rs")),
    ("editComment", include_str!("moderation/talk.rs")),
    ("moderateComments", include_str!("moderation/talk.rs")),
    ("reportComment", include_str!("moderation/talk.rs")),
    ("setArticleCommenting", include_str!("moderation/talk.rs")),
    ("setEditionCommenting", include_str!("moderation/talk.rs")),
    (
        "createToken",
        include_str!("../server/identity/token_api.rs"),
    ),
    (
        "revokeToken",
        include_str!("../server/identity/token_api.rs"),
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_random_writes_match_the_model() -> anyhow::Result<()> {
    let seed = seed()?;
    let rounds = env_number("KHABAR_ROUNDS")?.unwrap_or(ROUNDS);
    ensure!(
        rounds <= MAX_ROUNDS,
        "KHABAR_ROUNDS is {rounds}: at most {MAX_ROUNDS}"
    );
    for fixture in Fixture::each().await? {
        let on = fixture.app.db().name();
        run(&fixture, seed, rounds)
            .await
            .with_context(|| format!("on {on}, with KHABAR_SEED={seed} KHABAR_ROUNDS={rounds}"))?;
    }
    Ok(())
}

/// Creates the shared state for this many writers.
async fn shared(fixture: &Fixture, writers: usize) -> anyhow::Result<SharedState> {
    let draft = mutation("createArticle", "article { id }");
    let input = json!({"edition": "en", "headline": "Whose turn it is"});
    let contended = id_in(&fixture.mutate(&draft, input).await?, "article")?;
    Ok(SharedState::new(
        SeedData::read(fixture).await?,
        contended,
        writers,
    ))
}

async fn run(fixture: &Fixture, seed: u64, rounds: usize) -> anyhow::Result<()> {
    let shared = shared(fixture, WRITERS).await?;
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let who = fixture
            .app
            .who(&format!("كاتب {number}"), Role::Editor)
            .await?;
        writers.push(Writer::start(fixture, &shared, who, seed, number));
    }
    let writers = try_join_all(writers).await?;
    let writers = writers.into_iter().map(|writer| writer.write(rounds));
    // Readers run at the same time, here and on other nodes, so that there are cached entries to
    // invalidate.
    let other = fresh::another_node(fixture, 64 << 20).await?;
    let bare = fresh::another_node(fixture, 0).await?;
    let writers: Vec<Written> = tokio::select! {
        writers = try_join_all(writers) => writers?,
        failed = fresh::keep_reading(&fixture.app, &fixture.editor) => return failed,
        failed = fresh::keep_reading(&other, &fixture.editor) => return failed,
        failed = fresh::keep_reading(&bare, &fixture.editor) => return failed,
    };

    for (number, written) in writers.iter().enumerate() {
        let idle = DECK.iter().find(|(name, _)| !written.done.contains(name));
        ensure!(idle.is_none(), "writer {number} never came to {idle:?}");
    }
    claimed(fixture, &shared, &writers).await?;
    let mut merged_model = MergedModel::of(writers, shared.seed_data);
    let end = newsroom::now() + Duration::seconds(END);
    let round = publish_due(fixture.app.db().db(), &FixedClock(end)).await?;
    ensure!(round.failed.is_empty(), "{round:?}");
    let due = merged_model.publish_due(end);
    ensure!(
        due == round.published.len(),
        "{due} were due: {:?}",
        round.published
    );
    merged_model.compare(fixture).await?;
    fresh::compare(&[&fixture.app, &other, &bare], &fixture.editor).await?;
    fixture.check_invariants().await
}

/// Checks that the contested article has one version for each successful update, with the headline
/// of its author, and no other versions besides the first.
async fn claimed(
    fixture: &Fixture,
    shared: &SharedState,
    writers: &[Written],
) -> anyhow::Result<()> {
    const READ: &str = "query ($id: ID!) { article(id: $id) { version
        revisions(first: 100) { totalCount nodes { version headline } } } }";
    let found = fixture
        .ask(&fixture.editor, READ, json!({"id": shared.contended}))
        .await?;
    let claims = writers.iter().flat_map(|writer| writer.claims.clone());
    let count = claims.clone().count();
    let claims: BTreeMap<_, _> = claims.collect();
    ensure!(count == claims.len(), "two made the same version");
    let revisions = &found["article"]["revisions"];
    for (field, value) in [
        ("version", &found["article"]["version"]),
        ("totalCount", &revisions["totalCount"]),
    ] {
        ensure!(
            *value == json!(count + 1),
            "{field}: {value}, of {claims:?}"
        );
    }
    for revision in revisions["nodes"].as_array().into_iter().flatten() {
        let version = revision["version"].as_i64().unwrap_or_default();
        let headline = claims.get(&version);
        ensure!(
            version == 1 || headline.is_some_and(|headline| revision["headline"] == **headline),
            "{revision} is not {headline:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_mutation_is_in_the_deck() -> anyhow::Result<()> {
    const READ: &str = "{ __schema { mutationType { fields { name } } } }";
    let fixture = Fixture::each().await?.remove(0);
    let found = fixture.ask(&Who::anonymous(), READ, json!({})).await?;
    let fields = found["__schema"]["mutationType"]["fields"].as_array();
    let there: BTreeSet<_> = fields
        .into_iter()
        .flatten()
        .filter_map(|field| field["name"].as_str())
        .collect();
    let written: BTreeSet<_> = DECK.iter().map(|(name, _)| *name).collect();
    let elsewhere: BTreeSet<_> = TESTED_ELSEWHERE.iter().map(|(name, _)| *name).collect();
    assert!(written.is_disjoint(&elsewhere));
    for (name, tests) in TESTED_ELSEWHERE {
        assert!(tests.contains(name), "{name}");
    }
    let covered: BTreeSet<_> = written.union(&elsewhere).copied().collect();
    assert_eq!(covered, there, "what is written, and what can be");
    Ok(())
}
