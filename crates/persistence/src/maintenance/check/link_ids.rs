//! The check of lists of ids, which must repeat the links of their rows.

use sea_orm::QueryResult;
use uuid::Uuid;

use super::{DOING, Database, PAGE};
use crate::query::sql::{Dialect, Sql};
use crate::relations::join_table::{IdList, JoinTable};
use crate::{BrokenRow, Doing, Result};

/// Calls `tell` with each row whose list of ids differs from its links.
pub(super) async fn compare(
    database: Database<'_>,
    links: &JoinTable,
    tell: &mut (dyn FnMut(BrokenRow) -> bool + Send),
) -> Result<()> {
    let Some(list) = links.list else {
        return Ok(());
    };
    let mut last = None;
    loop {
        let rows = page(database, links, list, last.as_ref()).await?;
        for row in &rows {
            let differs: bool = row.try_get("", "differs").doing(DOING)?;
            if !differs {
                continue;
            }
            let id: String = row.try_get("", "id").doing(DOING)?;
            let found = BrokenRow {
                table: list.table.into(),
                column: list.column.into(),
                row: Uuid::parse_str(&id).map_or(id, |id| id.to_string()),
                problem: format!("the ids are not those of {} in their order", links.table),
            };
            if !tell(found) {
                return Ok(());
            }
        }
        if rows.len() < PAGE {
            return Ok(());
        }
        last = rows.into_iter().last();
    }
}

/// Returns the page of rows after `last`. On SQLite they are ordered by `rowid`, because a stored key may
/// have any type there.
async fn page(
    database: Database<'_>,
    links: &JoinTable,
    IdList { table, column }: IdList,
    last: Option<&QueryResult>,
) -> Result<Vec<QueryResult>> {
    let mut sql = Sql::new(database.dialect());
    let (key, id) = match sql.dialect {
        Dialect::Postgres => ("id", "t.id::text"),
        Dialect::Sqlite => ("rowid", "lower(hex(t.id))"),
    };
    let mut after = String::new();
    if let Some(last) = last {
        let bound = match sql.dialect {
            Dialect::Postgres => sql.bind(last.try_get::<Uuid>("", "key").doing(DOING)?),
            Dialect::Sqlite => sql.bind(last.try_get::<i64>("", "key").doing(DOING)?),
        };
        after = format!(" WHERE t.{key} > {bound}");
    }
    let ids = links.ids_of(sql.dialect, "t");
    let text = format!(
        "SELECT t.{key} AS key, {id} AS id, t.{column} <> {ids} AS differs FROM {table} t{after} \
         ORDER BY t.{key} LIMIT {PAGE}"
    );
    database.rows(sql, text).await
}
