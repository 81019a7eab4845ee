//! The rows of articles that are waiting to be written, with the lists of ids that repeat their links.
//!
//! These lists are columns of the table, but not of its entity: nobody reads them with an article.

use sea_orm::{ActiveModelTrait as _, IdenStatic as _, IntoActiveModel as _, Iterable as _, Value};
use uuid::Uuid;

use super::{DOING, End, cut, rows};
use crate::tables::article::{LISTED_LINKS, table};
use crate::{Result, WriteTx};

/// The waiting rows.
#[derive(Default)]
pub(super) struct Articles(Vec<Waiting>);

struct Waiting {
    row: table::Model,
    /// The ids for each of [`LISTED_LINKS`], in that order.
    lists: Vec<Vec<Uuid>>,
}

impl Articles {
    pub(super) fn push(&mut self, row: table::Model, lists: Vec<Vec<Uuid>>) {
        self.0.push(Waiting { row, lists });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= most()
    }

    pub(super) async fn write(&mut self, writer: &WriteTx, end: End) -> Result<()> {
        while let Some(waiting) = cut(&mut self.0, most(), end) {
            let mut sql = writer.sql();
            let mut values = Vec::with_capacity(waiting.len());
            for Waiting { row, lists } in waiting {
                let row = row.into_active_model();
                // Every column has a value, because the whole row was converted.
                let cells = table::Column::iter().filter_map(|column| row.get(column).into_value());
                let mut cells: Vec<_> = cells.map(|value: Value| sql.bind(value)).collect();
                cells.extend(lists.iter().map(|ids| sql.bind_ids(ids)));
                values.push(format!("({})", cells.join(", ")));
            }
            let text = format!(
                "INSERT INTO article ({}) VALUES {}",
                names().join(", "),
                values.join(", ")
            );
            writer.run(DOING, sql, text).await?;
        }
        Ok(())
    }
}

fn names() -> Vec<&'static str> {
    let lists = LISTED_LINKS.iter().filter_map(|links| links.list);
    let columns = table::Column::iter().map(|column| column.as_str());
    columns.chain(lists.map(|list| list.column)).collect()
}

fn most() -> usize {
    rows(names().len())
}
