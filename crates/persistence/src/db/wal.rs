//! The write-ahead log of SQLite, which gives back the room that it has taken.

use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, SqliteConnection};
use sea_orm::{DbErr, RuntimeErr};

use super::Db;
use super::connect::WAL_BYTES;
use crate::{Doing, Result};

/// For how long writers may be kept waiting while the log is cut off.
const PATIENCE: Duration = Duration::from_millis(100);

impl Db {
    /// Cuts off the write-ahead log of SQLite where it is larger than it has to be. While somebody
    /// reads from it, or writes, it stays. Nothing on PostgreSQL.
    ///
    /// A writer that begins the log anew cuts it off by itself (`journal_size_limit`): this is for when
    /// nobody writes.
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
    // First without a lock that writers wait for: most of it takes the time that the disk takes.
    let (_, written, moved) = checkpoint(&mut connection, "PASSIVE").await?;
    if written == moved {
        checkpoint(&mut connection, "TRUNCATE").await?;
    }
    connection.close().await
}

/// Whether it was kept from being finished, the pages of the log, and those of them that are in the
/// database.
async fn checkpoint(
    connection: &mut SqliteConnection,
    mode: &'static str,
) -> sqlx::Result<(i64, i64, i64)> {
    let text = format!("PRAGMA wal_checkpoint({mode})");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(text));
    query.fetch_one(connection).await
}
