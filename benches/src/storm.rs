//! The storm: thousands of readers on a front page and ten stories while an editor publishes and
//! corrects every second. It finds out whether anybody is shown something old or an error, what
//! the storm does to the slowest answers, and what it costs the database.
//!
//! The server is the `khabar` command itself, as it lies beside this program; readers and editor
//! share the machine with it. Each reader asks once a second on a connection of its own, and an
//! answer's time counts from when it was due, so a stalled server cannot hide behind readers that
//! wait for it.

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
use self::reader::{Readers, Seen, Truth};
use self::server::Server;
use crate::archive::Archive;
use crate::operations::{self, OPERATIONS};
use crate::stage::Postgres;

/// How hard it blows.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Articles of the archive.
    pub(crate) articles: usize,
    /// Readers, each with a connection of its own.
    pub(crate) readers: usize,
    /// How long it is quiet before.
    pub(crate) quiet: Duration,
    /// How long the editor writes.
    pub(crate) storm: Duration,
}

/// Stories that are asked for.
const STORIES: usize = 10;
/// For how long a server that was started again is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// With this part of the readers the storm is repeated, to see what depends on their number.
const PART: usize = 10;

/// Runs it over a database that is empty.
pub(crate) async fn run(plan: Plan, database: TestDb) -> anyhow::Result<String> {
    let name = database.name();
    say(format_args!("{name}: writing {} articles", plan.articles))?;
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
    let truth = Arc::new(Truth::new(STORIES));
    let mut editor = Editor::new(server.address(), token, stories);
    let mut report = Report::new(name, plan);

    say(format_args!("{name}: quiet, {:?}", plan.quiet))?;
    let readers = Readers::start(server.address(), plan.readers, &bodies, &truth);
    // Connections come up and the caches fill.
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

    say(format_args!("{name}: storm, {:?}", plan.storm))?;
    let before = server.statements().await?;
    let written = editor.write(plan.storm, &truth).await?;
    let seen = readers.take();
    report.line("storm", &seen, server.statements().await? - before, written);

    say(format_args!("{name}: the server is started again"))?;
    server.stop()?;
    let server = server.again(&url).await?;
    tokio::time::sleep(WATCHED).await;
    let seen = readers.take();
    report.line("restart", &seen, server.statements().await?, 0);
    readers.stop().await;

    let few = plan.readers / PART;
    say(format_args!("{name}: storm with {few} readers"))?;
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

/// Ids and slugs of the stories that are asked for.
async fn stories(server: &Server) -> anyhow::Result<Vec<(String, String)>> {
    let query = format!("{{ stories(first: {STORIES}) {{ nodes {{ id slug }} }} }}");
    let answer = server.ask(&query).await?;
    let nodes = answer["data"]["stories"]["nodes"].as_array();
    let nodes = nodes.context("the archive has no stories")?;
    let text = |node: &Value, field: &str| node[field].as_str().unwrap_or_default().to_owned();
    Ok(nodes
        .iter()
        .map(|node| (text(node, "id"), text(node, "slug")))
        .collect())
}

/// What readers send: the front page, then each story.
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

/// What was seen, a line for each part of it.
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

    fn line(&mut self, part: &str, seen: &Seen, statements: u64, writes: u64) {
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
            seen.answers(),
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
        // While it was away nobody could answer.
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

    /// The report; an error when somebody was shown an error or something old.
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

fn say(what: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    Ok(writeln!(io::stderr(), "{what}")?)
}
