//! Link tables, which only record the items that belong to another item, in order.
//!
//! The links of an item may be repeated as a list of ids in its own row, so that a statement that finds the
//! item need not join them if the linked items are in memory. The links remain the truth. Each list is
//! written by [`JoinTable::set`] and by bulk loads, derived by a restore, and compared by the check of a
//! database.

use uuid::Uuid;

use crate::query::sql::Dialect;
use crate::query::table::Table;
use crate::{Doing, Result, Saved, WriteTx};

const DOING: &str = "say which things belong together";

/// A table of links from one item to others, ordered by `position`.
pub(crate) struct JoinTable {
    pub(crate) table: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// The list that repeats the links in the row that they come from, if there is one.
    pub(crate) list: Option<IdList>,
    pub(crate) declaration: Table,
}

/// Declares a link table: `join_table!("story_topic", story_id -> topic_id)`. If the links are repeated as a
/// list of ids, its column follows: `join_table!("…", … -> …, list article.topic_ids)`.
macro_rules! join_table {
    ($table:tt, $from:ident -> $to:ident) => {
        join_table!(@ $table, $from -> $to, None)
    };
    ($table:tt, $from:ident -> $to:ident, list $of:ident.$column:ident) => {
        join_table!(@ $table, $from -> $to, Some($crate::relations::join_table::IdList {
            table: stringify!($of),
            column: stringify!($column),
        }))
    };
    (@ $table:tt, $from:ident -> $to:ident, $list:expr) => {
        $crate::relations::join_table::JoinTable {
            table: $table,
            from: stringify!($from),
            to: stringify!($to),
            list: $list,
            declaration: {
                use uuid::Uuid;
                $crate::query::table::declaration! {
                    $table;
                    key $from: Uuid, $to: Uuid;
                    position: i32,
                }
            },
        }
    };
}
pub(crate) use join_table;

impl JoinTable {
    /// Returns the ids that `from` links to, in order.
    pub(crate) async fn of(&self, writer: &WriteTx, from: Uuid) -> Result<Vec<Uuid>> {
        let mut sql = writer.sql();
        let text = format!(
            "SELECT {} AS linked FROM {} WHERE {} = {} ORDER BY position",
            self.to,
            self.table,
            self.from,
            sql.bind(from)
        );
        let rows = writer.rows(DOING, sql, text).await?;
        rows.iter()
            .map(|row| row.try_get("", "linked"))
            .collect::<Result<_, _>>()
            .doing(DOING)
    }

    /// Replaces the links of `from` with these, in this order, and the list that repeats them.
    pub(crate) async fn set(&self, writer: &WriteTx, from: Uuid, to: &[Uuid]) -> Result<Saved> {
        let old = self.of(writer, from).await?;
        if old == to {
            return Ok(Saved::Unchanged);
        }
        let mut sql = writer.sql();
        let text = format!(
            "DELETE FROM {} WHERE {} = {}",
            self.table,
            self.from,
            sql.bind(from)
        );
        writer.run(DOING, sql, text).await?;
        self.add_links(writer, &Link::all(from, to)).await?;
        if let Some(IdList { table, column }) = self.list {
            let mut sql = writer.sql();
            let (ids, from) = (sql.bind_ids(to), sql.bind(from));
            let text = format!("UPDATE {table} SET {column} = {ids} WHERE id = {from}");
            writer.run(DOING, sql, text).await?;
        }
        Ok(if old.is_empty() {
            Saved::Added
        } else {
            Saved::Changed
        })
    }

    /// Returns an SQL expression for the list of ids that the links of an item amount to, given the alias of
    /// the item's table.
    pub(crate) fn ids_of(&self, dialect: Dialect, alias: &str) -> String {
        let Self {
            table, from, to, ..
        } = self;
        let order = format!("ORDER BY l.position, l.{to}");
        let links = format!("FROM {table} l WHERE l.{from} = {alias}.id");
        match dialect {
            Dialect::Postgres => format!("ARRAY(SELECT l.{to} {links} {order})"),
            Dialect::Sqlite => format!(
                "coalesce((SELECT unhex(group_concat(hex(l.{to}), '' {order})) {links}), x'')"
            ),
        }
    }

    /// Inserts these links in one statement. The caller must write the list that repeats them, as
    /// [`JoinTable::set`] and bulk loads do.
    pub(crate) async fn add_links(&self, writer: &WriteTx, links: &[Link]) -> Result<()> {
        if links.is_empty() {
            return Ok(());
        }
        let mut sql = writer.sql();
        let rows: Vec<_> = links
            .iter()
            .map(|link| {
                let (from, to) = (sql.bind(link.from), sql.bind(link.to));
                format!("({from}, {to}, {})", sql.bind(link.position))
            })
            .collect();
        let text = format!(
            "INSERT INTO {} ({}, {}, position) VALUES {}",
            self.table,
            self.from,
            self.to,
            rows.join(", ")
        );
        writer.run(DOING, sql, text).await?;
        Ok(())
    }
}

/// A column with a list of ids, which repeats the links of its row.
#[derive(Clone, Copy)]
pub(crate) struct IdList {
    /// The table of the items that the links come from.
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
}

/// A row of a link table.
pub(crate) struct Link {
    from: Uuid,
    to: Uuid,
    position: i32,
}

impl Link {
    /// The number of values in a row.
    pub(crate) const COLUMNS: usize = 3;

    /// Creates the links from one item to others, in order.
    pub(crate) fn all(from: Uuid, to: &[Uuid]) -> Vec<Self> {
        (0..)
            .zip(to)
            .map(|(position, to)| Self {
                from,
                to: *to,
                position,
            })
            .collect()
    }
}
