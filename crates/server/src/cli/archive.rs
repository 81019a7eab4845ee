//! `khabar export` and `khabar restore`: backing up a whole newsroom to one file and restoring it.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_persistence::{Author, Db, archive};

use super::{Database, database, print};
use crate::config::Settings;

/// Export a consistent snapshot of the whole newsroom to one file, which can be restored into SQLite or
/// PostgreSQL. Excludes tokens, secrets, the change feed and the audit log
#[derive(Clone, Debug, Args)]
pub(super) struct Export {
    /// File to write, or `-` for standard output
    file: PathBuf,
    #[command(flatten)]
    database: Database,
}

/// Restore an exported newsroom into an empty database, after `khabar migrate up`. If the file has any
/// error, nothing is restored
#[derive(Clone, Debug, Args)]
pub(super) struct Restore {
    /// File to read, or `-` for standard input
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
    let doing = || format!("could not write {}", file.display());
    match Destination::of(file).with_context(doing)? {
        Destination::StandardOutput => {
            archive::export(&db, BufWriter::new(std::io::stdout())).await?;
        }
        Destination::Stream => {
            let out = File::options()
                .append(true)
                .open(file)
                .with_context(doing)?;
            let written = archive::export(&db, BufWriter::new(out)).await;
            written.with_context(doing)?;
        }
        Destination::Replaced(file) => {
            let counts = replace(&db, &file).await.with_context(doing)?;
            print_counts(&counts);
        }
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
    print_counts(&counts.with_context(doing)?);
    db.close().await?;
    Ok(())
}

/// The destination of an archive.
enum Destination {
    StandardOutput,
    /// A device, a pipe or any other path that is not a regular file. It is written to, never replaced.
    Stream,
    /// A regular file at this path, which replaces any existing one.
    Replaced(PathBuf),
}

impl Destination {
    fn of(file: &Path) -> std::io::Result<Self> {
        if is_stream(file) {
            return Ok(Self::StandardOutput);
        }
        // `/dev/stdout` may resolve to a regular file, which the process that redirected it has open.
        let folder = folder_of(file).canonicalize()?;
        if folder.starts_with("/dev") || folder.starts_with("/proc") {
            return Ok(Self::Stream);
        }
        match std::fs::metadata(file) {
            Ok(found) if !found.is_file() => Ok(Self::Stream),
            // A symbolic link is followed, so it remains and points to the new archive.
            Ok(_) => Ok(Self::Replaced(file.canonicalize()?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::Replaced(file.to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new("."))
}

/// Writes the archive to a temporary file and renames it when complete, so that a partial archive never
/// replaces an older one. The archive contains drafts and accounts, so only its owner can read a new file.
/// A replaced file passes its permissions on.
async fn replace(db: &Db, file: &Path) -> anyhow::Result<archive::Counts> {
    let mut unfinished = tempfile::NamedTempFile::new_in(folder_of(file))?;
    let mut out = BufWriter::new(unfinished.as_file_mut());
    let counts = archive::export(db, &mut out).await?;
    out.flush()?;
    drop(out);
    if let Ok(before) = std::fs::metadata(file) {
        unfinished.as_file().set_permissions(before.permissions())?;
    }
    unfinished.as_file().sync_all()?;
    unfinished.persist(file)?;
    Ok(counts)
}

fn is_stream(file: &Path) -> bool {
    file == Path::new("-")
}

fn print_counts(counts: &archive::Counts) {
    for (kind, count) in counts.iter().filter(|(_, count)| **count > 0) {
        print(format_args!("{count:>9}  {kind}"));
    }
}
