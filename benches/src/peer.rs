//! The peer: PostgreSQL, which returns a whole response from one statement that builds the JSON
//! itself. This is the least that a server on this database can do.

use std::str::FromStr as _;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::in_process::InProcessResponse;
use crate::operations::{Operation, Sample};

/// A connection pool to the database.
#[derive(Clone)]
pub(crate) struct Peer(PgPool);

impl Peer {
    /// Opens a pool with as many connections as the server has for reading, and with the server's
    /// plan cache mode.
    pub(crate) async fn open(url: &str, connections: u32) -> anyhow::Result<Self> {
        let connect =
            PgConnectOptions::from_str(url)?.options([("plan_cache_mode", "force_generic_plan")]);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .test_before_acquire(false);
        Ok(Self(pool.connect_with(connect).await?))
    }

    /// Returns the JSON of the `data` of an operation.
    pub(crate) async fn ask(
        &self,
        operation: &Operation,
        sample: &Sample,
    ) -> Result<String, sqlx::Error> {
        let statement = sqlx::query_scalar(operation.sql);
        let statement = sample
            .arguments
            .iter()
            .fold(statement, sqlx::query::QueryScalar::bind);
        statement.fetch_one(&self.0).await
    }

    /// Fails unless the statement returns the same JSON as the API.
    pub(crate) async fn compare(
        &self,
        operation: &Operation,
        sample: &Sample,
        answered: &InProcessResponse,
    ) -> anyhow::Result<()> {
        let name = operation.name;
        let made = self.ask(operation, sample).await;
        let made = made.with_context(|| format!("the statement for {name} failed"))?;
        let (made, data): (Value, _) = (serde_json::from_str(&made)?, answered.data()?);
        ensure!(
            made == data,
            "the statement for {name} makes other JSON than the API for {:?}:\n{made}\n{data}",
            sample.arguments
        );
        Ok(())
    }
}
