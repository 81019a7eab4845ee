//! The benchmark: what the five operations of a news site cost on an archive of 100,000 articles,
//! beside what they would cost at least, and whether pages far down and larger archives cost more.
//!
//! It runs on Linux, which says in `/proc` what a process has used.

mod archive;
mod child;
mod cost;
mod desk;
mod fill;
mod load;
mod measured;
mod operations;
mod peer;
mod random;
mod ready;
mod report;
mod run;
mod stage;
mod storm;
mod words;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use khabar_tests::harness::TestDb;
use run::Plan;

/// The server's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Fewer articles have no page far down.
const FEWEST: usize = 1_000;

/// Measures the five operations on a generated archive, on SQLite and PostgreSQL.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many articles the archive has, at least 1,000; everything else is in proportion.
    #[arg(long, default_value_t = 100_000)]
    articles: usize,
    /// How many articles the archive has that it is compared with, at least 1,000; a tenth, if none
    /// are said.
    #[arg(long)]
    fewer: Option<usize>,
    /// How many requests each figure is made of.
    #[arg(long, default_value_t = 2_000)]
    requests: usize,
    /// Only finds out whether everything works: 2,000 articles and few requests.
    #[arg(long, conflicts_with_all = ["articles", "fewer", "requests"])]
    quick: bool,
    /// Only on this database.
    #[arg(long, value_enum)]
    only: Option<Database>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sends thousands of readers to a server while an editor writes every second; `khabar` must lie
    /// beside this program
    Storm {
        /// How many articles the archive has.
        #[arg(long, default_value_t = 100_000)]
        articles: usize,
        /// How many readers there are, each with a connection of its own.
        #[arg(long, default_value_t = 2_000)]
        readers: usize,
        /// For how many seconds it is quiet before.
        #[arg(long, default_value_t = 60)]
        quiet: u64,
        /// For how many seconds the editor writes.
        #[arg(long, default_value_t = 120)]
        storm: u64,
        /// Only on this database.
        #[arg(long, value_enum)]
        only: Option<Database>,
    },
    /// Is the server that is measured.
    #[command(name = child::SERVE, hide = true)]
    Serve { url: String, samples: PathBuf },
    /// Writes the archive into an empty database and says, as JSON, what to ask of it.
    #[command(hide = true)]
    Fill { url: String, articles: usize },
    /// Serves each file of a folder at its name, from memory.
    #[command(hide = true)]
    Ready {
        address: SocketAddr,
        folder: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = khabar_server::runtime::runtime()?;
    match arguments.command {
        Some(Command::Serve { url, samples }) => runtime.block_on(child::serve(&url, &samples)),
        Some(Command::Fill { url, articles }) => {
            runtime.block_on(fill::fill(&url, articles.max(FEWEST)))
        }
        Some(Command::Ready { address, folder }) => {
            runtime.block_on(ready::serve(address, &folder))
        }
        Some(Command::Storm {
            articles,
            readers,
            quiet,
            storm,
            only,
        }) => {
            let plan = storm::Plan {
                articles: articles.max(FEWEST),
                readers: readers.max(40),
                quiet: Duration::from_secs(quiet),
                storm: Duration::from_secs(storm),
            };
            runtime.block_on(blow(plan, only))
        }
        None => runtime.block_on(measure(&arguments)),
    }
}

async fn blow(plan: storm::Plan, only: Option<Database>) -> anyhow::Result<()> {
    let mut out = io::stdout();
    if only != Some(Database::Postgres) {
        let told = storm::run(plan, TestDb::sqlite().await?).await?;
        writeln!(out, "{told}")?;
    }
    if only != Some(Database::Sqlite)
        && let Some(database) = TestDb::postgres().await?
    {
        writeln!(out, "{}", storm::run(plan, database).await?)?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let plan = if arguments.quick {
        Plan {
            articles: 2_000,
            fewer: FEWEST,
            requests: 40,
        }
    } else {
        Plan {
            articles: arguments.articles.max(FEWEST),
            fewer: arguments
                .fewer
                .unwrap_or(arguments.articles / 10)
                .max(FEWEST),
            requests: arguments.requests.max(40),
        }
    };
    let mut out = io::stdout();
    writeln!(out, "{}\n", report::LEGEND)?;
    if arguments.only != Some(Database::Postgres) {
        writeln!(out, "{}", run::on_sqlite(plan).await?)?;
    }
    if arguments.only != Some(Database::Sqlite)
        && let Some(run) = run::on_postgres(plan).await?
    {
        writeln!(out, "{run}")?;
    }
    Ok(())
}
