//! Connection pools. A connection is lent for one statement or one transaction and comes back only in
//! autocommit; one that failed, timed out or does not answer is closed instead.
//!
//! `SQLx`'s own pool asks the database whether a connection still lives each time one is given back:
//! one more exchange, and its wake-ups, for each statement. Here a connection is asked when it has not
//! been used for a while, or when a statement on it was abandoned.

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
use crate::database_file::DatabaseFile;

/// A connection that has not been used for so long is asked whether it still lives.
const REST: Duration = Duration::from_secs(1);
/// The time that it may take to answer that.
const PING: Duration = Duration::from_secs(1);
/// The age at which a connection to PostgreSQL is renewed: its server process grows with what it has
/// planned and looked up.
const MAX_AGE: Duration = Duration::from_mins(30);
/// The time for a statement while the database is not known to answer: once one has timed out, the next
/// ones do not wait for as long.
const SUSPECT: Duration = Duration::from_secs(1);

/// The bounds of one pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most connections.
    pub(crate) size: u32,
    /// The time to open a connection.
    pub(crate) connect: Duration,
    /// The time to wait for one that is free.
    pub(crate) acquire: Duration,
    /// The time for a statement.
    pub(crate) statement: Option<Duration>,
    /// The time for all of a read, from asking for a connection to its last row.
    pub(crate) read: Option<Duration>,
}

/// Connections of one kind, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Postgres(managed::Pool<Connector<Postgres>>),
    Sqlite(managed::Pool<Connector<Sqlite>>),
}

/// Opens connections.
pub(crate) struct Connector<DB: Engine> {
    options: <DB::Connection as sqlx::Connection>::Options,
    bounds: Bounds,
    max_age: Option<Duration>,
    /// Whether the last statement timed out.
    suspect: Arc<AtomicBool>,
    /// SQLite's file, and whether each use looks for it.
    file: Option<(Arc<DatabaseFile>, Looks)>,
}

/// When the file of SQLite is looked for: a system call that writes, the change feed and health checks
/// make, and each read need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// With each use of a connection.
    Always,
    /// By others.
    Never,
}

impl<DB: Engine> std::fmt::Debug for Connector<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl<DB: Engine> Connector<DB> {
    /// The time for the next statement.
    fn statement_timeout(&self) -> Option<Duration> {
        let timeout = self.bounds.statement?;
        let suspect = self.suspect.load(Ordering::Relaxed);
        Some(if suspect {
            timeout.min(SUSPECT)
        } else {
            timeout
        })
    }

    /// Fails when the database's file is not the one that was opened. The connections stay open.
    fn check_file(&self) -> Result<(), DbErr> {
        match &self.file {
            Some((file, Looks::Always)) => file.look(),
            Some((file, Looks::Never)) => file.check(),
            None => Ok(()),
        }
    }

    fn suspect(&self, suspect: bool) {
        // Mostly it is what it was: no other core's cache line is taken for that.
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
        // The same few while there is little to do: they have their plans at hand.
        .queue_mode(QueueMode::Lifo)
        .runtime(deadpool::Runtime::Tokio1)
        .build();
    built.map_err(|error| DbErr::Conn(RuntimeErr::Internal(error.to_string())))
}

impl Pool {
    /// Connections to PostgreSQL; none is opened yet.
    pub(crate) fn postgres(options: PgConnectOptions, bounds: Bounds) -> Result<Self, DbErr> {
        Ok(Self::Postgres(pool(options, bounds, Some(MAX_AGE), None)?))
    }

    /// Connections to a file of SQLite; none is opened yet.
    pub(crate) fn sqlite(
        options: SqliteConnectOptions,
        bounds: Bounds,
        file: Option<(Arc<DatabaseFile>, Looks)>,
    ) -> Result<Self, DbErr> {
        Ok(Self::Sqlite(pool(options, bounds, None, file)?))
    }

    /// Every row that a statement finds.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Postgres(pool) => rows(pool, statement).await,
            Self::Sqlite(pool) => rows(pool, statement).await,
        }
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), DbErr> {
        match self {
            Self::Postgres(pool) => ping(pool).await,
            Self::Sqlite(pool) => ping(pool).await,
        }
    }

    /// Closes the idle connections and opens no more; those in use end with their statements.
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
