//! API test cases. Each `tests/api/<type>/<what it shows>.graphql` is run on SQLite and on PostgreSQL.
//! Both must return the answer in the snapshot next to it, with the number of SQL statements listed there.
//!
//! Comments at the top of a case may set its inputs: `# variables: {…}` (JSON) and `# hour: …` (the
//! current time, RFC 3339). `just snap` accepts the current answers; read the difference before you
//! commit it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;
use khabar_tests::harness::cases::{Case, files, folder};
use khabar_tests::harness::{Newsroom, TestApp, TestDb, TestResponse};
use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

fn main() -> anyhow::Result<ExitCode> {
    let runtime: &'static Runtime = Box::leak(Box::new(Runtime::new()?));
    let mut trials = Vec::new();
    for path in files("graphql")? {
        let name = path.strip_prefix(folder())?.with_extension("");
        let name = name.display().to_string().replace('/', "::");
        trials.push(trial(name, move || {
            runtime.block_on(answers_as_its_snapshot(&path))
        }));
    }
    anyhow::ensure!(trials.len() > 80, "only {} cases were found", trials.len());
    trials.push(trial("cases_are_answered_from_the_cache", move || {
        runtime.block_on(every_case_is_answered_from_the_cache_as_from_the_database())
    }));
    trials.push(trial(
        "snapshots_belong_to_cases",
        every_snapshot_belongs_to_a_case,
    ));
    let mut arguments = Arguments::from_args();
    // The number of statements depends on how loads are batched, so cases do not compete for the runtime.
    arguments.test_threads = Some(1);
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

fn trial(
    name: impl Into<String>,
    run: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> Trial {
    Trial::test(name, move || {
        run().map_err(|error| format!("{error:#}").into())
    })
}

/// Runs a case on both databases, and compares the answer with its snapshot.
async fn answers_as_its_snapshot(path: &Path) -> anyhow::Result<()> {
    let apps = APPS.get_or_try_init(|| async {
        let mut apps = Vec::new();
        for db in TestDb::each().await? {
            Newsroom::small()?.save(db.db()).await?;
            apps.push(TestApp::new(db)?);
        }
        anyhow::Ok(apps)
    });
    let case = Case::read(path)?;
    let mut shown = Vec::new();
    for app in apps.await? {
        let answered = ask(&case, app).await?;
        shown.push((app.db().name(), answered.shown()));
    }
    if let [(one, first), (other, second)] = shown.as_slice() {
        ensure!(
            first == second,
            "{one} answers\n{first}\n{other} answers\n{second}"
        );
    }
    ensure!(matches(path, &shown[0].1), "the answer is not its snapshot");
    Ok(())
}

/// A newsroom on each database, shared by all cases: they only read.
static APPS: OnceCell<Vec<TestApp>> = OnceCell::const_new();

/// Statements that run again for a repeated request. The absence of a hidden comment is not cached,
/// because the changes that would make it visible are not known.
const ASKED_AGAIN: [&str; 1] = ["comment.by_id"];

async fn every_case_is_answered_from_the_cache_as_from_the_database() -> anyhow::Result<()> {
    let mut again = BTreeSet::new();
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        let plain = TestApp::new(TestDb::at(db.url().to_owned()).await?)?;
        let app = TestApp::new(db.caching().await?)?;
        for case in Case::all()? {
            let Case {
                name,
                document,
                variables,
                hour,
            } = case;
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

/// Runs a case.
async fn ask(case: &Case, app: &TestApp) -> anyhow::Result<TestResponse> {
    app.ask_at(case.hour, &case.document, &case.variables).await
}

/// Compares the answer with the snapshot and prints any difference.
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
