//! The command line: what a person can tell `khabar` to do.

mod archive;
mod cache;
mod check;
mod consent;
mod database;
mod demo;
mod import;
mod keys;
mod migrate;
mod serve;
mod token;
mod trust;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, Parser, Subcommand};

use crate::config::Configuration;
use crate::runtime::{run as run_to_end, runtime};
use crate::telemetry;

/// A GraphQL news backend: articles, running stories and related news from one binary.
#[derive(Debug, Parser)]
#[command(name = "khabar", version, about, arg_required_else_help = true)]
struct Cli {
    /// The configuration file [default: khabar.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "KHABAR_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve GraphQL at /graphql and a playground at /playground
    Serve(Place),
    /// Serve a newsroom with stories and articles to look at, in a database of its own
    Demo(demo::Demo),
    /// Bring a database's tables up to date, show what it lacks, or take steps back
    Migrate(migrate::Migrate),
    /// Read news into the database
    Import(import::Import),
    /// Give out API tokens, list them, or take them back
    Token(token::Token),
    /// Replace the keys that the newsroom signs by
    Keys(keys::Keys),
    /// Register the operations of an app's build, so that the app can ask for them by name
    Trust(trust::Trust),
    /// Look into the cache of a running server, or empty the caches of all of them
    Cache(cache::Cache),
    /// Read every row of the database, and name those that cannot be read
    Check(check::Check),
    /// Write the whole newsroom into one file, without tokens and secrets
    Export(archive::Export),
    /// Fill an empty database with the newsroom that a file holds
    Restore(archive::Restore),
    /// Print the configuration in force and where each value came from
    Config(Place),
    /// Print the GraphQL schema
    Schema,
}

/// Where to listen and which database to use.
#[derive(Clone, Debug, Default, Args)]
struct Place {
    /// The address to listen on [default: 127.0.0.1:4000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    database: Database,
}

/// Which database to use.
#[derive(Clone, Debug, Default, Args)]
struct Database {
    /// `sqlite:PATH` or `postgres://USER@HOST/NAME` [default: sqlite:khabar.db]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl Place {
    fn flags(self) -> Vec<(&'static str, String)> {
        let listen = self.listen.map(|listen| ("listen", listen));
        listen.into_iter().chain(self.database.flags()).collect()
    }
}

impl Database {
    fn flags(self) -> Vec<(&'static str, String)> {
        self.database
            .map(|database| ("database", database))
            .into_iter()
            .collect()
    }
}

/// Runs the command that was typed.
pub fn run() -> ExitCode {
    match start(Cli::parse()) {
        Ok(()) if LOST.load(Ordering::Relaxed) => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    let read = |flags| Configuration::read(cli.config.as_deref(), std::env::vars(), flags);
    match cli.command {
        Command::Schema => say(khabar_graphql::sdl().trim_end()),
        Command::Config(place) => say(read(place.flags())?.describe().trim_end()),
        Command::Serve(place) => {
            let configuration = read(place.flags())?;
            let _log = telemetry::start(&configuration.settings.log)?;
            run_to_end(serve::serve(configuration.settings))?;
        }
        Command::Demo(demo) => {
            let configuration = read(demo.flags())?;
            let _log = telemetry::start(&configuration.settings.log)?;
            run_to_end(demo::demo(demo, configuration.settings))?;
        }
        Command::Migrate(migrate) => {
            let configuration = read(migrate.flags())?;
            runtime()?.block_on(migrate::migrate(migrate, configuration.settings))?;
        }
        Command::Import(import) => {
            let configuration = read(import.flags())?;
            runtime()?.block_on(import::import(import, configuration.settings))?;
        }
        Command::Token(token) => {
            let configuration = read(token.flags())?;
            runtime()?.block_on(token::token(token, configuration.settings))?;
        }
        Command::Keys(keys) => {
            let configuration = read(keys.flags())?;
            runtime()?.block_on(keys::keys(keys, configuration.settings))?;
        }
        Command::Trust(trust) => {
            let configuration = read(trust.flags())?;
            runtime()?.block_on(trust::trust(trust, configuration.settings))?;
        }
        Command::Cache(cache) => {
            let configuration = read(cache.flags())?;
            runtime()?.block_on(cache::cache(cache, configuration.settings))?;
        }
        Command::Check(check) => {
            let configuration = read(check.flags())?;
            runtime()?.block_on(check::check(check, configuration.settings))?;
        }
        Command::Export(export) => {
            let configuration = read(export.flags())?;
            runtime()?.block_on(archive::export(export, configuration.settings))?;
        }
        Command::Restore(restore) => {
            let configuration = read(restore.flags())?;
            runtime()?.block_on(archive::restore(restore, configuration.settings))?;
        }
    }
    Ok(())
}

/// Whether something that a command was to answer could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// What a command answers goes to standard output; a closed pipe (`| head`) is no error. A disk that
/// is full is: what stands in the file then is not the answer.
fn say(text: impl std::fmt::Display) {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        note(format_args!("khabar: could not write the answer: {error}"));
    }
}

/// What a server says when it starts: nobody waits until somebody has read it.
fn greet(text: String) {
    // A server that cannot have one more thread cannot serve, and will say so.
    let _ = std::thread::Builder::new()
        .name("greeting".to_owned())
        .spawn(move || {
            use std::io::Write;
            let _ = writeln!(std::io::stdout(), "{text}");
        });
}

/// What a command tells besides its answer goes to standard error.
fn note(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// One line: what failed, then each cause that says more than what was said before it.
fn say_error(error: &anyhow::Error) {
    use std::io::Write;
    let mut line = String::from("khabar");
    for cause in error.chain().map(ToString::to_string) {
        let cause = khabar_persistence::db::without_passwords(&cause).into_owned();
        if !line.contains(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    let _ = writeln!(std::io::stderr(), "{line}");
}
