//! The readers' connections.
//!
//! `SQLx`'s own pool asks the database whether a connection still lives each time one is given back:
//! one more exchange, and its wake-ups, for each statement. Here a connection is asked when it has
//! not been used for a while, or when a statement on it was not read to its end.

use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use sea_orm::sea_query::Values;
use sea_orm::sqlx::{
    self, AssertSqlSafe, ConnectOptions, Connection as _, Database, Executor, IntoArguments,
};
use sea_orm::{ConnAcquireErr, DbErr, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::{Postgres, Sqlite};
use tokio::runtime::Handle;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// A connection that has not been used for so long is asked whether it still lives.
const REST: Duration = Duration::from_secs(1);
/// How long it may take to answer that.
const ANSWERS: Duration = Duration::from_secs(5);
/// PostgreSQL's side of a connection grows with what it has planned and looked up: it is let go of
/// when it is so old.
const LONGEST_LIFE: Duration = Duration::from_mins(30);

/// Connections of one kind, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Postgres(managed::Pool<Opener<Postgres>>),
    Sqlite(managed::Pool<Opener<Sqlite>>),
}

/// Opens connections.
pub(crate) struct Opener<DB: Database> {
    options: <DB::Connection as sqlx::Connection>::Options,
    longest_life: Option<Duration>,
}

impl<DB: Database> std::fmt::Debug for Opener<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

impl<DB: Database> managed::Manager for Opener<DB> {
    type Type = DB::Connection;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<DB::Connection, sqlx::Error> {
        self.options.connect().await
    }

    async fn recycle(
        &self,
        connection: &mut DB::Connection,
        metrics: &Metrics,
    ) -> RecycleResult<sqlx::Error> {
        if self.longest_life.is_some_and(|most| metrics.age() > most) {
            return Err(RecycleError::message("it is old"));
        }
        if metrics.last_used() > REST {
            let lives = tokio::time::timeout(ANSWERS, connection.ping()).await;
            lives.map_err(|_| RecycleError::message("it does not answer"))??;
        }
        Ok(())
    }
}

/// A pool of at most so many.
fn pool<DB: Database>(opener: Opener<DB>, most: u32) -> Result<managed::Pool<Opener<DB>>, DbErr> {
    let built = managed::Pool::builder(opener)
        .max_size(usize::try_from(most).unwrap_or(usize::MAX))
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        // The same few while there is little to do: they have their plans at hand.
        .queue_mode(QueueMode::Lifo)
        .runtime(deadpool::Runtime::Tokio1)
        .build();
    built.map_err(|error| DbErr::Conn(RuntimeErr::Internal(error.to_string())))
}

impl Pool {
    /// Connections to PostgreSQL, at most so many; one is opened now.
    pub(crate) async fn postgres(
        options: sqlx::postgres::PgConnectOptions,
        most: u32,
    ) -> Result<Self, DbErr> {
        let longest_life = Some(LONGEST_LIFE);
        let opener = Opener {
            options,
            longest_life,
        };
        let pool = Self::Postgres(pool(opener, most)?);
        pool.ping().await?;
        Ok(pool)
    }

    /// Connections to a file of SQLite, at most so many; one is opened now.
    pub(crate) async fn sqlite(
        options: sqlx::sqlite::SqliteConnectOptions,
        most: u32,
    ) -> Result<Self, DbErr> {
        let opener = Opener {
            options,
            longest_life: None,
        };
        let pool = Self::Sqlite(pool(opener, most)?);
        pool.ping().await?;
        Ok(pool)
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

    /// Closes those that rest, and no more are opened; those in use end with their statements.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(pool) => close(pool).await,
            Self::Sqlite(pool) => close(pool).await,
        }
    }
}

/// A connection that is lent: given back at once when a statement came to its end, else when it answers
/// again.
struct Lent<DB: Database>(Option<Object<Opener<DB>>>);

impl<DB: Database> Lent<DB> {
    async fn by(pool: &managed::Pool<Opener<DB>>) -> Result<Self, DbErr> {
        let lent = pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
            PoolError::Closed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            _ => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        })?;
        Ok(Self(Some(lent)))
    }

    /// What a statement on it came to. It is given back at once if that went well.
    fn ended<T>(mut self, done: Result<T, sqlx::Error>) -> Result<T, DbErr> {
        if done.is_ok() {
            drop(self.0.take());
        }
        done.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
    }

    fn connection(&mut self) -> Result<&mut DB::Connection, DbErr> {
        let closed = DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        self.0.as_deref_mut().ok_or(closed)
    }
}

impl<DB: Database> Drop for Lent<DB> {
    /// An answer that nobody reads may still be on its way: until it has come, the connection is lent.
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            drop(Object::take(connection));
            return;
        };
        runtime.spawn(async move {
            let lives = tokio::time::timeout(ANSWERS, connection.ping()).await;
            if !matches!(lives, Ok(Ok(()))) {
                drop(Object::take(connection));
            }
        });
    }
}

async fn rows<DB>(
    pool: &managed::Pool<Opener<DB>>,
    statement: Statement,
) -> Result<Vec<QueryResult>, DbErr>
where
    DB: Database<Row: Into<QueryResult>>,
    SqlxValues: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let values = SqlxValues(statement.values.unwrap_or_else(|| Values(Vec::new())));
    let query = sqlx::query_with(AssertSqlSafe(statement.sql), values);
    let mut lent = Lent::by(pool).await?;
    let found = query.fetch_all(lent.connection()?).await;
    let found = lent.ended(found)?;
    Ok(found.into_iter().map(Into::into).collect())
}

async fn ping<DB: Database>(pool: &managed::Pool<Opener<DB>>) -> Result<(), DbErr> {
    let mut lent = Lent::by(pool).await?;
    let answered = lent.connection()?.ping().await;
    lent.ended(answered)
}

async fn close<DB: Database>(pool: &managed::Pool<Opener<DB>>) {
    let resting = pool.retain(|_, _| false).removed;
    pool.close();
    for connection in resting {
        if let Err(error) = connection.close().await {
            // It is gone either way.
            tracing::debug!(%error, "a connection did not close well");
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    fn statement(text: &str) -> Statement {
        Statement::from_string(DbBackend::Sqlite, text)
    }

    #[tokio::test]
    async fn who_gives_up_or_is_refused_leaves_the_others_their_answers() {
        const LONG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                            SELECT i FROM n LIMIT 20000000";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let options = SqliteConnectOptions::new().filename(file);
        let pool = Pool::sqlite(options.create_if_missing(true), 1).await;
        let pool = pool.unwrap();
        for round in 0..3 {
            let given_up = pool.rows(statement(LONG));
            let given_up = tokio::time::timeout(Duration::from_millis(20), given_up).await;
            assert!(given_up.is_err(), "it was not long");
            assert!(pool.rows(statement("SELECT nothing")).await.is_err());
            let text = format!("SELECT {round} AS round");
            let rows = pool.rows(statement(&text)).await.unwrap();
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].try_get::<i64>("", "round").unwrap(), round);
        }
        pool.close().await;
        assert!(pool.ping().await.is_err());
    }
}
