//! A write transaction on its own connection.
//!
//! BEGIN, COMMIT and ROLLBACK are sent as ordinary statements here. `SQLx` has its own transactions, but
//! it counts their nesting depth and does not reset the count when COMMIT fails (for example because the
//! disk is full). Its next transaction is then a savepoint inside one that never ends, and is
//! acknowledged without being committed.

use std::sync::Arc;

use sea_orm::sqlx::{Postgres, Sqlite};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::Mutex;

use crate::database::pool::{Checkout, Engine as _, Pool};

/// An open transaction. Rolled back if it is dropped without being committed.
pub(crate) struct Transaction {
    timeline: Arc<str>,
    on: On,
}

enum On {
    Postgres(Mutex<Checkout<Postgres>>),
    Sqlite(Mutex<Checkout<Sqlite>>),
}

impl Transaction {
    /// Begins a transaction on a connection of this pool. On SQLite the transaction is IMMEDIATE, because
    /// a deferred one that begins with a read fails if another transaction has written since.
    pub(crate) async fn begin(pool: &Pool) -> Result<Self, DbErr> {
        Ok(match pool {
            Pool::Postgres(pool) => {
                let mut checkout = Checkout::from(pool).await?;
                checkout.begin("BEGIN").await?;
                Self {
                    timeline: checkout.timeline(),
                    on: On::Postgres(Mutex::new(checkout)),
                }
            }
            Pool::Sqlite(pool) => {
                let mut checkout = Checkout::from(pool).await?;
                checkout.begin("BEGIN IMMEDIATE").await?;
                Self {
                    timeline: checkout.timeline(),
                    on: On::Sqlite(Mutex::new(checkout)),
                }
            }
        })
    }

    /// Returns the timeline that the database's writes belong to. See [`crate::feed::Position`].
    pub(crate) fn timeline(&self) -> &str {
        &self.timeline
    }

    /// Runs the final statements of the transaction in one message and returns their rows. The statements
    /// include COMMIT, which only reads may follow.
    pub(crate) async fn commit(self, text: String) -> Result<Vec<QueryResult>, DbErr> {
        match self.on {
            On::Postgres(checkout) => checkout.into_inner().commit(text).await,
            On::Sqlite(checkout) => checkout.into_inner().commit(text).await,
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self.on {
            On::Postgres(_) => DbBackend::Postgres,
            On::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.on {
            On::Postgres(checkout) => {
                let mut checkout = checkout.lock().await;
                let run = checkout.run(|connection| Postgres::execute(connection, statement));
                run.await
            }
            On::Sqlite(checkout) => {
                let mut checkout = checkout.lock().await;
                let run = checkout.run(|connection| Sqlite::execute(connection, statement));
                run.await
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let backend = self.get_database_backend();
        self.execute_raw(Statement::from_string(backend, sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.on {
            On::Postgres(checkout) => {
                let mut checkout = checkout.lock().await;
                let run = checkout.run(|connection| Postgres::rows(connection, statement));
                run.await
            }
            On::Sqlite(checkout) => {
                let mut checkout = checkout.lock().await;
                let run = checkout.run(|connection| Sqlite::rows(connection, statement));
                run.await
            }
        }
    }
}
