//! The benchmark: measures the cost of the five operations of a news site on an archive of 100,000
//! articles. Compares it with the least possible cost, and shows whether pages far down and larger
//! archives cost more.
//!
//! Requires Linux, where `/proc` reports the resources used by a process.

mod archive;
mod baseline;
mod child;
mod cpu_time;
mod environment;
mod in_process;
mod load;
mod measurement;
mod operations;
mod peer;
mod random;
mod report;
mod run;
mod seed;
mod stampede;
mod words;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use khabar_tests::harness::TestDb;
use run::Plan;

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Minimum number of articles. A smaller archive has no page far down.
const FEWEST: usize = 1_000;

/// Measures the five operations on a generated archive, on SQLite and PostgreSQL.
#[derive(Debug, Parser)]
struct Arguments {
    /// Number of articles in the archive, at least 1,000. Everything else is in proportion.
    #[arg(long, default_value_t = 100_000)]
    articles: usize,
    /// Number of articles in the archive used for comparison, at least 1,000. Defaults to a tenth
    /// of `--articles`.
    #[arg(long)]
    fewer: Option<usize>,
    /// Number of requests for each figure, at least 40.
    #[arg(long, default_value_t = 2_000)]
    requests: usize,
    /// Only check that everything works, with 2,000 articles and few requests.
    #[arg(long, conflicts_with_all = ["articles", "fewer", "requests"])]
    quick: bool,
    /// Run on this database only.
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
    /// Sends requests of thousands of readers to a server while an editor writes every second. The
    /// `khabar` binary must be in the directory above that of this program.
    Storm {
        /// Number of articles in the archive, at least 1,000.
        #[arg(long, default_value_t = 100_000)]
        articles: usize,
        /// Number of readers, each with its own connection, at least 40.
        #[arg(long, default_value_t = 2_000)]
        readers: usize,
        /// Duration of the quiet phase before the storm, in seconds.
        #[arg(long, default_value_t = 60)]
        quiet: u64,
        /// Duration of the storm, in which the editor writes, in seconds.
        #[arg(long, default_value_t = 120)]
        storm: u64,
        /// Run on this database only.
        #[arg(long, value_enum)]
        only: Option<Database>,
    },
    /// Runs the server that is measured.
    #[command(name = child::SERVE, hide = true)]
    Serve { url: String, samples: PathBuf },
    /// Writes the archive to an empty database and prints the operations to request, as JSON.
    #[command(hide = true)]
    Fill { url: String, articles: usize },
    /// Serves each file of a folder from memory, at the path of its name.
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
            runtime.block_on(seed::fill(&url, articles.max(FEWEST)))
        }
        Some(Command::Ready { address, folder }) => {
            runtime.block_on(baseline::serve(address, &folder))
        }
        Some(Command::Storm {
            articles,
            readers,
            quiet,
            storm,
            only,
        }) => {
            let plan = stampede::Plan {
                articles: articles.max(FEWEST),
                readers: readers.max(40),
                quiet: Duration::from_secs(quiet),
                storm: Duration::from_secs(storm),
            };
            runtime.block_on(run_stampede(plan, only))
        }
        None => runtime.block_on(measure(&arguments)),
    }
}

async fn run_stampede(plan: stampede::Plan, only: Option<Database>) -> anyhow::Result<()> {
    let mut out = io::stdout();
    if only != Some(Database::Postgres) {
        let told = stampede::run(plan, TestDb::sqlite().await?).await?;
        writeln!(out, "{told}")?;
    }
    if only != Some(Database::Sqlite)
        && let Some(database) = TestDb::postgres().await?
    {
        writeln!(out, "{}", stampede::run(plan, database).await?)?;
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
