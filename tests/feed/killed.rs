//! `kill -9` in the middle of a thousand writes: none that was acknowledged is lost, no half of one
//! is left, and what is sent again happens once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use chrono::Duration;
use khabar_domain::workflow::Step;
use khabar_domain::{AccountId, ArticleId, Block, Role, Slug, Viewer, derived};
use khabar_persistence::article::Manuscript;
use khabar_persistence::done::{self, Named};
use khabar_persistence::{article, desk, revision};
use khabar_tests::harness::{Newsroom, TestApp, TestDb, Who, make, newsroom};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use crate::process::{Dice, Heard, Process, say};
use crate::whole::{self, Whole};
use crate::{PATIENCE, edition};

const WRITES: usize = 1_000;
/// How many write at the same time.
const LANES: usize = 4;
/// How often the process is killed before it may come to its end.
const KILLS: usize = 3;
const EDITOR: &str = "ليلى";

#[tokio::test]
async fn a_killed_process_loses_nothing_and_leaves_no_half() -> anyhow::Result<()> {
    for (number, db) in (1..).zip(TestDb::each().await?) {
        Newsroom::small()?.save(db.db()).await?;
        let app = TestApp::new(db)?;
        app.who(EDITOR, Role::Editor).await?;
        let test = app.db();
        let mut dice = Dice(0xdead * number);
        let mut acknowledged = BTreeSet::new();
        for turn in 0..=KILLS {
            let most = (turn < KILLS).then(|| 40 + dice.place(200));
            tokio::time::timeout(PATIENCE, write_on(test, turn, most, &mut acknowledged))
                .await
                .context("a process stands still")??;
            whole::check(test.db()).await?;
            let times = times(test).await?;
            let lost = acknowledged.iter().find(|name| !times.contains_key(*name));
            ensure!(lost.is_none(), "on {}, {lost:?} is lost", test.name());
        }
        let times = times(test).await?;
        ensure!(
            times.len() == WRITES,
            "{} of {WRITES} are there",
            times.len()
        );
        let twice = times.iter().find(|(_, times)| **times != 1);
        ensure!(
            twice.is_none(),
            "on {}, {twice:?} is there twice",
            test.name()
        );
    }
    Ok(())
}

/// Lets a process write everything, as often as it is not acknowledged, until it is killed after so
/// many or has done all.
async fn write_on(
    test: &TestDb,
    turn: usize,
    most: Option<usize>,
    acknowledged: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    let (ear, mut heard) = unbounded_channel();
    let mut process = Process::start(&["scribe", test.url(), &turn.to_string()], 0, ear)?;
    let mut news = 0;
    let mut killed = false;
    while let Some(Heard { line, .. }) = heard.recv().await {
        let Some(line) = line else {
            ensure!(killed, "the process ended by itself");
            return Ok(());
        };
        if line == "all" {
            ensure!(most.is_none(), "it was done before it was killed");
            return Ok(());
        }
        news += usize::from(acknowledged.insert(line));
        if most.is_some_and(|most| news >= most) && !killed {
            killed = true;
            process.kill()?;
        }
    }
    bail!("the process is not heard any more")
}

/// How often each of the thousand is there.
async fn times(test: &TestDb) -> anyhow::Result<BTreeMap<String, usize>> {
    let whole = Whole::of(test.db()).await?;
    let mut times = BTreeMap::new();
    for (kind, column) in [("article", "headline"), ("section", "name")] {
        for row in whole.rows(kind) {
            let name = row[column].as_str().unwrap_or_default();
            if name.starts_with("كتابة ") {
                *times.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(times)
}

/// The part of the process that writes.
pub(crate) async fn scribe(url: &str, turn: usize) -> anyhow::Result<()> {
    let app = TestApp::new(TestDb::at(url.to_owned()).await?)?;
    let lanes = (0..LANES).map(|lane| lane_of(&app, turn, lane));
    futures::future::try_join_all(lanes).await?;
    say(format_args!("all"))?;
    // Until the other end has heard it.
    std::future::pending().await
}

async fn lane_of(app: &TestApp, turn: usize, lane: usize) -> anyhow::Result<()> {
    for number in (lane..WRITES).step_by(LANES) {
        // A section by the API and an article by hand, in turns.
        let name = format!("كتابة {number}");
        if number % 2 == 0 {
            section(app, turn, number, &name).await?;
        } else {
            article(app, turn, number, &name).await?;
        }
        say(format_args!("{name}"))?;
    }
    Ok(())
}

async fn section(app: &TestApp, turn: usize, number: usize, name: &str) -> anyhow::Result<()> {
    const CREATE: &str = "mutation ($input: CreateSectionInput!) { createSection(input: $input) {
        section { id } userErrors { field message } } }";
    let editor = AccountId::new(derived("account", &[EDITOR]));
    let who = Who {
        viewer: Viewer::of(editor, Role::Editor),
        name: EDITOR.to_owned(),
    };
    // Each process writes at another hour, so that the ids that it makes are its own.
    let hour = newsroom::now() + Duration::hours(i64::try_from(turn)?);
    let input = json!({"name": name, "clientMutationId": format!("write-{number}")});
    let variables = json!({ "input": input });
    let answered = app.ask_as(&who, hour, CREATE, &variables).await?;
    let value = answered.value()?;
    let id = &value["data"]["createSection"]["section"]["id"];
    ensure!(id.is_string(), "{value}");
    Ok(())
}

/// Writes a published article as a mutation does: in one transaction, named by its client.
async fn article(app: &TestApp, turn: usize, number: usize, name: &str) -> anyhow::Result<()> {
    const TRIES: usize = 20;
    let hours = i64::try_from(number)?;
    let mut made = make::article(&edition()?, name, hours)?;
    // Every try in every process makes another article: what is written twice, is there twice.
    let (turn, number) = (turn.to_string(), number.to_string());
    made.id = ArticleId::new(derived("article", &["killed", &turn, &number]));
    made.slug = Slug::parse(&format!("write-{turn}-{number}"))?;
    let manuscript = make::manuscript(made, vec![Block::paragraph("نص الخبر، كلمة بعد كلمة.")])?;
    let named = Named {
        writer: "scribe".to_owned(),
        client_mutation_id: format!("write-{number}"),
        action: "createArticle".to_owned(),
        input: number,
    };
    let mut tries = 0;
    loop {
        tries += 1;
        match once(app, &manuscript, &named).await {
            Err(error) if error.is_passing() && tries < TRIES => {}
            done => return Ok(done?),
        }
    }
}

async fn once(
    app: &TestApp,
    manuscript: &Manuscript,
    named: &Named,
) -> khabar_persistence::Result<()> {
    let mut writer = app.db().db().writer(newsroom::now()).await?;
    if done::find(&writer, named).await?.is_none() {
        let id = manuscript.article.id;
        article::save(&mut writer, manuscript).await?;
        desk::save(&writer, id, &khabar_domain::Desk::default()).await?;
        revision::add(&writer, manuscript, Step::Save, None).await?;
        done::remember(&writer, named, id.uuid()).await?;
    }
    writer.commit().await
}
