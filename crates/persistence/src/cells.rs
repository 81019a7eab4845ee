//! The cells of a row, taken one after another: a statement names its columns in the order in which
//! they are read.
//!
//! SeaORM looks each column up by its name, twice, and writes an error's text for each NULL. That was
//! half of what reading a row took.

use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::sqlite::SqliteRow;
use sea_orm::sqlx::{Decode, Postgres, Row as _, Sqlite, Type};
use sea_orm::{DbErr, QueryResult, RuntimeErr};

use crate::row::Row;
use crate::{Doing, Error, Result};

/// What is left of a row.
pub(crate) struct Cells<'r> {
    /// Finishes the sentence "could not …".
    doing: &'r str,
    row: Raw<'r>,
    next: usize,
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
    pub(crate) fn of(row: &'r QueryResult, doing: &'r str) -> Result<Self> {
        let postgres = row.try_as_pg_row().map(Raw::Postgres);
        let row = postgres.or_else(|| row.try_as_sqlite_row().map(Raw::Sqlite));
        let unspoken = || DbErr::Type("it is a row of neither PostgreSQL nor SQLite".to_owned());
        Ok(Self {
            doing,
            row: row.ok_or_else(unspoken).doing(doing)?,
            next: 0,
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
        R::take(self)?.read()
    }
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
