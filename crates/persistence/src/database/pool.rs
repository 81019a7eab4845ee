//! Connection pools. A connection is lent for one statement or one transaction, and returns to the pool
//! only in autocommit mode. A connection that has failed, timed out or stopped answering is closed
//! instead.
//!
//! `SQLx`'s own pool checks that a connection is alive each time it is returned. This costs an extra
//! round trip, with its wake-ups, for each statement. Here a connection is checked only if it has been
//! idle for a while, or if a statement on it was abandoned.

mod checkout;
mod engine;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Metrics, QueueMode, RecycleError, RecycleResult};
use sea_orm::sqlx::{self, ConnectOptions, Connection as _};
use sea_orm::{ConnAcquireErr, DbErr, QueryResult, RuntimeErr, Statement};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Postgres, Sqlite};

pub(crate) use self::checkout::Checkout;
pub(crate) use self::engine::Engine;
use self::engine::Interrupt;
use crate::database::database_file::DatabaseFile;

/// The idle time after which a connection is checked before it is used again.
const REST: Duration = Duration::from_secs(1);
/// Timeout for a connection that is asked whether it still works. After a network failure every idle
/// connection of a pool may be dead: those of the smallest pools are given up within the time of a read.
const PING: Duration = Duration::from_millis(500);
/// The age at which a PostgreSQL connection is replaced. Its server process grows with the plans and
/// catalogue entries that it caches.
const MAX_AGE: Duration = Duration::from_mins(30);
/// The statement timeout after a statement has timed out. Until the database answers again, further
/// statements do not wait for the full time.
const SUSPECT: Duration = Duration::from_secs(1);

/// The limits of a connection pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The maximum number of connections.
    pub(crate) size: u32,
    /// The timeout for opening a connection.
    pub(crate) connect: Duration,
    /// The timeout for waiting for a free connection.
    pub(crate) acquire: Duration,
    /// The timeout for a statement. `None` means no limit.
    pub(crate) statement: Option<Duration>,
    /// The timeout for a complete read, from requesting a connection to receiving the last row. `None`
    /// means no limit.
    pub(crate) read: Option<Duration>,
}

/// A pool of connections to one kind of database. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Postgres(managed::Pool<Connector<Postgres>>),
    Sqlite(managed::Pool<Connector<Sqlite>>),
}

/// The factory that opens and checks the connections of a pool.
pub(crate) struct Connector<DB: Engine> {
    options: <DB::Connection as sqlx::Connection>::Options,
    bounds: Bounds,
    max_age: Option<Duration>,
    /// Whether the last statement timed out.
    suspect: Arc<AtomicBool>,
    /// The SQLite file, and whether each use of a connection checks that it is still in place.
    file: Option<(Arc<DatabaseFile>, Looks)>,
}

/// When a pool checks that the SQLite file is still in place. The check costs a system call. Writes,
/// the change feed and health checks make it. Ordinary reads do not need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// On each use of a connection.
    Always,
    /// Never by this pool, which uses the result of the last check made by another one.
    Never,
}

impl<DB: Engine> std::fmt::Debug for Connector<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl<DB: Engine> Connector<DB> {
    /// Returns the timeout for the next statement.
    fn statement_timeout(&self) -> Option<Duration> {
        let timeout = self.bounds.statement?;
        let suspect = self.suspect.load(Ordering::Relaxed);
        Some(if suspect {
            timeout.min(SUSPECT)
        } else {
            timeout
        })
    }

    /// Returns an error if the database file is no longer the one that was opened. Connections stay
    /// open.
    fn check_file(&self) -> Result<(), DbErr> {
        match &self.file {
            Some((file, Looks::Always)) => file.look(),
            Some((file, Looks::Never)) => file.check(),
            None => Ok(()),
        }
    }

    fn suspect(&self, suspect: bool) {
        // The value rarely changes. Checking first avoids taking the cache line from other cores.
        if self.suspect.load(Ordering::Relaxed) != suspect {
            self.suspect.store(suspect, Ordering::Relaxed);
        }
    }
}

/// An open connection.
pub(crate) struct Connection<DB: Engine> {
    inner: DB::Connection,
    interrupt: Option<Arc<Interrupt>>,
    timeline: Arc<str>,
}

impl<DB: Engine> std::fmt::Debug for Connection<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<DB: Engine> managed::Manager for Connector<DB> {
    type Type = Connection<DB>;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Connection<DB>, sqlx::Error> {
        let mut inner = self.options.connect().await?;
        let prepared = DB::prepare(&mut inner, &self.options).await?;
        Ok(Connection {
            inner,
            interrupt: prepared.interrupt,
            timeline: prepared.timeline.into(),
        })
    }

    async fn recycle(
        &self,
        connection: &mut Connection<DB>,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        if self.max_age.is_some_and(|most| metrics.age() > most) {
            return Err(RecycleError::message("it is old"));
        }
        if metrics.last_used() > REST {
            let lives = tokio::time::timeout(PING, connection.inner.ping()).await;
            lives.map_err(|_| RecycleError::message("it does not answer"))??;
        }
        Ok(())
    }
}

fn pool<DB: Engine>(
    options: <DB::Connection as sqlx::Connection>::Options,
    bounds: Bounds,
    max_age: Option<Duration>,
    file: Option<(Arc<DatabaseFile>, Looks)>,
) -> Result<managed::Pool<Connector<DB>>, DbErr> {
    let connector = Connector {
        options,
        bounds,
        max_age,
        suspect: Arc::default(),
        file,
    };
    let built = managed::Pool::builder(connector)
        .max_size(usize::try_from(bounds.size).unwrap_or(usize::MAX))
        .wait_timeout(Some(bounds.acquire))
        .create_timeout(Some(bounds.connect))
        .recycle_timeout(Some(bounds.connect))
        // Under light load, reuse the same few connections: they already have their plans cached.
        .queue_mode(QueueMode::Lifo)
        .runtime(deadpool::Runtime::Tokio1)
        .build();
    built.map_err(|error| DbErr::Conn(RuntimeErr::Internal(error.to_string())))
}

impl Pool {
    /// Creates a pool for PostgreSQL. No connection is opened yet.
    pub(crate) fn postgres(options: PgConnectOptions, bounds: Bounds) -> Result<Self, DbErr> {
        Ok(Self::Postgres(pool(options, bounds, Some(MAX_AGE), None)?))
    }

    /// Creates a pool for an SQLite file. No connection is opened yet.
    pub(crate) fn sqlite(
        options: SqliteConnectOptions,
        bounds: Bounds,
        file: Option<(Arc<DatabaseFile>, Looks)>,
    ) -> Result<Self, DbErr> {
        Ok(Self::Sqlite(pool(options, bounds, None, file)?))
    }

    /// Runs a statement and returns all of its rows.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(pool) => rows(pool, statement).await,
            Self::Sqlite(pool) => rows(pool, statement).await,
        }
    }

    /// Checks that the database answers.
    pub(crate) async fn ping(&self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(pool) => ping(pool).await,
            Self::Sqlite(pool) => ping(pool).await,
        }
    }

    /// Closes the idle connections and opens no new ones. Connections in use are closed when their
    /// statements end.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(pool) => close(pool).await,
            Self::Sqlite(pool) => close(pool).await,
        }
    }
}

async fn rows<DB: Engine>(
    pool: &managed::Pool<Connector<DB>>,
    statement: Statement,
) -> Result<Vec<QueryResult>, DbErr> {
    let read = async {
        let mut checkout = Checkout::from(pool).await?;
        let found = checkout.run(|connection| DB::rows(connection, statement));
        found.await
    };
    match pool.manager().bounds.read {
        Some(most) => tokio::time::timeout(most, read)
            .await
            .unwrap_or_else(|_| Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))),
        None => read.await,
    }
}

async fn ping<DB: Engine>(pool: &managed::Pool<Connector<DB>>) -> Result<(), DbErr> {
    let mut checkout = Checkout::from(pool).await?;
    checkout.run(|connection| Box::pin(connection.ping())).await
}

async fn close<DB: Engine>(pool: &managed::Pool<Connector<DB>>) {
    let idle = pool.retain(|_, _| false).removed;
    pool.close();
    for connection in idle {
        engine::close::<DB>(connection.inner).await;
    }
}

#[cfg(test)]
mod tests;
