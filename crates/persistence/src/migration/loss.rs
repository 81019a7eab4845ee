//! The loss that taking migrations back means: the tables and columns that go, and how many rows are
//! in them.

use sea_orm::{ConnectionTrait, Statement};

use super::script::{SCRIPTS, Script};
use super::{history, last, partial, unknown};
use crate::sql::Dialect;
use crate::{Db, Doing, Result};

/// A table or a column that is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which table it is, or is in.
    pub table: String,
    /// The column, when the table stays.
    pub column: Option<String>,
    /// How many rows the table has.
    pub rows: i64,
}

/// What is lost when the last `steps` migrations are taken back, and how many of them there are.
pub async fn losses(db: &Db, steps: u32) -> Result<(u32, Vec<Loss>)> {
    let (connection, dialect) = (db.connection(), db.dialect());
    let marked = history::marked(connection, dialect).await?;
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    let back: Vec<&Script> = SCRIPTS
        .iter()
        .rev()
        .filter(|script| marked.contains(script.name))
        .take(steps)
        .collect();
    let mut dropped = Vec::new();
    for script in &back {
        let statements = script.down(dialect);
        let is_last = last(&marked).is_some_and(|last| last.name == script.name);
        let done = match dialect {
            Dialect::Sqlite if is_last && unknown(&marked).next().is_none() => {
                partial::reverted(connection, &marked, script).await?
            }
            _ => 0,
        };
        dropped.extend(statements[done..].iter().filter_map(|text| drop_of(text)));
    }
    let gone = |table: &str| {
        let mut tables = dropped.iter().filter(|(_, column)| column.is_none());
        tables.any(|(name, _)| name == table)
    };
    let mut losses = Vec::new();
    for (table, column) in &dropped {
        if column.is_some() && gone(table) {
            continue;
        }
        losses.push(Loss {
            rows: count(connection, dialect, table).await?,
            table: table.clone(),
            column: column.clone(),
        });
    }
    Ok((u32::try_from(back.len()).unwrap_or(u32::MAX), losses))
}

/// The table, or its column, that a statement drops.
fn drop_of(statement: &str) -> Option<(String, Option<String>)> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    match words[..] {
        ["DROP", "TABLE", table] => Some((table.to_owned(), None)),
        ["ALTER", "TABLE", table, "DROP", "COLUMN", column] => {
            Some((table.to_owned(), Some(column.to_owned())))
        }
        _ => None,
    }
}

async fn count(connection: &impl ConnectionTrait, dialect: Dialect, table: &str) -> Result<i64> {
    const DOING: &str = "count what would be lost";
    let text = format!("SELECT count(*) AS rows FROM {table}");
    let statement = Statement::from_string(dialect.backend(), text);
    let row = connection.query_one_raw(statement).await.doing(DOING)?;
    row.map_or(Ok(0), |row| row.try_get("", "rows"))
        .doing(DOING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_that_drops_what_is_stored_is_seen() {
        for script in SCRIPTS {
            for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                for statement in script.down(dialect) {
                    let drops = statement.contains("DROP") && !statement.starts_with("DROP INDEX");
                    assert_eq!(drops, drop_of(&statement).is_some(), "{statement}");
                }
            }
        }
    }
}
