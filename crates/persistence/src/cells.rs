//! The cells of a row, taken one after another: a statement names its columns in the order in which
//! they are read.
//!
//! SeaORM looks each column up by its name, twice, and writes an error's text for each NULL. That was
//! half of what reading a row took.

use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::sqlite::SqliteRow;
use sea_orm::sqlx::{self, Decode, Postgres, Row as _, Sqlite, Type};
use sea_orm::{DbErr, QueryResult, RuntimeErr};
use uuid::Uuid;

use crate::broken::{BrokenRow, Met};
use crate::row::Row;
use crate::{Doing, Error, Result};

/// What is left of a row.
pub(crate) struct Cells<'r> {
    /// Finishes the sentence "could not …".
    doing: &'r str,
    row: Raw<'r>,
    next: usize,
    met: &'r Met,
}

#[derive(Clone, Copy)]
enum Raw<'r> {
    Postgres(&'r PgRow),
    Sqlite(&'r SqliteRow),
}

/// What a cell can be read as.
pub(crate) trait Cell<'r>:
    Decode<'r, Postgres> + Type<Postgres> + Decode<'r, Sqlite> + Type<Sqlite>
{
}

impl<'r, T> Cell<'r> for T where
    T: Decode<'r, Postgres> + Type<Postgres> + Decode<'r, Sqlite> + Type<Sqlite>
{
}

impl<'r> Cells<'r> {
    /// All of a row. `doing` finishes the sentence "could not …".
    pub(crate) fn of(row: &'r QueryResult, doing: &'r str, met: &'r Met) -> Result<Self> {
        let postgres = row.try_as_pg_row().map(Raw::Postgres);
        let row = postgres.or_else(|| row.try_as_sqlite_row().map(Raw::Sqlite));
        let unspoken = || DbErr::Type("it is a row of neither PostgreSQL nor SQLite".to_owned());
        Ok(Self {
            doing,
            row: row.ok_or_else(unspoken).doing(doing)?,
            next: 0,
            met,
        })
    }

    /// The next cell.
    pub(crate) fn take<T: Cell<'r>>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        let read = match self.row {
            Raw::Postgres(row) => row.try_get(at),
            Raw::Sqlite(row) => row.try_get(at),
        };
        read.map_err(|error| Error::Database {
            doing: self.doing.to_owned(),
            source: DbErr::Query(RuntimeErr::SqlxError(error.into())),
        })
    }

    /// What the next cells say, as many as a row of `R` has.
    pub(crate) fn read<R: Row>(&mut self) -> Result<R::Means> {
        let first = self.next;
        let taken = R::take(self);
        let row = taken.map_err(|error| self.undecodable(R::TABLE, first, error))?;
        row.read()
    }

    /// The same; none where the row is broken.
    pub(crate) fn perhaps<R: Row>(&mut self) -> Result<Option<R::Means>> {
        let read = self.read::<R>();
        self.unless_broken(read)
    }

    /// What was read; none where the row is broken.
    pub(crate) fn unless_broken<T>(&self, read: Result<T>) -> Result<Option<T>> {
        self.met.unless_broken(read)
    }

    /// What is wrong with a row of which the last cell that was taken cannot be decoded; its own cells
    /// begin at `first`.
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

    /// A cell as text, where it is an id, a number or a word: what a row is known by.
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

fn name<C: sqlx::Column>(columns: &[C], at: usize) -> String {
    columns
        .get(at)
        .map_or_else(|| "?".to_owned(), |column| column.name().to_owned())
}

/// What the cells of a statement can be taken as.
pub(crate) trait Taken: Sized {
    /// Takes its cells.
    fn take(cells: &mut Cells<'_>) -> Result<Self>;
}

/// A row as a table stores it.
pub(crate) trait Stored: Taken {
    /// The table's columns, in the order in which they are taken.
    const COLUMNS: &'static [&'static str];
}

/// Says that a struct is a row of a table, with these columns.
macro_rules! stored {
    ($row:ty: $($column:ident),+) => {
        impl $crate::cells::Stored for $row {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($column)),+];
        }

        impl $crate::cells::Taken for $row {
            fn take(cells: &mut $crate::cells::Cells<'_>) -> $crate::Result<Self> {
                Ok(Self { $($column: cells.take()?),+ })
            }
        }
    };
}
pub(crate) use stored;

/// The columns of a table, under the table's alias: `a.id, a.slug, …`.
pub(crate) fn columns<R: Stored>(alias: &str) -> String {
    let mut text = String::new();
    for column in R::COLUMNS {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.extend([alias, ".", column]);
    }
    text
}
