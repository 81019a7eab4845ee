//! The database check: reads every row of every table with the code that serves requests, and reports
//! the rows that cannot be read, or whose lists of ids differ from their links.

mod link_ids;

use khabar_domain::Scope;
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::query::broken::Met;
use crate::query::decode::RowDecoder;
use crate::query::sql::{Dialect, Sql};
use crate::query::table::{ColumnType, RowReader, Table};
use crate::tables::{ARCHIVED, NOT_ARCHIVED, article};
use crate::{BrokenRow, Db, Doing, Error, ReadSession, Result, WriteTx};

/// Number of rows read at once. With bodies of 20 kB each, a page takes a few megabytes.
const PAGE: usize = 200;

const DOING: &str = "check the database";

/// The connection that rows are read from.
#[derive(Clone, Copy)]
pub(crate) enum Database<'a> {
    ReadSession(&'a ReadSession),
    WriteTx(&'a WriteTx),
}

impl Database<'_> {
    fn dialect(self) -> Dialect {
        match self {
            Self::ReadSession(reader) => reader.sql().dialect,
            Self::WriteTx(writer) => writer.dialect(),
        }
    }

    async fn rows(self, sql: Sql, text: String) -> Result<Vec<QueryResult>> {
        match self {
            Self::ReadSession(reader) => reader.rows(DOING, sql, text).await,
            Self::WriteTx(writer) => writer.rows(DOING, sql, text).await,
        }
    }
}

/// Reads every row and calls `tell` with each broken one. Returns the number of rows read.
pub async fn check(db: &Db, scope: Scope, mut tell: impl FnMut(BrokenRow) + Send) -> Result<u64> {
    let reader = db.reader(scope).uncached();
    let mut tell = |row| {
        tell(row);
        true
    };
    let count = read(Database::ReadSession(&reader), &mut tell).await?;
    for links in &article::LISTED_LINKS {
        link_ids::compare(Database::ReadSession(&reader), links, &mut tell).await?;
    }
    Ok(count)
}

/// Returns the first broken row, if there is one.
pub(crate) async fn first_broken(writer: &WriteTx) -> Result<Option<BrokenRow>> {
    let mut found = None;
    let mut tell = |row| {
        found = Some(row);
        false
    };
    read(Database::WriteTx(writer), &mut tell).await?;
    Ok(found)
}

/// Reads rows and calls `tell` with each broken one, until `tell` returns `false`. Returns the number
/// of rows read.
async fn read(
    database: Database<'_>,
    tell: &mut (dyn FnMut(BrokenRow) -> bool + Send),
) -> Result<u64> {
    let mut count = 0;
    for table in ARCHIVED.iter().chain(NOT_ARCHIVED) {
        let Some(reader) = table.reader else {
            continue;
        };
        let mut last: Option<QueryResult> = None;
        loop {
            let rows = page(database, table, reader, last.as_ref()).await?;
            for row in &rows {
                count += 1;
                let met = Met::default();
                let mut cells = RowDecoder::of(row, DOING, &met)?;
                match (reader.read)(&mut cells) {
                    Ok(()) => {}
                    Err(Error::BrokenRow(row)) => {
                        if !tell(*row) {
                            return Ok(count);
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            if rows.len() < PAGE {
                break;
            }
            last = rows.into_iter().last();
        }
    }
    Ok(count)
}

/// Returns the rows after `last`. They are ordered by primary key. On SQLite they are ordered by
/// `rowid`, because a stored key may have any type there.
async fn page(
    database: Database<'_>,
    table: &Table,
    reader: RowReader,
    last: Option<&QueryResult>,
) -> Result<Vec<QueryResult>> {
    let mut sql = Sql::new(database.dialect());
    let keys: Vec<_> = match sql.dialect {
        Dialect::Sqlite => vec![("rowid", ColumnType::Long)],
        Dialect::Postgres => {
            let columns = &table.columns[..table.key.len()];
            columns
                .iter()
                .map(|column| (column.name, column.data_type))
                .collect()
        }
    };
    let order: Vec<_> = keys.iter().map(|(name, _)| format!("t.{name}")).collect();
    let order = order.join(", ");
    let named = keys.iter().enumerate();
    let named: Vec<_> = named
        .map(|(at, (name, _))| format!("t.{name} AS _key{at}"))
        .collect();
    let mut after = String::new();
    if let Some(last) = last {
        let mut values = Vec::new();
        for (at, (_, column_type)) in keys.iter().enumerate() {
            let name = format!("_key{at}");
            values.push(match column_type {
                ColumnType::Id => sql.bind(last.try_get::<Uuid>("", &name).doing(DOING)?),
                ColumnType::Int => sql.bind(last.try_get::<i32>("", &name).doing(DOING)?),
                ColumnType::Long => sql.bind(last.try_get::<i64>("", &name).doing(DOING)?),
                _ => sql.bind(last.try_get::<String>("", &name).doing(DOING)?),
            });
        }
        after = format!(" WHERE ({order}) > ({})", values.join(", "));
    }
    let text = format!(
        "SELECT {}, {} FROM \"{}\" t{after} ORDER BY {order} LIMIT {PAGE}",
        (reader.columns)("t"),
        named.join(", "),
        table.name
    );
    database.rows(sql, text).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables whose rows consist of ids, numbers and times, which follow no rules, or of free text.
    const WITHOUT_RULES: &[&str] = &[
        "article_author",
        "article_story",
        "article_topic",
        "correction",
        "home_lead",
        "listing",
        "section_path",
        "story_merge",
        "story_topic",
    ];

    #[test]
    fn every_table_of_the_newsroom_is_checked_or_has_no_rules() {
        for table in ARCHIVED {
            let without = WITHOUT_RULES.contains(&table.name);
            assert!(table.reader.is_some() != without, "{}", table.name);
        }
    }
}
