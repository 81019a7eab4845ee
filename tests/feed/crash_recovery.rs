//! Tests `kill -9` in the middle of a thousand writes: no acknowledged write is lost, none is half
//! stored, and a retried write takes effect once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Duration, Utc};
use khabar_domain::{AccountId, Role, Viewer, derived};
use khabar_tests::harness::process::{Report, report};
use khabar_tests::harness::random::{Random, seed};
use khabar_tests::harness::{MAX_WAIT, Newsroom, TestApp, TestDb, Who, newsroom};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::child;
use crate::newsroom_check::{self, AllRows};

const WRITES: usize = 1_000;
/// Number of concurrent writers.
const LANES: usize = 4;
/// Number of times the process is killed before it may finish.
const KILLS: usize = 3;
const EDITOR: &str = "ليلى";

#[tokio::test]
async fn a_killed_process_loses_no_write_and_leaves_no_partial_one() -> anyhow::Result<()> {
    let seed = seed()?;
    for (number, db) in TestDb::each().await?.into_iter().enumerate() {
        Newsroom::small()?.save(db.db()).await?;
        let app = TestApp::new(db)?;
        app.who(EDITOR, Role::Editor).await?;
        // Comments are visible, and counted, at once.
        let open = json!({"mode": "POST_MODERATED"});
        write(
            &app,
            newsroom::now(),
            "setEditionCommenting",
            "edition { id }",
            open,
        )
        .await?;
        let test = app.db();
        let mut random = Random::of(seed, number);
        let mut acknowledged = BTreeSet::new();
        for turn in 0..=KILLS {
            let most = (turn < KILLS).then(|| 40 + random.below(200));
            tokio::time::timeout(MAX_WAIT, write_on(test, turn, most, &mut acknowledged))
                .await
                .with_context(|| format!("a process stands still, with KHABAR_SEED={seed}"))??;
            newsroom_check::check(test.db()).await?;
            revised(&AllRows::of(test.db()).await?)?;
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
        let whole = AllRows::of(test.db()).await?;
        let mut articles = whole.rows("article").iter();
        let halfway = articles
            .find(|row| is_written_by_test(&row["headline"]) && row["status"] != "published");
        ensure!(halfway.is_none(), "it was never published: {halfway:?}");
        let twice = times.iter().find(|(_, times)| **times != 1);
        ensure!(
            twice.is_none(),
            "on {}, {twice:?} is there twice",
            test.name()
        );
    }
    Ok(())
}

/// Starts a process that carries out all writes. Kills it after `most` writes are newly acknowledged,
/// or returns when all are done.
async fn write_on(
    test: &TestDb,
    turn: usize,
    most: Option<usize>,
    acknowledged: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    let (sender, mut reports) = unbounded_channel();
    let mut process = child::start(&["scribe", test.url(), &turn.to_string()], 0, sender)?;
    let mut news = 0;
    let mut killed = false;
    while let Some(Report { line, .. }) = reports.recv().await {
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

/// Returns how many times each of the thousand is stored.
async fn times(test: &TestDb) -> anyhow::Result<BTreeMap<String, usize>> {
    let whole = AllRows::of(test.db()).await?;
    let mut times = BTreeMap::new();
    for (kind, column) in [
        ("article", "headline"),
        ("section", "name"),
        ("comment", "text"),
    ] {
        for row in whole
            .rows(kind)
            .iter()
            .filter(|row| is_written_by_test(&row[column]))
        {
            let name = row[column].as_str().unwrap_or_default();
            *times.entry(name.to_owned()).or_default() += 1;
        }
    }
    Ok(times)
}

/// Checks that exactly the versions of each article are stored as revisions.
fn revised(whole: &AllRows) -> anyhow::Result<()> {
    let mut stored: BTreeMap<Option<&str>, BTreeSet<Option<i64>>> = BTreeMap::new();
    for row in whole.rows("revision") {
        let versions = stored.entry(row["article_id"].as_str()).or_default();
        versions.insert(row["version"].as_i64());
    }
    let articles = whole.rows("article").iter();
    for row in articles.filter(|row| is_written_by_test(&row["headline"])) {
        let last = row["version"].as_i64().context("no version")?;
        let all: BTreeSet<_> = (1..=last).map(Some).collect();
        let stored = stored.get(&row["id"].as_str());
        ensure!(stored == Some(&all), "{row} is stored as {stored:?}");
    }
    Ok(())
}

fn is_written_by_test(name: &Value) -> bool {
    name.as_str().is_some_and(|name| name.starts_with("كتابة "))
}

/// Entry point of the process that writes.
pub(crate) async fn scribe(url: &str, turn: usize) -> anyhow::Result<()> {
    let app = TestApp::new(TestDb::at(url.to_owned()).await?)?;
    let shelf = Parents::of(&app).await?;
    let lanes = (0..LANES).map(|group_hash| lane_of(&app, &shelf, turn, group_hash));
    futures::future::try_join_all(lanes).await?;
    report(format_args!("all"))?;
    // Stay alive until the parent has read the last line.
    std::future::pending().await
}

/// Parents of everything that is written, so that all writers update the same counters.
struct Parents {
    section: Value,
    story: Value,
    /// An article and one of its comments.
    discussed: [Value; 2],
}

impl Parents {
    async fn of(app: &TestApp) -> anyhow::Result<Self> {
        const READ: &str = r#"{ article(slug: "انتهاء-أساسات-الجسر-الجديد") { section { id }
            stories { id } }
            articles(first: 1, orderBy: MOST_COMMENTED) {
                nodes { id comments(first: 1) { nodes { id } } } } }"#;
        let found = app.ask(READ).await?.value()?;
        let data = &found["data"];
        let discussed = &data["articles"]["nodes"][0];
        let shelf = Self {
            section: data["article"]["section"]["id"].clone(),
            story: data["article"]["stories"][0]["id"].clone(),
            discussed: [&discussed["id"], &discussed["comments"]["nodes"][0]["id"]]
                .map(Value::clone),
        };
        ensure!(
            shelf.story.is_string() && shelf.discussed[1].is_string(),
            "{found}"
        );
        Ok(shelf)
    }
}

async fn lane_of(
    app: &TestApp,
    shelf: &Parents,
    turn: usize,
    group_hash: usize,
) -> anyhow::Result<()> {
    for number in (group_hash..WRITES).step_by(LANES) {
        let name = format!("كتابة {number}");
        let one = NumberedWrite {
            app,
            number,
            hour: hour(turn, number)?,
        };
        // Alternate between the kinds of writes. Only one lane posts comments: a later comment from
        // another lane would count against the rate limit of an earlier one.
        let kinds = if group_hash == 0 { 3 } else { 2 };
        match number / LANES % kinds {
            0 => {
                let input = json!({"name": name, "parent": shelf.section});
                one.write("createSection", "section { id }", input).await?;
            }
            1 => {
                let input = json!({"headline": name, "section": shelf.section,
                    "stories": [shelf.story],
                    "body": [{"paragraph": {"text": "نص الخبر، كلمة بعد كلمة."}}]});
                let made = one.write("createArticle", "article { id }", input).await?;
                let input = json!({"id": made["article"]["id"]});
                one.write("publishArticle", "article { id }", input).await?;
            }
            _ => {
                let [article, comment] = &shelf.discussed;
                let input = json!({"article": article, "parent": comment, "text": name});
                one.write("postComment", "comment { id }", input).await?;
            }
        }
        report(format_args!("{name}"))?;
    }
    Ok(())
}

/// Returns the time of a write. Each process uses times of its own, so its ids are distinct and a write
/// that was carried out twice is stored twice. The times are far enough apart for the hourly limit on
/// comments.
fn hour(turn: usize, number: usize) -> anyhow::Result<DateTime<Utc>> {
    let (turn, number) = (i64::try_from(turn)?, i64::try_from(number)?);
    Ok(newsroom::now() + Duration::days(10 * turn) + Duration::minutes(5 * number))
}

/// One of the thousand writes.
struct NumberedWrite<'a> {
    app: &'a TestApp,
    number: usize,
    hour: DateTime<Utc>,
}

impl NumberedWrite<'_> {
    /// Sends the mutation with an idempotency key, so that it takes effect once however often it is
    /// sent.
    async fn write(
        &self,
        mutation: &str,
        payload: &str,
        mut input: Value,
    ) -> anyhow::Result<Value> {
        input["idempotencyKey"] = json!(format!("{mutation}-{}", self.number));
        write(self.app, self.hour, mutation, payload, input).await
    }
}

/// Sends a mutation as the editor, requires it to succeed, and returns its payload.
async fn write(
    app: &TestApp,
    hour: DateTime<Utc>,
    mutation: &str,
    payload: &str,
    input: Value,
) -> anyhow::Result<Value> {
    let of = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let document = format!(
        "mutation ($input: {of}!) {{ {mutation}(input: $input) {{ {payload}
            userErrors {{ field message }} }} }}"
    );
    let editor = AccountId::new(derived("account", &[EDITOR]));
    let who = Who {
        viewer: Viewer::of(editor, Role::Editor),
        name: EDITOR.to_owned(),
    };
    let variables = json!({ "input": input });
    let answered = app.ask_as(&who, hour, &document, &variables).await?;
    let mut value = answered.value()?;
    let payload = value["data"][mutation].take();
    ensure!(payload["userErrors"] == json!([]), "{value} {payload}");
    Ok(payload)
}
