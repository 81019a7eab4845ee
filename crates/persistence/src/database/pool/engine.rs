//! The two database engines as used by the pools: preparing connections, running statements and
//! interrupting them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sea_orm::sea_query::Values;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, Database};
use sea_orm::{ExecResult, QueryResult, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection};

/// A database engine.
pub(crate) trait Engine: Database<Connection: Send> {
    /// Prepares a new connection that was opened with these options.
    fn prepare<'c>(
        connection: &'c mut Self::Connection,
        options: &'c <Self::Connection as Connection>::Options,
    ) -> BoxFuture<'c, sqlx::Result<Prepared>>;

    /// Runs a statement and returns all of its rows.
    fn rows(
        connection: &mut Self::Connection,
        statement: Statement,
    ) -> BoxFuture<'_, sqlx::Result<Vec<QueryResult>>>;

    /// Runs a statement that returns no rows.
    fn execute(
        connection: &mut Self::Connection,
        statement: Statement,
    ) -> BoxFuture<'_, sqlx::Result<ExecResult>>;

    /// Runs SQL text without bound values and returns all rows. The text may contain several statements
    /// separated by `;`. On PostgreSQL it is sent as one message of the simple query protocol.
    fn script(
        connection: &mut Self::Connection,
        text: String,
    ) -> BoxFuture<'_, sqlx::Result<Vec<QueryResult>>>;
}

macro_rules! engine {
    ($engine:ty, $connection:ty, $options:ty, $prepare:path) => {
        impl Engine for $engine {
            fn prepare<'c>(
                connection: &'c mut $connection,
                options: &'c $options,
            ) -> BoxFuture<'c, sqlx::Result<Prepared>> {
                Box::pin($prepare(connection, options))
            }

            fn rows(
                connection: &mut $connection,
                statement: Statement,
            ) -> BoxFuture<'_, sqlx::Result<Vec<QueryResult>>> {
                let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
                let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
                Box::pin(async move {
                    let rows = query.fetch_all(connection).await?;
                    Ok(rows.into_iter().map(Into::into).collect())
                })
            }

            fn execute(
                connection: &mut $connection,
                statement: Statement,
            ) -> BoxFuture<'_, sqlx::Result<ExecResult>> {
                let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
                let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
                Box::pin(async move { Ok(query.execute(connection).await?.into()) })
            }

            fn script(
                connection: &mut $connection,
                text: String,
            ) -> BoxFuture<'_, sqlx::Result<Vec<QueryResult>>> {
                Box::pin(async move {
                    let rows = sqlx::raw_sql(AssertSqlSafe(text))
                        .fetch_all(connection)
                        .await?;
                    Ok(rows.into_iter().map(Into::into).collect())
                })
            }
        }
    };
}

engine!(Postgres, PgConnection, PgConnectOptions, postgres);
engine!(Sqlite, SqliteConnection, SqliteConnectOptions, sqlite);

/// Properties of a connection, determined when it is opened.
pub(crate) struct Prepared {
    /// The handle that ends a statement on timeout, or `None` if the server does this itself.
    pub(crate) interrupt: Option<Arc<Interrupt>>,
    /// The identifier of the history to which the database's writes belong. A failover or a restored
    /// backup starts a new history, which may lack writes of the previous one. Empty if it cannot be
    /// determined.
    pub(crate) timeline: String,
}

/// Selects the cluster's identifier and the timeline of its write-ahead log. Each failover starts a new
/// timeline. The result is empty on a server in recovery.
const TIMELINE: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE \
    (SELECT system_identifier FROM pg_control_system())::text || '/' || \
    substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END AS timeline";

/// Prepares a PostgreSQL connection. The server ends a statement by itself after `statement_timeout`,
/// and when its client's connection is closed. It detects the latter only from version 14 on, and not
/// on every operating system.
async fn postgres(connection: &mut PgConnection, _: &PgConnectOptions) -> sqlx::Result<Prepared> {
    let checks = "SET client_connection_check_interval = '1s'".to_owned();
    match Postgres::script(connection, checks).await {
        Ok(_) | Err(sqlx::Error::Database(_)) => {}
        Err(error) => return Err(error),
    }
    let timeline = match Postgres::script(connection, TIMELINE.to_owned()).await {
        Ok(rows) => rows
            .first()
            .and_then(|row| row.try_get("", "timeline").ok()),
        // Not every role has permission to run this on every server.
        Err(sqlx::Error::Database(_)) => None,
        Err(error) => return Err(error),
    };
    Ok(Prepared {
        interrupt: None,
        timeline: timeline.unwrap_or_default(),
    })
}

/// The number of SQLite virtual machine instructions between two checks of the clock: about a
/// millisecond.
const INSTRUCTIONS: i32 = 20_000;

async fn sqlite(
    connection: &mut SqliteConnection,
    options: &SqliteConnectOptions,
) -> sqlx::Result<Prepared> {
    let interrupt = Arc::new(Interrupt::default());
    let seen = Arc::clone(&interrupt);
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(INSTRUCTIONS, move || seen.goes_on());
    drop(handle);
    Ok(Prepared {
        interrupt: Some(interrupt),
        timeline: inode(options.get_filename()),
    })
}

/// Returns the inode of a file, or an empty string if it is unknown. A file restored from a backup has
/// another inode.
fn inode(file: &Path) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(file);
        found.map_or_else(|_| String::new(), |found| found.ino().to_string())
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        String::new()
    }
}

/// The deadline of a running SQLite statement. SQLite has no statement timeout of its own.
#[derive(Debug)]
pub(crate) struct Interrupt {
    since: Instant,
    /// The deadline in microseconds after `since`, or 0 for no deadline.
    deadline: AtomicU64,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            deadline: AtomicU64::new(0),
        }
    }
}

impl Interrupt {
    /// Sets the time limit of the next statement. `None` means no limit.
    pub(crate) fn allow(&self, time: Option<Duration>) {
        let deadline = time.map_or(0, |time| micros(self.since.elapsed() + time).max(1));
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    /// Removes the time limit from the following statements.
    pub(crate) fn reset(&self) {
        self.deadline.store(0, Ordering::Relaxed);
    }

    /// Interrupts the running statement.
    pub(crate) fn now(&self) {
        self.deadline.store(1, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        match self.deadline.load(Ordering::Relaxed) {
            0 => true,
            deadline => micros(self.since.elapsed()) < deadline,
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Closes a connection. An error is only logged, because the connection is gone in any case.
pub(crate) async fn close<DB: Engine>(connection: DB::Connection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "connection_close_failed");
    }
}
