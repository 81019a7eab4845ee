//! The storm: thousands of readers request the front page and ten stories while an editor publishes
//! or corrects an article every second. Finds out whether any reader receives a stale response or
//! an error, how the storm affects the slowest responses, and what it costs the database.
//!
//! The server is the `khabar` command itself, from the directory above that of this program.
//! Readers and editor share the machine with it. Each reader sends one request per second on its
//! own connection. Response times are counted from when the request was due, so that a stalled
//! server cannot hide behind readers that wait for it (coordinated omission).

mod editor;
mod reader;
mod server;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use khabar_persistence::{Db, Options};
use khabar_tests::harness::TestDb;
use serde_json::Value;

use self::editor::Editor;
use self::reader::{AcknowledgedWrites, ReaderStats, Readers};
use self::server::Server;
use crate::archive::Archive;
use crate::environment::Postgres;
use crate::operations::{self, OPERATIONS};

/// The size and the duration of a storm.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Number of articles in the archive.
    pub(crate) articles: usize,
    /// Number of readers, each with its own connection.
    pub(crate) readers: usize,
    /// Duration of the quiet phase before the storm.
    pub(crate) quiet: Duration,
    /// Duration of the storm, in which the editor writes.
    pub(crate) storm: Duration,
}

/// Number of stories that readers request.
const STORIES: usize = 10;
/// Time for which a restarted server is observed.
const WATCHED: Duration = Duration::from_secs(10);
/// Divisor of the number of readers for a second storm, which shows what depends on that number.
const PART: usize = 10;

/// Runs the storm on an empty database and returns the report.
pub(crate) async fn run(plan: Plan, database: TestDb) -> anyhow::Result<String> {
    let name = database.name();
    print_progress(format_args!("{name}: writing {} articles", plan.articles))?;
    let archive = Archive::new(plan.articles)?;
    archive.save(database.db()).await?;
    let token = server::editors_token(database.db()).await?;
    let url = database.url().to_owned();
    database.db().clone().close().await?;
    if name == "PostgreSQL" {
        Postgres::settle(&url).await?;
    }
    drop(Db::open(&Options::new(&url)).await?);

    let mut server = Server::start(&url, "127.0.0.1:0").await?;
    let stories = stories(&server).await?;
    let bodies = bodies(&stories);
    let truth = Arc::new(AcknowledgedWrites::new(STORIES));
    let mut editor = Editor::new(server.address(), token, stories);
    let mut report = Report::new(name, plan);

    print_progress(format_args!("{name}: quiet, {:?}", plan.quiet))?;
    let readers = Readers::start(server.address(), plan.readers, &bodies, &truth);
    // Allow time for connections to open and caches to fill.
    tokio::time::sleep(Duration::from_secs(5)).await;
    readers.take();
    let before = server.statements().await?;
    tokio::time::sleep(plan.quiet).await;
    report.line(
        "quiet",
        &readers.take(),
        server.statements().await? - before,
        0,
    );

    print_progress(format_args!("{name}: storm, {:?}", plan.storm))?;
    let before = server.statements().await?;
    let written = editor.write(plan.storm, &truth).await?;
    let seen = readers.take();
    report.line("storm", &seen, server.statements().await? - before, written);

    print_progress(format_args!("{name}: the server is started again"))?;
    server.stop()?;
    let server = server.again(&url).await?;
    tokio::time::sleep(WATCHED).await;
    let seen = readers.take();
    report.line("restart", &seen, server.statements().await?, 0);
    readers.stop().await;

    let few = plan.readers / PART;
    print_progress(format_args!("{name}: storm with {few} readers"))?;
    let readers = Readers::start(server.address(), few, &bodies, &truth);
    tokio::time::sleep(Duration::from_secs(3)).await;
    readers.take();
    let before = server.statements().await?;
    let written = editor.write(plan.storm / 4, &truth).await?;
    let seen = readers.take();
    let statements = server.statements().await? - before;
    report.line("storm, fewer readers", &seen, statements, written);
    readers.stop().await;
    report.check()
}

/// Returns the IDs and slugs of the stories that readers request.
async fn stories(server: &Server) -> anyhow::Result<Vec<(String, String)>> {
    let query = format!("{{ stories(first: {STORIES}) {{ nodes {{ id slug }} }} }}");
    let response = server.ask(&query).await?;
    let nodes = response["data"]["stories"]["nodes"].as_array();
    let nodes = nodes.context("the archive has no stories")?;
    let text = |node: &Value, field: &str| node[field].as_str().unwrap_or_default().to_owned();
    Ok(nodes
        .iter()
        .map(|node| (text(node, "id"), text(node, "slug")))
        .collect())
}

/// Returns the request bodies of the readers: the front page, then each story.
fn bodies(stories: &[(String, String)]) -> Vec<String> {
    let find = |name| OPERATIONS.iter().find(|operation| operation.name == name);
    let (home, story) = (find("home"), find("story"));
    let home = home.map(|home| operations::body(home, &serde_json::json!({})));
    let stories = stories.iter().filter_map(|(_, slug)| {
        let variables = serde_json::json!({ "slug": slug });
        story.map(|story| operations::body(story, &variables))
    });
    home.into_iter().chain(stories).collect()
}

/// A table of the results, with one line for each phase.
struct Report {
    text: String,
    quiet: Option<Duration>,
    faults: Vec<String>,
}

impl Report {
    fn new(database: &str, plan: Plan) -> Self {
        let text = format!(
            "{database}, {} articles, {} readers who ask once a second, a write every second\n\n\
             | | answers | p50 ms | p99 ms | slowest ms | errors | old answers | writes | statements | for each write |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            plan.articles, plan.readers
        );
        Self {
            text,
            quiet: None,
            faults: Vec::new(),
        }
    }

    fn line(&mut self, part: &str, seen: &ReaderStats, statements: u64, writes: u64) {
        use std::fmt::Write as _;
        let milliseconds = |percent| {
            let time: Duration = seen.percentile(percent);
            format!("{:.2}", time.as_secs_f64() * 1e3)
        };
        let each = statements
            .checked_div(writes)
            .map_or(String::new(), |each| each.to_string());
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.text,
            "| {part} | {} | {} | {} | {} | {} | {} | {writes} | {statements} | {each} |",
            seen.responses(),
            milliseconds(50),
            milliseconds(99),
            milliseconds(100),
            seen.errors,
            seen.old,
        );
        if seen.old > 0 {
            self.faults
                .push(format!("{part}: {} old answers", seen.old));
        }
        // Errors are expected while the server restarts.
        if seen.errors > 0 && part != "restart" {
            let first = seen.first_error.as_deref().unwrap_or_default();
            self.faults
                .push(format!("{part}: {} errors, first: {first}", seen.errors));
        }
        if part == "quiet" {
            self.quiet = Some(seen.percentile(99));
        } else if part == "storm"
            && let Some(quiet) = self.quiet
        {
            let ratio = seen.percentile(99).as_secs_f64() / quiet.as_secs_f64();
            let _ = writeln!(
                self.text,
                "| p99 of the storm, times that of the quiet | | | {ratio:.2} | | | | | | |"
            );
        }
    }

    /// Returns the report. Fails if a reader received a stale response, or an error in any phase
    /// other than the restart.
    fn check(self) -> anyhow::Result<String> {
        anyhow::ensure!(
            self.faults.is_empty(),
            "{}\n{}",
            self.text,
            self.faults.join("\n")
        );
        Ok(self.text)
    }
}

fn print_progress(what: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    Ok(writeln!(io::stderr(), "{what}")?)
}
