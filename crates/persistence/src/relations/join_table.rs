//! Link tables, which only record the items that belong to another item, in order.

use uuid::Uuid;

use crate::query::table::Table;
use crate::{Doing, Result, Saved, WriteTx};

const DOING: &str = "say which things belong together";

/// A table of links from one item to others, ordered by `position`.
pub(crate) struct JoinTable {
    pub(crate) table: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) declaration: Table,
}

/// Declares a link table: `join_table!("story_topic", story_id -> topic_id)`.
macro_rules! join_table {
    ($table:tt, $from:ident -> $to:ident) => {
        $crate::relations::join_table::JoinTable {
            table: $table,
            from: stringify!($from),
            to: stringify!($to),
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

    /// Replaces the links of `from` with these, in this order.
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
        self.add(writer, &Link::all(from, to)).await?;
        Ok(if old.is_empty() {
            Saved::Added
        } else {
            Saved::Changed
        })
    }

    /// Inserts these links in one statement.
    pub(crate) async fn add(&self, writer: &WriteTx, links: &[Link]) -> Result<()> {
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
