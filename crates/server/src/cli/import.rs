//! `khabar import`: importing news from other sources into the database.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use khabar_domain::clock::{Clock, SystemClock};
use khabar_domain::story::Kind;
use khabar_ingest::page::{self, Imported, Page};

use super::{Database, database, print};
use crate::config::Settings;

/// Import news into the database.
#[derive(Clone, Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Import text renditions of news pages. If any file has a mistake, nothing is stored
    Page {
        /// Files to import
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        database: Database,
    },
}

impl Import {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        let Command::Page { database, .. } = &self.command;
        database.clone().flags()
    }
}

pub(super) async fn import(import: Import, settings: Settings) -> anyhow::Result<()> {
    let Command::Page { files, .. } = import.command;
    let kinds = story_kinds(&settings)?;
    // All files are parsed before the first is stored, so that a mistake in one means that none is stored.
    let pages: Vec<_> = files.iter().map(read).collect::<Result<_, _>>()?;
    let db = database::open(&settings).await?;
    let mut writer = db.writer(SystemClock.now()).await?;
    let mut done = Vec::with_capacity(pages.len());
    for (file, page) in files.iter().zip(&pages) {
        let imported = page::merge(&mut writer, page, &kinds).await;
        done.push(imported.with_context(|| format!("could not store {}", file.display()))?);
    }
    writer.commit().await?;
    for (
        file,
        Imported {
            edition,
            added,
            changed,
            unchanged,
            ..
        },
    ) in files.iter().zip(done)
    {
        print(format_args!(
            "{}: edition {edition}: {added} added, {changed} changed, {unchanged} unchanged",
            file.display()
        ));
    }
    db.close().await?;
    Ok(())
}

fn read(file: &PathBuf) -> anyhow::Result<Page> {
    let bytes =
        std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    Ok(page::read(&file.display().to_string(), &bytes)?)
}

/// Returns the configured story kinds, by story title.
fn story_kinds(settings: &Settings) -> anyhow::Result<BTreeMap<String, Kind>> {
    let kinds = settings.import.story_kinds.iter();
    let parsed = kinds.map(|(title, kind)| {
        let kind = Kind::parse(kind).with_context(|| format!("import.story_kinds, {title:?}"))?;
        Ok((title.clone(), kind))
    });
    parsed.collect()
}
