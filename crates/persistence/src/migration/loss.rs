//! The data loss caused by reverting migrations: the tables and columns that are dropped, and the
//! number of rows in them.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, Statement};

use super::script::{SCRIPTS, Script};
use super::{history, last, partial, unknown};
use crate::query::sql::Dialect;
use crate::{Db, Doing, Result};

/// A table or a column that would be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The name of the dropped table, or of the table that contains the dropped column.
    pub table: String,
    /// The name of the dropped column, or `None` if the whole table is dropped.
    pub column: Option<String>,
    /// The number of rows in the table.
    pub rows: i64,
}

/// Returns the number of migrations that reverting the last `steps` would cover, and the tables and
/// columns that would be lost.
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
    // The current names of tables, by the names that they have once the later migrations are reverted.
    let mut names: HashMap<String, String> = HashMap::new();
    for script in &back {
        let statements = script.down(dialect);
        let is_last = last(&marked).is_some_and(|last| last.name == script.name);
        let done = match dialect {
            Dialect::Sqlite if is_last && unknown(&marked).next().is_none() => {
                partial::reverted(connection, &marked, script).await?
            }
            _ => 0,
        };
        for statement in &statements[done..] {
            if let Some((name, former)) = rename_of(statement) {
                let current = names.remove(name).unwrap_or_else(|| name.to_owned());
                names.insert(former.to_owned(), current);
            } else if let Some((table, column)) = drop_of(statement) {
                dropped.push((names.get(&table).cloned().unwrap_or(table), column));
            }
        }
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

/// Returns the table that a statement renames, and its new name.
fn rename_of(statement: &str) -> Option<(&str, &str)> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    match words[..] {
        ["ALTER", "TABLE", table, "RENAME", "TO", name] => Some((table, name)),
        _ => None,
    }
}

/// Returns the table that a statement drops, or the table and the column.
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
