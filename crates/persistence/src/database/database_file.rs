//! The file of an open SQLite database, and whether it is still the one at its path.
//!
//! SQLite continues to use a file that was deleted or replaced while it was open. Every commit
//! succeeds, but is lost when the process ends. The file is therefore checked, by device and inode,
//! before a write begins, after it was committed, with every read of the change feed and with every
//! health check. While it is missing or replaced, nothing is read or written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, SqliteConnection};
use sea_orm::{DbErr, RuntimeErr};

/// The file of an open database.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    wal: PathBuf,
    opened: Mutex<Option<Opened>>,
    is_lost: AtomicBool,
}

/// The files that were opened, and a connection that keeps them open.
#[derive(Debug)]
struct Opened {
    files: Files,
    /// Prevents the deletion of the write-ahead log, which SQLite deletes with its last connection.
    /// While this connection is open, a different log at that path was created by another process. If
    /// the file is lost, an operator can still copy it from `/proc/PID/fd`.
    anchor: SqliteConnection,
}

/// The identities of the database and its write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Files {
    database: Identity,
    wal: Option<Identity>,
}

/// The identity of a file: its device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl DatabaseFile {
    /// Creates a handle for the file at a path, without opening it.
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            wal: beside(&path, "-wal"),
            path,
            opened: Mutex::default(),
            is_lost: AtomicBool::new(false),
        }
    }

    /// Returns the path of the database.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the write-ahead log.
    pub(crate) fn wal(&self) -> &Path {
        &self.wal
    }

    /// Records the identity of the file and keeps it open. Call this once it was opened for writing.
    pub(crate) async fn hold(&self) -> sqlx::Result<()> {
        let options = SqliteConnectOptions::new().filename(&self.path);
        let mut anchor = options
            .read_only(true)
            .disable_statement_logging()
            .connect()
            .await?;
        // The connection opens the log only with its first read.
        sqlx::query("SELECT count(*) FROM sqlite_master")
            .execute(&mut anchor)
            .await?;
        *self.opened() = self.there()?.map(|files| Opened { files, anchor });
        Ok(())
    }

    /// Closes the file. It is not checked from then on.
    pub(crate) async fn close(&self) {
        let opened = self.opened().take();
        if let Some(Opened { anchor, .. }) = opened
            && let Err(error) = anchor.close().await
        {
            tracing::debug!(%error, "connection_close_failed");
        }
    }

    /// Whether the last check found the file missing or replaced.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    /// Fails if the last check found the file missing or replaced.
    pub(crate) fn check(&self) -> Result<(), DbErr> {
        if self.is_lost() { Err(lost()) } else { Ok(()) }
    }

    /// Checks the file at the path. Fails if it is not the one that was opened.
    pub(crate) fn look(&self) -> Result<(), DbErr> {
        let opened = self.opened();
        let Some(Opened { files, .. }) = opened.as_ref() else {
            return Ok(());
        };
        // A path that cannot be read, such as one without permission, does not prove that the file is
        // lost.
        let is_lost = self.there().is_ok_and(|there| there != Some(*files));
        if is_lost != self.is_lost.swap(is_lost, Ordering::AcqRel) {
            let file = self.path.display();
            if is_lost {
                tracing::error!(
                    %file,
                    "database_file_lost"
                );
            } else {
                tracing::warn!(%file, "database_file_found");
            }
        }
        self.check()
    }

    fn opened(&self) -> MutexGuard<'_, Option<Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the identities of the files at the paths. `None` if there is no database.
    fn there(&self) -> io::Result<Option<Files>> {
        let database = identity(&self.path)?;
        let wal = identity(&self.wal)?;
        Ok(database.map(|database| Files { database, wal }))
    }
}

fn identity(path: &Path) -> io::Result<Option<Identity>> {
    let found = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Ok(Some(Identity {
            device: found.dev(),
            inode: found.ino(),
        }))
    }
    // On other systems only a missing file is detected.
    #[cfg(not(unix))]
    {
        let _ = found;
        Ok(Some(Identity {
            device: 0,
            inode: 0,
        }))
    }
}

/// Returns the path of a file that SQLite creates next to a database.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn lost() -> DbErr {
    let problem = "the database's file was deleted, moved or replaced while it was open: put it back, \
                   or restart the server with the one that is there";
    let error = sqlx::Error::Io(io::Error::new(io::ErrorKind::NotFound, problem));
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    async fn opened(folder: &tempfile::TempDir) -> (DatabaseFile, SqliteConnection) {
        let path = folder.path().join("a.db");
        let options = SqliteConnectOptions::new().filename(&path);
        let options = options
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
        let mut writer = options.connect().await.unwrap();
        sqlx::raw_sql("CREATE TABLE a (b)")
            .execute(&mut writer)
            .await
            .unwrap();
        let file = DatabaseFile::at(path);
        file.hold().await.unwrap();
        file.look().unwrap();
        (file, writer)
    }

    #[tokio::test]
    async fn a_file_that_is_gone_or_another_is_lost_until_it_is_back() {
        for end in ["", "-wal"] {
            let folder = tempfile::tempdir().unwrap();
            let (file, _writer) = opened(&folder).await;
            let path = beside(&file.path, end);
            let away = folder.path().join("away");
            std::fs::rename(&path, &away).unwrap();
            assert!(file.look().is_err(), "{end:?} is gone");
            std::fs::copy(&away, &path).unwrap();
            assert!(file.look().is_err(), "{end:?} is another file");
            let error = file.check().unwrap_err();
            assert!(crate::error::is_unavailable(&error), "{error}");
            std::fs::rename(&away, &path).unwrap();
            file.look().unwrap();
            file.check().unwrap();
        }
    }

    #[tokio::test]
    async fn the_log_stays_when_all_other_connections_have_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (file, writer) = opened(&folder).await;
        writer.close().await.unwrap();
        file.look().unwrap();
        file.close().await;
    }
}
