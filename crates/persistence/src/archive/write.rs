//! Writing an archive from a consistent snapshot, with one page of rows in memory at a time.

use std::io::Write;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, QueryResult};
use sha2::{Digest as _, Sha256};

use super::{Counts, End, Error, Head, Result, VERSION, codec, hexadecimal};
use crate::query::sql::{Dialect, Sql};
use crate::query::table::{ColumnType, Table};
use crate::tables::ARCHIVED;
use crate::{Db, Doing};

/// Number of rows to read at once. With article bodies of 20 kB each, a page takes a few megabytes.
const PAGE: u64 = 200;

const DOING: &str = "export the newsroom";

/// Exports the whole newsroom from a consistent snapshot. Does not block other writers. Returns the
/// number of rows of each kind.
pub async fn export(db: &Db, out: impl Write + Send) -> Result<Counts> {
    let snapshot = Snapshot {
        transaction: db.snapshot().await?,
        dialect: db.dialect(),
    };
    let mut sealed = Sealed {
        out,
        digest: Sha256::new(),
    };
    let mut counts = Counts::new();
    for table in ARCHIVED {
        let count = snapshot.count(table).await?;
        counts.insert(table.name.to_owned(), count);
    }
    let head = Head {
        version: VERSION,
        counts: counts.clone(),
    };
    sealed.line(&format!("{{\"khabar\":{}}}", json(&head)?))?;
    for table in ARCHIVED {
        let mut last = None;
        loop {
            let rows = snapshot.page(table, last.as_ref()).await?;
            for row in &rows {
                sealed.line(&line(table, row)?)?;
            }
            last = rows.into_iter().last();
            if last.is_none() {
                break;
            }
        }
    }
    let end = End {
        counts: counts.clone(),
        sha256: hexadecimal(&sealed.digest.clone().finalize()),
    };
    sealed.line(&format!("{{\"end\":{}}}", json(&end)?))?;
    sealed.out.flush().map_err(writing)?;
    let ended = snapshot.transaction.rollback().await;
    ended.doing(DOING)?;
    Ok(counts)
}

/// A consistent snapshot of the database.
struct Snapshot {
    transaction: DatabaseTransaction,
    dialect: Dialect,
}

impl Snapshot {
    async fn count(&self, table: &Table) -> Result<u64> {
        let text = format!("SELECT count(*) AS count FROM \"{}\"", table.name);
        let rows = self.rows(Sql::new(self.dialect), text).await?;
        let count = rows.first().map_or(Ok(0), |row| row.try_get("", "count"));
        let count: i64 = count.doing(DOING)?;
        Ok(count.unsigned_abs())
    }

    /// Returns the page of rows after `last` in primary key order, or the first page.
    async fn page(&self, table: &Table, last: Option<&QueryResult>) -> Result<Vec<QueryResult>> {
        let mut sql = Sql::new(self.dialect);
        let names = table.columns.iter().map(|column| column.name);
        let columns: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
        let order: Vec<_> = table
            .key
            .iter()
            .map(|name| in_order(self.dialect, table, name))
            .collect();
        let order = order.join(", ");
        let mut after = String::new();
        if let Some(last) = last {
            let mut values = Vec::new();
            for name in table.key {
                values.push(bound(&mut sql, table, name, last).doing(DOING)?);
            }
            after = format!(" WHERE ({order}) > ({})", values.join(", "));
        }
        let text = format!(
            "SELECT {} FROM \"{}\"{after} ORDER BY {order} LIMIT {PAGE}",
            columns.join(", "),
            table.name
        );
        self.rows(sql, text).await
    }

    async fn rows(&self, sql: Sql, text: String) -> Result<Vec<QueryResult>> {
        let rows = self.transaction.query_all_raw(sql.statement(text)).await;
        Ok(rows.doing(DOING)?)
    }
}

/// Returns the sort expression of a key column. Both databases sort text by its bytes.
fn in_order(dialect: Dialect, table: &Table, name: &str) -> String {
    let is_text = table
        .column(name)
        .is_some_and(|column| column.data_type == ColumnType::Text);
    if dialect == Dialect::Postgres && is_text {
        format!("\"{name}\" COLLATE \"C\"")
    } else {
        format!("\"{name}\"")
    }
}

fn bound(
    sql: &mut Sql,
    table: &Table,
    name: &str,
    row: &QueryResult,
) -> Result<String, sea_orm::DbErr> {
    Ok(match table.column(name).map(|column| column.data_type) {
        Some(ColumnType::Id) => sql.bind(row.try_get::<uuid::Uuid>("", name)?),
        Some(ColumnType::Int) => sql.bind(row.try_get::<i32>("", name)?),
        Some(ColumnType::Long) => sql.bind(row.try_get::<i64>("", name)?),
        _ => sql.bind(row.try_get::<String>("", name)?),
    })
}

/// Formats a row as a line of the archive.
fn line(table: &Table, row: &QueryResult) -> Result<String> {
    let mut text = format!("{{\"{}\":{{", table.name);
    let mut comma = "";
    for column in table.columns.iter().filter(|column| !column.private) {
        let doing = format!("export column {} of table {}", column.name, table.name);
        if let Some(value) = codec::written(row, column.name, column.data_type).doing(&doing)? {
            for part in [comma, "\"", column.name, "\":", &value] {
                text.push_str(part);
            }
            comma = ",";
        }
    }
    text.push_str("}}");
    Ok(text)
}

/// A writer of lines that computes the digest of the output.
struct Sealed<W> {
    out: W,
    digest: Sha256,
}

impl<W: Write> Sealed<W> {
    fn line(&mut self, text: &str) -> Result<()> {
        for part in [text.as_bytes(), b"\n"] {
            self.digest.update(part);
            self.out.write_all(part).map_err(writing)?;
        }
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| writing(error.into()))
}

fn writing(source: std::io::Error) -> Error {
    Error::File {
        doing: "write the archive",
        source,
    }
}
