//! Many who write at once, at random, by every mutation, against a plain model of what there should
//! be then.
//!
//! Each writer keeps to things of their own, so that the model knows what becomes of each although
//! all write in one edition: its counts, its lists and its tree are everybody's. In an edition of
//! their own they know the orders too. What they really fight for is made so that its end is known
//! nevertheless: an article of which each version has one author, and stories that are merged while
//! others add to them. Where it is not known (who comes last on the common rail), it has to agree
//! with itself.
//!
//! `KHABAR_ROUNDS` says how often each goes through the deck of mutations, `KHABAR_SEED` in which
//! order; without it, each run has another. A failure tells its seed: the same steps come again,
//! though not how they meet.

mod ask;
mod compare;
mod every_field;
mod exact;
mod fresh;
mod list;
mod meddler;
mod model;
mod noun;
mod precision;
mod step;
mod stock;
mod told;
mod twin;
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

use self::compare::Whole;
use self::stock::Stock;
use self::writer::{DECK, Room, Writer, Written, told};
use crate::Desk;
use crate::agreement::mutation;
use crate::random::{knob, seed};

/// How many write at once.
const WRITERS: usize = 4;

/// Twice through the deck: each mutation eight times at least, in a quarter of a minute on two
/// cores.
const ROUNDS: usize = 2;

/// More than these leave more articles than fit into one page, by which [`Desk::agrees`] reads them.
const MOST_ROUNDS: usize = 6;

/// In seconds from the first step: later than any step is taken, and earlier than what is planned
/// for afterwards.
const END: i64 = 500_000;

/// In seconds from a step: what is planned for then does not go out.
const AFTERWARDS: i64 = 1_000_000;

/// What these writers do not write, each with the text of the tests that do: comments, and how they
/// are taken in, are written at random and held against a model in `moderation/`; tokens are no part
/// of the newsroom.
const ELSEWHERE: [(&str, &str); 9] = [
    ("revokePreviews", include_str!("../faults/secrets.rs")),
    ("postComment", include_str!("moderation/talk.rs")),
    ("editComment", include_str!("moderation/talk.rs")),
    ("moderateComments", include_str!("moderation/talk.rs")),
    ("reportComment", include_str!("moderation/talk.rs")),
    ("setArticleCommenting", include_str!("moderation/talk.rs")),
    ("setEditionCommenting", include_str!("moderation/talk.rs")),
    ("createToken", include_str!("../identity/granting.rs")),
    ("revokeToken", include_str!("../identity/granting.rs")),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_leave_what_they_wrote() -> anyhow::Result<()> {
    let seed = seed()?;
    let rounds = knob("KHABAR_ROUNDS")?.unwrap_or(ROUNDS);
    ensure!(
        rounds <= MOST_ROUNDS,
        "KHABAR_ROUNDS is {rounds}: at most {MOST_ROUNDS}"
    );
    for desk in Desk::each().await? {
        let on = desk.app.db().name();
        run(&desk, seed, rounds)
            .await
            .with_context(|| format!("on {on}, with KHABAR_SEED={seed} KHABAR_ROUNDS={rounds}"))?;
    }
    Ok(())
}

/// A room for so many writers.
async fn room(desk: &Desk, writers: usize) -> anyhow::Result<Room> {
    let draft = mutation("createArticle", "article { id }");
    let input = json!({"edition": "en", "headline": "Whose turn it is"});
    let contested = told(&desk.done(&draft, input).await?, "article")?;
    Ok(Room::new(Stock::of_desk(desk).await?, contested, writers))
}

async fn run(desk: &Desk, seed: u64, rounds: usize) -> anyhow::Result<()> {
    let room = room(desk, WRITERS).await?;
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let who = desk
            .app
            .who(&format!("كاتب {number}"), Role::Editor)
            .await?;
        writers.push(Writer::sit_down(desk, &room, who, seed, number));
    }
    let writers = try_join_all(writers).await?;
    let writers = writers.into_iter().map(|writer| writer.write(rounds));
    // Meanwhile others read, here and on another node, so that there is something to let go of.
    let other = fresh::another_node(desk, 64 << 20).await?;
    let bare = fresh::another_node(desk, 0).await?;
    let writers: Vec<Written> = tokio::select! {
        writers = try_join_all(writers) => writers?,
        failed = fresh::keep_reading(&desk.app, &desk.editor) => return failed,
        failed = fresh::keep_reading(&other, &desk.editor) => return failed,
        failed = fresh::keep_reading(&bare, &desk.editor) => return failed,
    };

    for (number, written) in writers.iter().enumerate() {
        let idle = DECK.iter().find(|(name, _)| !written.done.contains(name));
        ensure!(idle.is_none(), "writer {number} never came to {idle:?}");
    }
    claimed(desk, &room, &writers).await?;
    let mut whole = Whole::of(writers, room.stock);
    let end = newsroom::now() + Duration::seconds(END);
    let round = publish_due(desk.app.db().db(), &FixedClock(end)).await?;
    ensure!(round.failed.is_empty(), "{round:?}");
    let due = whole.publish_due(end);
    ensure!(
        due == round.published.len(),
        "{due} were due: {:?}",
        round.published
    );
    whole.holds(desk).await?;
    fresh::holds(&[&desk.app, &other, &bare], &desk.editor).await?;
    desk.agrees().await
}

/// The article that all changed has a version of each who was told to have changed it, and no other.
async fn claimed(desk: &Desk, room: &Room, writers: &[Written]) -> anyhow::Result<()> {
    const READ: &str = "query ($id: ID!) { article(id: $id) { version
        revisions(first: 100) { totalCount nodes { version headline } } } }";
    let found = desk
        .ask(&desk.editor, READ, json!({"id": room.contested}))
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
async fn no_mutation_is_left_out() -> anyhow::Result<()> {
    const READ: &str = "{ __schema { mutationType { fields { name } } } }";
    let desk = Desk::each().await?.remove(0);
    let found = desk.ask(&Who::anonymous(), READ, json!({})).await?;
    let fields = found["__schema"]["mutationType"]["fields"].as_array();
    let there: BTreeSet<_> = fields
        .into_iter()
        .flatten()
        .filter_map(|field| field["name"].as_str())
        .collect();
    let written: BTreeSet<_> = DECK.iter().map(|(name, _)| *name).collect();
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(name, _)| *name).collect();
    assert!(written.is_disjoint(&elsewhere));
    for (name, tests) in ELSEWHERE {
        assert!(tests.contains(name), "{name}");
    }
    let covered: BTreeSet<_> = written.union(&elsewhere).copied().collect();
    assert_eq!(covered, there, "what is written, and what can be");
    Ok(())
}
