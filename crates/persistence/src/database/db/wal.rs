//! Reclaims the disk space of SQLite's write-ahead log.

use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, SqliteConnection};
use sea_orm::{DbErr, RuntimeErr};

use super::Db;
use super::connect::WAL_BYTES;
use crate::{Doing, Result};

/// Maximum time that writers may wait while the log is truncated.
const PATIENCE: Duration = Duration::from_millis(100);

impl Db {
    /// Truncates SQLite's write-ahead log if it is larger than necessary. A log that is being read or
    /// written is not truncated. Does nothing on PostgreSQL.
    ///
    /// A writer that restarts the log truncates it as well (`journal_size_limit`). This function covers
    /// the time without writes.
    pub async fn shrink_wal(&self) -> Result<()> {
        let Some(file) = &self.pools.file else {
            return Ok(());
        };
        let found = tokio::fs::metadata(file.wal()).await;
        if found.is_ok_and(|found| found.len() > WAL_BYTES) && file.look().is_ok() {
            let shrunk = shrink(file.path()).await;
            shrunk
                .map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))
                .doing("shrink the write-ahead log")?;
        }
        Ok(())
    }
}

async fn shrink(path: &std::path::Path) -> sqlx::Result<()> {
    let options = SqliteConnectOptions::new().filename(path);
    let options = options.busy_timeout(PATIENCE).disable_statement_logging();
    let mut connection = options.connect().await?;
    // The passive checkpoint takes no lock that writers wait for. It does most of the work, at the
    // speed of the disk.
    let (_, written, moved) = checkpoint(&mut connection, "PASSIVE").await?;
    if written == moved {
        checkpoint(&mut connection, "TRUNCATE").await?;
    }
    connection.close().await
}

/// Runs a checkpoint. Returns whether it was blocked, the number of pages in the log, and the number of
/// those moved into the database.
async fn checkpoint(
    connection: &mut SqliteConnection,
    mode: &'static str,
) -> sqlx::Result<(i64, i64, i64)> {
    let text = format!("PRAGMA wal_checkpoint({mode})");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(text));
    query.fetch_one(connection).await
}
