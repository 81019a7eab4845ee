//! Company: what a statement reads of each thing that it finds, besides the thing itself.
//!
//! Each edge is one more column of the statement, with the rows at its end as JSON: their number is
//! not known, and each thing that is found stays one row.

use khabar_domain::Invalid;
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::Result;
use crate::cells::Cells;
use crate::row::{Row, broken};
use crate::sql::Dialect;

/// What is wanted of an article, a story or a person, besides itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct With(u8);

impl With {
    /// Nothing.
    pub const NOTHING: Self = Self(0);
    /// Its picture; the portrait of a person.
    pub const PICTURE: Self = Self(1);
    /// Who signed it.
    pub const AUTHORS: Self = Self(1 << 1);
    /// The portraits of who signed it.
    pub const PORTRAITS: Self = Self(1 << 5);
    /// What it is about.
    pub const TOPICS: Self = Self(1 << 2);
    /// The stories that it belongs to.
    pub const STORIES: Self = Self(1 << 3);
    /// The pictures of these stories.
    pub const IMAGES: Self = Self(1 << 6);
    /// Its text.
    pub const BODY: Self = Self(1 << 4);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the other is a part of it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What is read beside each `T` that a statement finds.
pub(crate) trait Company<T>: Send {
    /// Further columns of the statement, each after a comma.
    fn select(&self, dialect: Dialect) -> String;

    /// Reads them, in the order of these columns, for a thing.
    fn read(&mut self, cells: &mut Cells<'_>, of: &T) -> Result<()>;
}

/// Nothing else.
impl<T> Company<T> for () {
    fn select(&self, _: Dialect) -> String {
        String::new()
    }

    fn read(&mut self, _: &mut Cells<'_>, _: &T) -> Result<()> {
        Ok(())
    }
}

/// Where an edge leads, in the words of a statement.
pub(crate) enum Edge {
    /// To the one row whose id stands here.
    One {
        /// The column, with the alias of its table.
        column: &'static str,
    },
    /// To the rows that a table of links names.
    Many {
        links: &'static str,
        from: &'static str,
        to: &'static str,
        /// The id of where it begins, with the alias of its table.
        id: &'static str,
        /// The table that the links lead to and the column there that leads on, where this is not the
        /// end yet.
        then: Option<(&'static str, &'static str)>,
    },
}

impl Edge {
    /// A further column, with the rows of a table at the edge's end.
    pub(crate) fn select<E: EntityTrait>(&self, dialect: Dialect) -> String {
        let table = E::default();
        let table = table.table_name();
        let row = array::<E>(dialect);
        let (what, from) = match self {
            Self::One { column } => (row, format!("{table} x WHERE x.id = {column}")),
            Self::Many {
                links,
                from,
                to,
                id,
                then,
            } => {
                let order = format!("ORDER BY l.position, l.{to}");
                (
                    match dialect {
                        Dialect::Postgres => format!("json_agg({row} {order})"),
                        // Its aggregate of JSON forgets, once it has sorted them, that they are JSON.
                        Dialect::Sqlite => {
                            format!("'[' || group_concat({row}, ',' {order}) || ']'")
                        }
                    },
                    match then {
                        None => format!(
                            "{links} l JOIN {table} x ON x.id = l.{to} WHERE l.{from} = {id}"
                        ),
                        Some((via, column)) => format!(
                            "{links} l JOIN {via} y ON y.id = l.{to} \
                             JOIN {table} x ON x.id = y.{column} WHERE l.{from} = {id}"
                        ),
                    },
                )
            }
        };
        let text = match dialect {
            Dialect::Postgres => "::text",
            Dialect::Sqlite => "",
        };
        format!(", (SELECT {what}{text} FROM {from})")
    }
}

/// A row of `x` as a JSON array: without the columns' names, which serde does not need either.
fn array<E: EntityTrait>(dialect: Dialect) -> String {
    let items = E::Column::iter().map(|column| {
        let name = column.as_str();
        match (dialect, column.def().get_column_type()) {
            (Dialect::Sqlite, ColumnType::Uuid) => format!("nullif(hex(x.{name}), '')"),
            (Dialect::Sqlite, ColumnType::Boolean) => {
                format!("json(CASE x.{name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)")
            }
            _ => format!("x.{name}"),
        }
    });
    let items: Vec<_> = items.collect();
    let make = match dialect {
        Dialect::Postgres => "json_build_array",
        Dialect::Sqlite => "json_array",
    };
    format!("{make}({})", items.join(", "))
}

/// A further column: of which table's rows it is read, and what it holds.
#[derive(Clone, Copy)]
pub(crate) struct Column(pub(crate) &'static str, pub(crate) &'static str);

/// Reads such a column for the row with this id. `found` is given the row that it holds, if there is
/// one, and nothing where that is broken.
pub(crate) fn one<R>(
    cells: &mut Cells<'_>,
    column: Column,
    of: Uuid,
    found: impl FnOnce(Option<R::Means>),
) -> Result<()>
where
    R: Row + DeserializeOwned,
{
    let row = json::<R>(cells, column, of);
    let read = row.and_then(|row| row.map(R::read).transpose());
    if let Some(read) = cells.unless_broken(read)? {
        found(read);
    }
    Ok(())
}

/// Reads such a column of many rows, without those that are broken.
pub(crate) fn many<R>(cells: &mut Cells<'_>, column: Column, of: Uuid) -> Result<Vec<R::Means>>
where
    R: Row + DeserializeOwned,
{
    let text: Option<&str> = cells.take()?;
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let most = crate::Page::MAX.into();
    let each: Vec<Result<R>> = match serde_json::from_str::<Vec<R>>(text) {
        Ok(rows) => rows.into_iter().map(Ok).take(most).collect(),
        // One of them is broken: which?
        Err(_) => parsed::<Vec<&RawValue>>(text, column, of)?
            .into_iter()
            .map(|row| parsed(row.get(), column, of))
            .take(most)
            .collect(),
    };
    let mut read = Vec::with_capacity(each.len());
    for row in each {
        read.extend(cells.unless_broken(row.and_then(R::read))?);
    }
    Ok(read)
}

fn json<T: DeserializeOwned>(cells: &mut Cells<'_>, column: Column, of: Uuid) -> Result<Option<T>> {
    let text: Option<&str> = cells.take()?;
    text.map(|text| parsed(text, column, of)).transpose()
}

fn parsed<'a, T: Deserialize<'a>>(
    text: &'a str,
    Column(table, name): Column,
    of: Uuid,
) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let problem = Invalid::new("what comes along", error.to_string());
        broken(table, name, of)(problem)
    })
}
