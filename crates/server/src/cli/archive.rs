//! `khabar export` and `khabar restore`: a whole newsroom to and from one file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_persistence::{Author, archive};

use super::{Database, database, say};
use crate::config::Settings;

/// Write the whole newsroom, as it is at one moment, into one file that either database takes back;
/// without tokens, secrets, the change feed and the audit log
#[derive(Clone, Debug, Args)]
pub(super) struct Export {
    /// The file; `-` is standard output
    file: PathBuf,
    #[command(flatten)]
    database: Database,
}

/// Fill an empty database, after `khabar migrate up`, with the newsroom that a file holds; all of it
/// or, when anything is wrong with it, nothing
#[derive(Clone, Debug, Args)]
pub(super) struct Restore {
    /// The file; `-` is standard input
    file: PathBuf,
    #[command(flatten)]
    database: Database,
}

impl Export {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        self.database.clone().flags()
    }
}

impl Restore {
    pub(super) fn flags(&self) -> Vec<(&'static str, String)> {
        self.database.clone().flags()
    }
}

pub(super) async fn export(export: Export, settings: Settings) -> anyhow::Result<()> {
    let db = database::open(&settings).await?;
    let file = &export.file;
    if is_stream(file) {
        archive::export(&db, BufWriter::new(std::io::stdout())).await?;
    } else {
        let doing = || format!("could not write {}", file.display());
        // Under another name until it is whole, so that no half takes the place of an older one.
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        let unfinished = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let mut unfinished = unfinished.with_context(doing)?;
        let mut out = BufWriter::new(unfinished.as_file_mut());
        let counts = archive::export(&db, &mut out).await;
        let counts = counts.with_context(doing)?;
        out.flush().with_context(doing)?;
        drop(out);
        unfinished.as_file().sync_all().with_context(doing)?;
        unfinished.persist(file).with_context(doing)?;
        tell(&counts);
    }
    db.close().await?;
    Ok(())
}

pub(super) async fn restore(restore: Restore, settings: Settings) -> anyhow::Result<()> {
    let file = &restore.file;
    let doing = || format!("could not restore {}", file.display());
    let opened = if is_stream(file) {
        None
    } else {
        Some(File::open(file).with_context(doing)?)
    };
    let db = database::open(&settings).await?;
    let writer = db.writer(SystemClock.now()).await?;
    let writer = writer.signed(Author::command("restore"));
    let counts = match opened {
        Some(file) => archive::restore(writer, BufReader::new(file)).await,
        None => archive::restore(writer, BufReader::new(std::io::stdin())).await,
    };
    tell(&counts.with_context(doing)?);
    db.close().await?;
    Ok(())
}

fn is_stream(file: &Path) -> bool {
    file == Path::new("-")
}

fn tell(counts: &archive::Counts) {
    for (kind, count) in counts.iter().filter(|(_, count)| **count > 0) {
        say(format_args!("{count:>9}  {kind}"));
    }
}
