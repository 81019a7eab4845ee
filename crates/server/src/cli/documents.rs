//! `khabar documents`: managing trusted documents, which apps can request by name. A server can be configured
//! to run no other documents.

mod manifest;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use khabar_domain::Scope;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_graphql::response::{Api, RequestError};
use khabar_persistence::trusted_document::{self, TrustedDocument};
use khabar_persistence::{Author, Db};

use self::manifest::Operation;
use super::{Database, database, eprint, print};
use crate::config::Settings;

/// Register the operations of an app's build, so that the app can request them by name
#[derive(Clone, Debug, Args)]
pub(super) struct Documents {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Register the documents of manifests in the format of Relay or Apollo. All documents are validated
    /// first. If any is invalid, none is registered
    Register {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        database: Database,
    },
    /// List all registered documents, with the time of registration and the name
    List {
        #[command(flatten)]
        database: Database,
    },
    /// Remove a document from the trusted documents
    Remove {
        /// The name of the document
        name: String,
        #[command(flatten)]
        database: Database,
    },
}

impl Documents {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        let (Command::Register { database, .. }
        | Command::List { database }
        | Command::Remove { database, .. }) = &self.command;
        database.clone().flags()
    }
}

pub(super) async fn documents(documents: Documents, settings: Settings) -> anyhow::Result<()> {
    match documents.command {
        Command::Register { files, .. } => {
            // Files are checked before the database is opened: their validity does not depend on its
            // contents.
            let api = khabar_graphql::api(settings.limits.clone())?;
            let documents = read(&api, &files)?;
            let db = database::open(&settings).await?;
            register(&db, &documents).await?;
            db.close().await?;
        }
        Command::List { .. } => {
            let db = database::open(&settings).await?;
            let reader = db.reader(Scope::reader(SystemClock.now()));
            for (name, at) in trusted_document::every(&reader).await? {
                print(format_args!("{}  {name}", at.format("%Y-%m-%d %H:%M")));
            }
            db.close().await?;
        }
        Command::Remove { name, .. } => {
            let db = database::open(&settings).await?;
            remove(&db, &name).await?;
            db.close().await?;
        }
    }
    Ok(())
}

async fn register(db: &Db, documents: &[TrustedDocument]) -> anyhow::Result<()> {
    let mut writer = db
        .writer(SystemClock.now())
        .await?
        .signed(Author::command("documents register"));
    let new = trusted_document::register(&mut writer, documents)
        .await
        .context("nothing was registered")?;
    writer.commit().await?;
    print(format_args!(
        "{} documents, {new} of them new",
        documents.len()
    ));
    Ok(())
}

async fn remove(db: &Db, name: &str) -> anyhow::Result<()> {
    let mut writer = db
        .writer(SystemClock.now())
        .await?
        .signed(Author::command("documents remove"));
    let removed = trusted_document::remove(&mut writer, name).await?;
    writer.commit().await?;
    ensure!(removed, "no document is registered as {name}");
    print(format_args!("removed  {name}"));
    Ok(())
}

/// Maximum number of mistakes to print: enough to recognise what is wrong with the files.
const MOST_SHOWN: usize = 50;

/// Reads the documents of these manifests and validates each against the schema and the limits. Prints
/// every mistake, up to [`MOST_SHOWN`], with its file and operation, and fails if there are any.
fn read(api: &Api, files: &[PathBuf]) -> anyhow::Result<Vec<TrustedDocument>> {
    let mut documents = Vec::new();
    let mut mistakes = Vec::new();
    for file in files {
        for operation in manifest::read(file)? {
            match check(api, &operation) {
                Ok(document) => documents.push(document),
                Err(problems) => mistakes.extend(format_problems(file, &operation, problems)),
            }
        }
    }
    for mistake in mistakes.iter().take(MOST_SHOWN) {
        eprint(mistake);
    }
    if !mistakes.is_empty() {
        bail!("nothing was registered: {} errors", mistakes.len());
    }
    Ok(documents)
}

fn check(api: &Api, operation: &Operation) -> Result<TrustedDocument, Vec<String>> {
    api.check(&operation.text)
        .map_err(|errors| errors.iter().map(shown).collect::<Vec<_>>())?;
    TrustedDocument::new(&operation.id, operation.text.as_str())
        .map_err(|invalid| vec![format!(": {invalid}")])
}

/// Formats each problem as `FILE: NAME (ID), line 1, column 2: PROBLEM`.
fn format_problems(file: &Path, operation: &Operation, problems: Vec<String>) -> Vec<String> {
    let name = operation.name.as_deref().unwrap_or("document");
    let place = format!("{}: {name} ({})", file.display(), operation.id);
    problems
        .into_iter()
        .map(|problem| format!("{place}{problem}"))
        .collect()
}

fn shown(error: &RequestError) -> String {
    let at = error.locations.first().map_or_else(String::new, |at| {
        format!(", line {}, column {}", at.line, at.column)
    });
    format!("{at}: {}", error.message)
}
