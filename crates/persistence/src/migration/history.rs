//! The table `seaql_migrations`, which records the applied migrations. Its name and columns come from
//! `sea-orm-migration`, which wrote the table in the first versions.

use std::collections::HashSet;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
};

use crate::query::sql::Dialect;
use crate::{Db, Doing, Result};

/// The key of PostgreSQL's advisory lock for migrations: "khabar" in ASCII.
const LOCK: i64 = 0x6b68_6162_6172;

/// Begins the transaction of one migration and excludes migrations by other processes until it ends.
pub(super) async fn begin(db: &Db) -> Result<DatabaseTransaction> {
    const DOING: &str = "wait for other migrations";
    match db.dialect() {
        Dialect::Sqlite => {
            let options = TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            };
            let begun = db.connection().begin_with_options(options).await;
            begun.doing(DOING)
        }
        Dialect::Postgres => {
            let transaction = db.connection().begin().await.doing(DOING)?;
            // Disable the timeouts: a large table takes a long time to migrate, and so does waiting for
            // another process's migration. The operator who started this one can see it and cancel it.
            let text = format!(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0; \
                 SELECT pg_advisory_xact_lock({LOCK})"
            );
            transaction.execute_unprepared(&text).await.doing(DOING)?;
            Ok(transaction)
        }
    }
}

/// Creates the table if it does not exist.
pub(super) async fn install(connection: &impl ConnectionTrait, dialect: Dialect) -> Result<()> {
    // `IF NOT EXISTS` would require permission to create tables even if the table exists.
    if exists(connection, dialect).await? {
        return Ok(());
    }
    let text = "CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)";
    let made = connection.execute_unprepared(text).await;
    made.doing("make the table of applied migrations")?;
    Ok(())
}

/// Returns the names of the applied migrations.
pub(super) async fn marked(
    connection: &impl ConnectionTrait,
    dialect: Dialect,
) -> Result<HashSet<String>> {
    const DOING: &str = "read which migrations were applied";
    if !exists(connection, dialect).await? {
        return Ok(HashSet::new());
    }
    let text = "SELECT version FROM seaql_migrations".to_owned();
    let statement = Statement::from_string(dialect.backend(), text);
    let rows = connection.query_all_raw(statement).await.doing(DOING)?;
    let names = rows.iter().map(|row| row.try_get("", "version"));
    names.collect::<Result<_, _>>().doing(DOING)
}

async fn exists(connection: &impl ConnectionTrait, dialect: Dialect) -> Result<bool> {
    let text = match dialect {
        Dialect::Sqlite => {
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'"
        }
        // Unlike the information schema, `pg_class` also shows tables that the role may not read.
        // `to_regclass` is not suitable: in a transaction that has waited for another migration, it may
        // still return what the session looked up earlier.
        Dialect::Postgres => {
            "SELECT 1 FROM pg_class WHERE relname = 'seaql_migrations' AND pg_table_is_visible(oid)"
        }
    };
    let statement = Statement::from_string(dialect.backend(), text.to_owned());
    let found = connection.query_one_raw(statement).await;
    Ok(found.doing("look for the table of migrations")?.is_some())
}

/// Records a migration as applied.
pub(super) async fn mark(
    connection: &impl ConnectionTrait,
    dialect: Dialect,
    name: &str,
) -> Result<()> {
    let now = match dialect {
        Dialect::Sqlite => "unixepoch()",
        Dialect::Postgres => "extract(epoch FROM now())::bigint",
    };
    let text = format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ($1, {now})");
    change(connection, dialect, text, name).await
}

/// Removes the record of an applied migration.
pub(super) async fn unmark(
    connection: &impl ConnectionTrait,
    dialect: Dialect,
    name: &str,
) -> Result<()> {
    let text = "DELETE FROM seaql_migrations WHERE version = $1".to_owned();
    change(connection, dialect, text, name).await
}

async fn change(
    connection: &impl ConnectionTrait,
    dialect: Dialect,
    text: String,
    name: &str,
) -> Result<()> {
    let statement = Statement::from_sql_and_values(dialect.backend(), text, [name.into()]);
    let changed = connection.execute_raw(statement).await;
    changed.doing("write down which migrations were applied")?;
    Ok(())
}
