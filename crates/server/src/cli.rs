//! The command-line interface of `khabar`.

mod archive;
mod cache;
mod check;
mod consent;
mod database;
mod demo;
mod documents;
mod import;
mod keys;
mod migrate;
mod serve;
mod token;

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
    /// Path of the configuration file [default: khabar.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", env = "KHABAR_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the GraphQL API at /graphql and a playground at /playground
    Serve(ServeArgs),
    /// Serve a demo newsroom with sample stories and articles, in a separate database
    Demo(demo::Demo),
    /// Apply database migrations, show their status, or revert them
    Migrate(migrate::Migrate),
    /// Import news into the database
    Import(import::Import),
    /// Create, list, or revoke API tokens
    Token(token::Token),
    /// Rotate the newsroom's signing keys
    Keys(keys::Keys),
    /// Register the operations of an app's build, so that the app can request them by name
    Documents(documents::Documents),
    /// Show the cache statistics of a running server, or clear the caches of all servers
    Cache(cache::Cache),
    /// Read every row of the database, and report the rows that cannot be read
    Check(check::Check),
    /// Export the whole newsroom to one file, without tokens and secrets
    Export(archive::Export),
    /// Restore an exported newsroom into an empty database
    Restore(archive::Restore),
    /// Print the effective configuration and the origin of each value
    Config(ServeArgs),
    /// Print the GraphQL schema
    Schema,
}

/// Options for the listening address and the database.
#[derive(Clone, Debug, Default, Args)]
struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:4000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    database: Database,
}

/// Options for the database.
#[derive(Clone, Debug, Default, Args)]
struct Database {
    /// Database URL: `sqlite:PATH` or `postgres://USER@HOST/NAME` [default: sqlite:khabar.db]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl ServeArgs {
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

/// Parses the command line, runs the command, and returns the exit code of the process.
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
        Command::Schema => print(khabar_graphql::sdl().trim_end()),
        Command::Config(args) => print(read(args.flags())?.describe().trim_end()),
        Command::Serve(args) => {
            let configuration = read(args.flags())?;
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
        Command::Documents(documents) => {
            let configuration = read(documents.flags())?;
            runtime()?.block_on(documents::documents(documents, configuration.settings))?;
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

/// Whether any part of a command's output could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a command's output to standard output. A closed pipe (`| head`) is not an error. Any other
/// failure, such as a full disk, is reported once and makes the command fail, because the output is then
/// incomplete.
fn print(text: impl std::fmt::Display) {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        eprint(format_args!("khabar: could not write the output: {error}"));
    }
}

/// Prints a server's start-up message from a separate thread, so that a blocked reader cannot delay the
/// server.
fn print_banner(text: String) {
    // A failure is ignored: a server that cannot start one more thread cannot serve, and will report that.
    let _ = std::thread::Builder::new()
        .name("greeting".to_owned())
        .spawn(move || {
            use std::io::Write;
            let _ = writeln!(std::io::stdout(), "{text}");
        });
}

/// Prints a message that is not part of a command's output to standard error.
fn eprint(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints an error to standard error on one line: the failure, then each cause that adds something new.
/// Passwords are masked.
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
