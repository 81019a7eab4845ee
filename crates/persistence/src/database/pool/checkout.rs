//! A connection while it is lent by a pool.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Object, PoolError};
use futures::future::BoxFuture;
use sea_orm::sqlx::{self, Connection as _};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use tokio::runtime::Handle;

use super::{Connector, Engine, Interrupt, engine};

/// The time that an abandoned statement has to finish before its connection is closed. On PostgreSQL,
/// closing the connection ends the statement. On SQLite, the statement is interrupted immediately.
const ABANDONED: Duration = Duration::from_millis(250);
/// The timeout for rolling back a transaction.
const ROLLBACK: Duration = Duration::from_secs(2);

/// A connection lent by a pool. Dropping it returns the connection.
pub(crate) struct Checkout<DB: Engine> {
    connection: Option<Object<Connector<DB>>>,
    state: State,
}

/// The cleanup that a connection needs before it may be lent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No cleanup. The connection is in autocommit mode and has no pending response.
    Clean,
    /// A statement was sent, and its response was not read to the end.
    Busy,
    /// A transaction was begun, or may have been begun.
    InTransaction,
}

impl<DB: Engine> Checkout<DB> {
    /// Takes a connection from the pool, and waits until one is free.
    pub(crate) async fn from(pool: &managed::Pool<Connector<DB>>) -> Result<Self, DbErr> {
        pool.manager().check_file()?;
        let connection = pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
            PoolError::Closed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            _ => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        })?;
        Ok(Self {
            connection: Some(connection),
            state: State::Clean,
        })
    }

    /// Returns the identifier of the history to which the database's writes belong.
    pub(crate) fn timeline(&self) -> Arc<str> {
        let connection = self.connection.as_ref();
        connection.map_or_else(|| "".into(), |connection| Arc::clone(&connection.timeline))
    }

    /// Runs one statement, either on its own or within the current transaction.
    pub(crate) async fn run<T>(
        &mut self,
        statement: impl FnOnce(&mut DB::Connection) -> BoxFuture<'_, sqlx::Result<T>>,
    ) -> Result<T, DbErr> {
        let before = self.state;
        if before == State::Clean {
            self.state = State::Busy;
        }
        let done = self.timed(statement).await?;
        self.state = before;
        Ok(done)
    }

    /// Begins a transaction. When this value is dropped, the transaction is rolled back or the
    /// connection is closed, unless [`Checkout::commit`] has succeeded.
    pub(crate) async fn begin(&mut self, text: &'static str) -> Result<(), DbErr> {
        self.state = State::InTransaction;
        let begun = self.timed(|connection| DB::script(connection, text.to_owned()));
        if let Err(error) = begun.await {
            // The connection may be in a transaction that was never ended. A new connection is not.
            self.close();
            return Err(error);
        }
        Ok(())
    }

    /// Runs the statements that end the transaction, the last of which is COMMIT. If they fail, the
    /// connection is closed because it may still be in the transaction.
    pub(crate) async fn commit(
        &mut self,
        text: String,
    ) -> Result<Vec<sea_orm::QueryResult>, DbErr> {
        let committed = self.timed(|connection| DB::script(connection, text));
        match committed.await {
            Ok(rows) => {
                self.state = State::Clean;
                Ok(rows)
            }
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    async fn timed<T>(
        &mut self,
        statement: impl FnOnce(&mut DB::Connection) -> BoxFuture<'_, sqlx::Result<T>>,
    ) -> Result<T, DbErr> {
        let closed = || DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        let connection = self.connection.as_mut().ok_or_else(closed)?;
        let pool = Object::pool(connection).ok_or_else(closed)?;
        let timeout = pool.manager().statement_timeout();
        let connection = &mut **connection;
        if let Some(interrupt) = &connection.interrupt {
            interrupt.allow(timeout);
        }
        let answer = statement(&mut connection.inner);
        let answer = match timeout {
            // The database's own timeout fires first, and its error is more informative.
            Some(timeout) => tokio::time::timeout(timeout + GRACE, answer).await,
            None => Ok(answer.await),
        };
        match answer {
            Ok(Ok(answer)) => {
                pool.manager().suspect(false);
                Ok(answer)
            }
            Ok(Err(error)) => {
                if is_fatal(&error) {
                    self.close();
                }
                Err(DbErr::Query(RuntimeErr::SqlxError(error.into())))
            }
            Err(_) => {
                pool.manager().suspect(true);
                self.close();
                Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
            }
        }
    }

    /// Closes the connection instead of returning it to the pool.
    fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let connection = Object::take(connection);
            if let Some(interrupt) = &connection.interrupt {
                interrupt.now();
            }
            // Skip the orderly shutdown: a server that does not answer would not answer that either.
            drop(connection);
        }
    }
}

/// The extra time that the database has to end a statement by itself.
const GRACE: Duration = Duration::from_millis(250);

/// Whether a connection that returned this error must not be used again. The connection is broken, in
/// an invalid transaction state (class 25), or connected to a server that is shutting down or
/// read-only.
fn is_fatal(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "25", "57P", "58", "XX"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

impl<DB: Engine> Drop for Checkout<DB> {
    fn drop(&mut self) {
        let state = self.state;
        let Some(connection) = self.connection.take() else {
            return;
        };
        if state == State::Clean {
            return;
        }
        if let Some(interrupt) = &connection.interrupt {
            interrupt.now();
        }
        let Ok(runtime) = Handle::try_current() else {
            drop(Object::take(connection));
            return;
        };
        // The connection remains lent until the cleanup is done.
        runtime.spawn(clean(connection, state));
    }
}

async fn clean<DB: Engine>(mut connection: Object<Connector<DB>>, state: State) {
    let inner = &mut connection.inner;
    let cleaned = match state {
        State::Clean => return,
        State::Busy => tokio::time::timeout(ABANDONED, inner.ping()).await,
        State::InTransaction => {
            let rolled_back = async { DB::script(inner, "ROLLBACK".to_owned()).await.map(drop) };
            tokio::time::timeout(ROLLBACK, rolled_back).await
        }
    };
    let interrupt = connection.interrupt.as_deref();
    interrupt.map(Interrupt::reset).unwrap_or_default();
    if !matches!(cleaned, Ok(Ok(()))) {
        engine::close::<DB>(Object::take(connection).inner).await;
    }
}
