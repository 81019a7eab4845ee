//! Migrations as SQL: a script that applies each one and a script that reverts it.

use sea_orm::{ConnectionTrait, DbErr};

use crate::query::sql::Dialect;

/// The SQL scripts of a migration.
pub(super) struct Script {
    pub(super) name: &'static str,
    up: &'static str,
    down: &'static str,
}

/// Includes the up and down scripts of the named migrations. The names are listed oldest first.
macro_rules! scripts {
    ($($name:literal),+ $(,)?) => {
        &[$(Script {
            name: $name,
            up: include_str!(concat!($name, "_up.sql")),
            down: include_str!(concat!($name, "_down.sql")),
        }),+]
    };
}

pub(super) const SCRIPTS: &[Script] = scripts! {
    "m0001_newsroom",
    "m0002_accounts",
    "m0003_desk",
    "m0004_audit",
    "m0005_commenting",
    "m0006_answers_and_paces",
    "m0007_story_merge",
    "m0008_documents_and_purges",
    "m0009_epoch",
    "m0010_working_titles",
    "m0011_addresses_and_keys",
    "m0012_reserved_names",
    "m0013_field_names",
    "m0014_change_columns",
};

impl Script {
    /// Returns the statements that apply the migration.
    pub(super) fn up(&self, dialect: Dialect) -> Vec<String> {
        statements(self.up, dialect)
    }

    /// Returns the statements that revert the migration.
    pub(super) fn down(&self, dialect: Dialect) -> Vec<String> {
        statements(self.down, dialect)
    }
}

/// Splits a script into its statements at each `;`, with the placeholders for the dialect filled in.
fn statements(script: &str, dialect: Dialect) -> Vec<String> {
    let types: [(&str, &str); 8] = match dialect {
        Dialect::Postgres => [
            ("{uuid}", "uuid"),
            ("{time}", "timestamptz"),
            ("{bool}", "boolean"),
            ("{int}", "integer"),
            ("{bigint}", "bigint"),
            ("{real}", "double precision"),
            ("{random}", "floor(random() * 1000000000)::bigint"),
            ("{strict}", ""),
        ],
        Dialect::Sqlite => [
            ("{uuid}", "blob"),
            ("{time}", "text"),
            ("{bool}", "integer"),
            ("{int}", "integer"),
            ("{bigint}", "integer"),
            ("{real}", "real"),
            ("{random}", "abs(random() % 1000000000)"),
            // Without STRICT, SQLite would accept text in a numeric column.
            ("{strict}", "STRICT"),
        ],
    };
    let script = types
        .iter()
        .fold(script.to_owned(), |script, (open, filled)| {
            script.replace(open, filled)
        });
    // Remove comments first, because a semicolon in a comment does not end a statement.
    let text: String = script
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| [line, "\n"])
        .collect();
    text.split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

/// Runs the statements one after another.
pub(super) async fn run(
    connection: &impl ConnectionTrait,
    statements: &[String],
) -> Result<(), DbErr> {
    for statement in statements {
        connection.execute_unprepared(statement).await?;
    }
    Ok(())
}
