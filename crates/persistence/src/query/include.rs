//! Related objects that a statement reads together with each object that it finds.
//!
//! Each edge adds one column to the statement. The column holds the related rows as JSON, because their
//! number varies and the statement has to return exactly one row for each object found.

use khabar_domain::Invalid;
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::query::decode::{Row, RowDecoder};
use crate::query::row::broken;
use crate::query::sql::Dialect;
use crate::{ReadSession, Result};

/// The set of related objects and parts to read with an article, a story or a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Includes(u8);

impl Includes {
    /// The empty set.
    pub const NOTHING: Self = Self(0);
    /// The picture of an article or story, or the portrait of a person.
    pub const PICTURE: Self = Self(1);
    /// The authors in the byline of an article.
    pub const AUTHORS: Self = Self(1 << 1);
    /// The portraits of the authors.
    pub const PORTRAITS: Self = Self(1 << 5);
    /// The topics of an article or story.
    pub const TOPICS: Self = Self(1 << 2);
    /// The stories that an article belongs to.
    pub const STORIES: Self = Self(1 << 3);
    /// The pictures of the stories that an article belongs to.
    pub const IMAGES: Self = Self(1 << 6);
    /// The body of an article.
    pub const BODY: Self = Self(1 << 4);

    /// Returns the union of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the intersection of both sets.
    #[must_use]
    pub const fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns this set without the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether this set includes all of the other.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The related objects that a statement reads with each `T` that it finds.
pub(crate) trait EagerLoad<T>: Send {
    /// Returns the additional columns of the statement, each preceded by a comma.
    fn select(&self, dialect: Dialect) -> String;

    /// Reads the additional columns for one object, in the order of [`EagerLoad::select`].
    fn read(&mut self, cells: &mut RowDecoder<'_>, of: &T) -> Result<()>;
}

/// Related objects that were read.
pub(crate) trait SideLoad {
    /// Makes them available to later lookups in this request.
    fn side_load(self, reader: &ReadSession);
}

/// Reads no related objects.
pub(crate) struct NoIncludes;

impl SideLoad for NoIncludes {
    fn side_load(self, _: &ReadSession) {}
}

impl<T> EagerLoad<T> for NoIncludes {
    fn select(&self, _: Dialect) -> String {
        String::new()
    }

    fn read(&mut self, _: &mut RowDecoder<'_>, _: &T) -> Result<()> {
        Ok(())
    }
}

/// The relation from an object to its related rows, in SQL terms.
pub(crate) enum Relation {
    /// A relation to one row, whose id is stored in a column of the object.
    One {
        /// The column with the id, qualified by the alias of its table.
        column: &'static str,
    },
    /// A relation to several rows through a link table.
    Many {
        links: &'static str,
        from: &'static str,
        to: &'static str,
        /// The id column of the object, qualified by the alias of its table.
        id: &'static str,
        /// The intermediate table that the links refer to and its column with the id of the related
        /// row. `None` if the links refer to the related rows directly.
        then: Option<(&'static str, &'static str)>,
    },
}

impl Relation {
    /// Returns an additional column with the related rows, which are in the table of `E`.
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
                        // SQLite's JSON aggregate treats sorted values as plain text rather than JSON.
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

/// Returns an SQL expression for a row of `x` as a JSON array. The names of the columns are left out,
/// because serde does not need them.
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

/// An additional column: the table of the objects that it is read for, and a name for its content.
#[derive(Clone, Copy)]
pub(crate) struct Column(pub(crate) &'static str, pub(crate) &'static str);

/// Reads an additional column with at most one related row, for the object with the id `of`. Calls
/// `found` with the related row, or with `None` if there is none. If the row is broken, `found` is not
/// called.
pub(crate) fn one<R>(
    cells: &mut RowDecoder<'_>,
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

/// Reads an additional column with several related rows, for the object with the id `of`. Broken rows
/// are left out. Reads at most as many rows as a page may have.
pub(crate) fn many<R>(cells: &mut RowDecoder<'_>, column: Column, of: Uuid) -> Result<Vec<R::Means>>
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
        // At least one row is broken: parse each on its own to find out which.
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

fn json<T: DeserializeOwned>(
    cells: &mut RowDecoder<'_>,
    column: Column,
    of: Uuid,
) -> Result<Option<T>> {
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
