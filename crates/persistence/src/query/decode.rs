//! The cells of a row, read in order. A statement names its columns in the order in which they are
//! read.
//!
//! SeaORM looks up each column by name, twice, and formats an error message for each NULL. This
//! took half of the time needed to read a row.

use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::sqlite::SqliteRow;
use sea_orm::sqlx::{self, Decode, Postgres, Row as _, Sqlite, Type};
use sea_orm::{DbErr, QueryResult, RuntimeErr};
use uuid::Uuid;

use crate::BrokenRow;
use crate::query::broken::Met;
use crate::{Doing, Error, Result};

/// The remaining cells of a row.
pub(crate) struct RowDecoder<'r> {
    /// The id of the query.
    query: &'r str,
    row: Raw<'r>,
    next: usize,
    met: &'r Met,
}

#[derive(Clone, Copy)]
enum Raw<'r> {
    Postgres(&'r PgRow),
    Sqlite(&'r SqliteRow),
}

/// A type that a cell can be decoded as.
pub(crate) trait Cell<'r>:
    Decode<'r, Postgres> + Type<Postgres> + Decode<'r, Sqlite> + Type<Sqlite>
{
}

impl<'r, T> Cell<'r> for T where
    T: Decode<'r, Postgres> + Type<Postgres> + Decode<'r, Sqlite> + Type<Sqlite>
{
}

impl<'r> RowDecoder<'r> {
    /// Wraps a row, starting at its first cell. `query` is the id of the query that returned it.
    pub(crate) fn of(row: &'r QueryResult, query: &'r str, met: &'r Met) -> Result<Self> {
        let postgres = row.try_as_pg_row().map(Raw::Postgres);
        let row = postgres.or_else(|| row.try_as_sqlite_row().map(Raw::Sqlite));
        let unspoken = || DbErr::Type("it is a row of neither PostgreSQL nor SQLite".to_owned());
        Ok(Self {
            query,
            row: row.ok_or_else(unspoken).query(query)?,
            next: 0,
            met,
        })
    }

    /// Returns the next cell.
    pub(crate) fn take<T: Cell<'r>>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        let read = match self.row {
            Raw::Postgres(row) => row.try_get(at),
            Raw::Sqlite(row) => row.try_get(at),
        };
        read.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        let error = RuntimeErr::SqlxError(error.into());
        Error::query(self.query, DbErr::Query(error))
    }

    /// Returns the next cell as a list of ids, as [`Sql::bind_ids`](crate::query::sql::Sql::bind_ids) writes
    /// it. Returns `None` if it is no such list.
    pub(crate) fn take_ids(&mut self) -> Result<Option<Vec<Uuid>>> {
        let at = self.next;
        self.next += 1;
        let read = match self.row {
            // An array that was edited by hand may have nulls.
            Raw::Postgres(row) => row
                .try_get::<Vec<Option<Uuid>>, _>(at)
                .map(|ids| ids.into_iter().collect()),
            Raw::Sqlite(row) => row.try_get::<&[u8], _>(at).map(ids),
        };
        match read {
            Err(sqlx::Error::ColumnDecode { .. }) => Ok(None),
            read => read.map_err(|error| self.failed(error)),
        }
    }

    /// Reads the next cells as a row of `R`.
    pub(crate) fn read<R: Row>(&mut self) -> Result<R::Means> {
        let first = self.next;
        let taken = R::take(self);
        let row = taken.map_err(|error| self.undecodable(R::TABLE, first, error))?;
        row.read()
    }

    /// Reads the next cells as a row of `R`. Returns `None` if the row is broken.
    pub(crate) fn perhaps<R: Row>(&mut self) -> Result<Option<R::Means>> {
        let read = self.read::<R>();
        self.unless_broken(read)
    }

    /// Returns the value that was read. Returns `None` if the row is broken.
    pub(crate) fn unless_broken<T>(&self, read: Result<T>) -> Result<Option<T>> {
        self.met.unless_broken(read)
    }

    /// Converts a decoding error of the last cell read into a broken row of `table`. Other errors
    /// are returned unchanged. `first` is the index of the row's first cell.
    pub(crate) fn undecodable(&self, table: &'static str, first: usize, error: Error) -> Error {
        let Error::Database {
            source: DbErr::Query(RuntimeErr::SqlxError(cause)),
            ..
        } = &error
        else {
            return error;
        };
        let sqlx::Error::ColumnDecode { source, .. } = cause.as_ref() else {
            return error;
        };
        let column = match self.row {
            Raw::Postgres(row) => name(row.columns(), self.next - 1),
            Raw::Sqlite(row) => name(row.columns(), self.next - 1),
        };
        Error::BrokenRow(Box::new(BrokenRow {
            table: table.into(),
            column: column.into(),
            row: self.key(first),
            problem: format!("the value cannot be decoded: {source}"),
        }))
    }

    /// Returns a cell as text if it is a UUID, a number or a string, to identify a row.
    fn key(&self, at: usize) -> String {
        fn key<'r, DB, R>(row: &'r R, at: usize) -> Option<String>
        where
            DB: sqlx::Database,
            R: sqlx::Row<Database = DB>,
            usize: sqlx::ColumnIndex<R>,
            Uuid: Decode<'r, DB> + Type<DB>,
            i64: Decode<'r, DB> + Type<DB>,
            &'r str: Decode<'r, DB> + Type<DB>,
        {
            let id = row.try_get::<Uuid, _>(at).map(|id| id.to_string());
            let number = || row.try_get::<i64, _>(at).map(|number| number.to_string());
            let word = |_| row.try_get::<&str, _>(at).map(str::to_owned);
            id.or_else(|_| number()).or_else(word).ok()
        }
        let key = match self.row {
            Raw::Postgres(row) => key(row, at),
            Raw::Sqlite(row) => key(row, at),
        };
        key.unwrap_or_else(|| "?".to_owned())
    }
}

/// Splits the bytes of ids that stand one after another.
fn ids(bytes: &[u8]) -> Option<Vec<Uuid>> {
    let (ids, rest) = bytes.as_chunks();
    let ids = ids.iter().copied().map(Uuid::from_bytes);
    rest.is_empty().then(|| ids.collect())
}

fn name<C: sqlx::Column>(columns: &[C], at: usize) -> String {
    columns
        .get(at)
        .map_or_else(|| "?".to_owned(), |column| column.name().to_owned())
}

/// A type that can be read from the cells of a statement.
pub(crate) trait DecodeRow: Sized {
    /// Reads the value from the next cells.
    fn take(cells: &mut RowDecoder<'_>) -> Result<Self>;
}

/// A row as stored in a table.
pub(crate) trait TableRow: DecodeRow {
    /// The columns of the table, in the order in which they are read.
    const COLUMNS: &'static [&'static str];
}

/// A row of a table that can be converted to a domain value.
pub(crate) trait Row: DecodeRow {
    /// The name of the table.
    const TABLE: &'static str;
    /// The domain type.
    type Means: Clone + Send + Sync + 'static;

    /// Converts the row. An error names the table, the column and the row.
    fn read(self) -> Result<Self::Means>;
}

/// Returns the columns of a table, qualified with its alias: `a.id, a.slug, …`.
pub(crate) fn columns<R: TableRow>(alias: &str) -> String {
    let mut text = String::new();
    for column in R::COLUMNS {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.extend([alias, ".", column]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_split_into_ids() {
        let two = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let bytes = two.map(Uuid::into_bytes).concat();
        assert_eq!(ids(&bytes), Some(two.to_vec()));
        assert_eq!(ids(&[]), Some(Vec::new()));
        assert_eq!(ids(&bytes[1..]), None);
    }
}
