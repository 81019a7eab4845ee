//! The API's cases: each `tests/api/<type>/<what it shows>.graphql` is asked on SQLite and on
//! PostgreSQL, and both must answer as the snapshot beside it says, in as many SQL statements.
//!
//! Comments at a case's top may set how it is asked: `# variables: {…}` (JSON), `# hour: …`
//! (RFC 3339). `just snap` accepts what is answered now; read the difference before you commit it.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use khabar_tests::harness::{Answered, Newsroom, TestApp, TestDb, newsroom};
use serde_json::Value;

#[tokio::test]
async fn every_case_is_answered_as_its_snapshot_says() -> anyhow::Result<()> {
    let mut apps = Vec::new();
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        apps.push(TestApp::new(db)?);
    }
    let cases = files("graphql")?;
    ensure!(cases.len() > 80, "only {} cases were found", cases.len());
    let mut failed = Vec::new();
    for path in cases {
        let case = Case::read(&path)?;
        let mut shown = Vec::new();
        for app in &apps {
            let answered = case.ask(app).await.with_context(|| case.name.clone())?;
            shown.push((app.db().name(), answered.shown()));
        }
        if let [(one, first), (other, second)] = shown.as_slice()
            && first != second
        {
            eprintln!(
                "{}:\n{one} answers\n{first}\n{other} answers\n{second}",
                case.name
            );
            failed.push(case.name);
            continue;
        }
        if !matches(&path, &shown[0].1) {
            failed.push(case.name);
        }
    }
    ensure!(failed.is_empty(), "these cases failed: {failed:#?}");
    Ok(())
}

/// What is asked of the database again, although it was answered before: a comment that is not to be
/// seen, because what would bring it to light is not known.
const ASKED_AGAIN: [&str; 1] = ["find comments"];

#[tokio::test]
async fn every_case_is_answered_from_the_cache_as_from_the_database() -> anyhow::Result<()> {
    let mut again = BTreeSet::new();
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        let plain = TestApp::new(TestDb::at(db.url().to_owned()).await?)?;
        let app = TestApp::new(db.caching().await?)?;
        for path in files("graphql")? {
            let Case {
                name,
                document,
                variables,
                hour,
            } = Case::read(&path)?;
            let truth = plain.ask_at(hour, &document, &variables).await?;
            for time in ["first", "second"] {
                let answered = app.ask_at(hour, &document, &variables).await?;
                ensure!(
                    answered.json == truth.json,
                    "{name}, the {time} time: {}\nwithout a cache: {}",
                    answered.json,
                    truth.json
                );
                if time == "second" {
                    again.extend(answered.statements);
                }
            }
        }
    }
    assert_eq!(again, BTreeSet::from(ASKED_AGAIN));
    Ok(())
}

#[test]
fn every_snapshot_belongs_to_a_case() -> anyhow::Result<()> {
    for snapshot in files("snap")? {
        let case = snapshot.with_extension("graphql");
        ensure!(
            case.exists(),
            "{} has no case beside it",
            snapshot.display()
        );
    }
    Ok(())
}

/// A case as its file tells it.
struct Case {
    name: String,
    document: String,
    variables: Value,
    hour: DateTime<Utc>,
}

impl Case {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.strip_prefix(folder())?.display().to_string();
        let document = fs::read_to_string(path)?;
        let (mut variables, mut hour) = (Value::Null, newsroom::now());
        for line in document.lines().map_while(|line| line.strip_prefix('#')) {
            let line = line.trim();
            if let Some(json) = line.strip_prefix("variables:") {
                variables = serde_json::from_str(json).with_context(|| name.clone())?;
            } else if let Some(time) = line.strip_prefix("hour:") {
                hour = time.trim().parse().with_context(|| name.clone())?;
            }
        }
        Ok(Self {
            name,
            document,
            variables,
            hour,
        })
    }

    /// The answer in as few statements as it takes.
    async fn ask(&self, app: &TestApp) -> anyhow::Result<Answered> {
        let ask = || app.ask_at(self.hour, &self.document, &self.variables);
        let mut fewest = ask().await?;
        for _ in 1..TRIES {
            let answered = ask().await?;
            ensure!(answered.json == fewest.json, "another answer comes again");
            if answered.statements.len() < fewest.statements.len() {
                fewest = answered;
            }
        }
        Ok(fewest)
    }
}

/// How often a case is asked. Of two statements that are on their way at once, either may come back
/// first; what each leads to is asked for together only if they come about together.
const TRIES: usize = 3;

/// Compares with the snapshot; what differs is printed.
fn matches(path: &Path, shown: &str) -> bool {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(path.parent().unwrap_or(path));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_input_file(path);
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let compare = || settings.bind(|| insta::assert_snapshot!(name.as_ref(), shown));
    catch_unwind(AssertUnwindSafe(compare)).is_ok()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("api")
}

/// Every file with this extension, in order.
fn files(extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for noun in fs::read_dir(folder())? {
        for file in fs::read_dir(noun?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|it| it == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
