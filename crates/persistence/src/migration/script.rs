//! Migrations as SQL: one file for each, with the statements that apply it after `-- migrate:up` and those
//! that revert it after `-- migrate:down`.

use sea_orm::{ConnectionTrait, DbErr};

use crate::query::sql::Dialect;

/// The SQL of a migration.
pub(super) struct Script {
    pub(super) name: &'static str,
    up: &'static str,
    down: &'static str,
}

/// The files of this folder, oldest first. The build script lists and splits them.
pub(super) const SCRIPTS: &[Script] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

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

/// Splits a script into its statements at each `;`, with the placeholders for the dialect filled in. Lines
/// after `-- migrate:postgres` or `-- migrate:sqlite` are for that database alone.
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
    let mut text = String::with_capacity(script.len());
    let mut of = dialect;
    for line in script.lines() {
        match line {
            "-- migrate:postgres" => of = Dialect::Postgres,
            "-- migrate:sqlite" => of = Dialect::Sqlite,
            _ if of != dialect || line.trim_start().starts_with("--") => {}
            _ => text.extend([line, "\n"]),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        for dialect in [Dialect::Postgres, Dialect::Sqlite] {
            for script in SCRIPTS {
                let statements = [script.up(dialect), script.down(dialect)].concat();
                let open = statements.iter().find(|statement| statement.contains('{'));
                assert_eq!(open, None, "{}", script.name);
            }
        }
    }

    #[test]
    fn each_database_has_statements_of_its_own() {
        let script = "ALL;\n-- migrate:sqlite\nS;\n-- of SQLite;\n-- migrate:postgres\nP;\n";
        assert_eq!(statements(script, Dialect::Sqlite), ["ALL", "S"]);
        assert_eq!(statements(script, Dialect::Postgres), ["ALL", "P"]);
    }

    #[test]
    fn migrations_are_numbered() {
        for (number, script) in (1..).zip(SCRIPTS) {
            let start = format!("m{number:04}_");
            assert!(script.name.starts_with(&start), "{}", script.name);
        }
    }
}
