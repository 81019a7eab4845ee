//! `khabar trust`: the documents that apps may ask for by name, or that alone run.

mod manifest;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{ArgGroup, Args};
use khabar_domain::Scope;
use khabar_domain::clock::{Clock as _, SystemClock};
use khabar_graphql::answer::{Api, RequestError};
use khabar_persistence::trusted_document::{self, TrustedDocument};
use khabar_persistence::{Author, Db};

use self::manifest::Operation;
use super::{Database, database, note, say};
use crate::config::Settings;

/// Register the operations of an app's build, so that the app can ask for them by name
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["files", "list", "remove"])))]
pub(super) struct Trust {
    /// Manifests as Relay or Apollo write them; each document is checked first, and all are
    /// registered or none
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// List the names of all that are registered
    #[arg(long)]
    list: bool,
    /// Trust the document of this name no longer
    #[arg(long, value_name = "NAME")]
    remove: Option<String>,
    #[command(flatten)]
    database: Database,
}

impl Trust {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        self.database.clone().flags()
    }
}

pub(super) async fn trust(trust: Trust, settings: Settings) -> anyhow::Result<()> {
    // Before the database: what is wrong in a file is so whatever is registered.
    let api = khabar_graphql::api(settings.limits.clone())?;
    let documents = read(&api, &trust.files)?;
    let db = database::open(&settings).await?;
    if trust.list {
        let reader = db.reader(Scope::reader(SystemClock.now()));
        for (name, at) in trusted_document::every(&reader).await? {
            say(format_args!("{}  {name}", at.format("%Y-%m-%d %H:%M")));
        }
    } else if let Some(name) = trust.remove {
        remove(&db, &name).await?;
    } else {
        register(&db, &documents).await?;
    }
    db.close().await?;
    Ok(())
}

async fn register(db: &Db, documents: &[TrustedDocument]) -> anyhow::Result<()> {
    let mut writer = db
        .writer(SystemClock.now())
        .await?
        .signed(Author::command("trust"));
    let new = trusted_document::register(&mut writer, documents)
        .await
        .context("nothing was registered")?;
    writer.commit().await?;
    say(format_args!(
        "{} documents, {new} of them new",
        documents.len()
    ));
    Ok(())
}

async fn remove(db: &Db, name: &str) -> anyhow::Result<()> {
    let mut writer = db
        .writer(SystemClock.now())
        .await?
        .signed(Author::command("trust --remove"));
    let removed = trusted_document::remove(&mut writer, name).await?;
    writer.commit().await?;
    ensure!(removed, "no document is registered as {name}");
    say(format_args!("removed  {name}"));
    Ok(())
}

/// How many mistakes are shown: whoever mends so many has seen what it is.
const MOST_SHOWN: usize = 50;

/// The documents of these files, every one of which can be run here. Each mistake is told with the
/// file and the operation that it is in.
fn read(api: &Api, files: &[PathBuf]) -> anyhow::Result<Vec<TrustedDocument>> {
    let mut documents = Vec::new();
    let mut mistakes = Vec::new();
    for file in files {
        for operation in manifest::read(file)? {
            match check(api, &operation) {
                Ok(document) => documents.push(document),
                Err(problems) => mistakes.extend(told(file, &operation, problems)),
            }
        }
    }
    for mistake in mistakes.iter().take(MOST_SHOWN) {
        note(mistake);
    }
    if !mistakes.is_empty() {
        bail!("nothing was registered: {} mistakes", mistakes.len());
    }
    Ok(documents)
}

fn check(api: &Api, operation: &Operation) -> Result<TrustedDocument, Vec<String>> {
    api.check(&operation.text)
        .map_err(|errors| errors.iter().map(shown).collect::<Vec<_>>())?;
    TrustedDocument::new(&operation.id, operation.text.as_str())
        .map_err(|invalid| vec![format!(": {invalid}")])
}

/// `FILE: NAME (ID), line 1, column 2: what is wrong`.
fn told(file: &Path, operation: &Operation, problems: Vec<String>) -> Vec<String> {
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
