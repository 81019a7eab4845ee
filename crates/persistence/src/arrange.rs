//! Arranging: what stands in an order of its own has places from 0 on, without gaps or doubles.

use khabar_domain::EditionId;
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::sql::Sql;
use crate::{Doing, Result, Writer};

const DOING: &str = "put things in order";

/// A table whose rows have places.
pub(crate) struct Places {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
}

impl Places {
    /// The rows for which a condition holds, in order.
    pub(crate) async fn of(
        &self,
        writer: &Writer,
        condition: impl FnOnce(&mut Sql) -> String,
    ) -> Result<Vec<Uuid>> {
        let Self { table, column } = self;
        let mut sql = writer.sql();
        let condition = condition(&mut sql);
        let text = format!("SELECT id FROM {table} WHERE {condition} ORDER BY {column}, id");
        ids(&writer.rows(DOING, sql, text).await?)
    }

    /// All rows of an edition, in order.
    pub(crate) async fn of_edition(
        &self,
        writer: &Writer,
        edition: EditionId,
    ) -> Result<Vec<Uuid>> {
        let of_edition = |sql: &mut Sql| format!("edition_id = {}", sql.bind(edition.uuid()));
        self.of(writer, of_edition).await
    }

    /// Gives these the places from 0 on, in this order; tells which of them had another.
    pub(crate) async fn set(&self, writer: &Writer, order: &[Uuid]) -> Result<Vec<Uuid>> {
        let Self { table, column } = self;
        let mut sql = writer.sql();
        let places = sql.parents(order.iter().copied());
        let text = format!(
            "UPDATE {table} SET {column} = CAST(p.place - 1 AS integer) FROM {places} \
             WHERE {table}.id = p.id AND ({column} IS NULL OR {column} <> p.place - 1) \
             RETURNING {table}.id"
        );
        let mut moved = ids(&writer.rows(DOING, sql, text).await?)?;
        // The databases tell it in no order of ours; the change feed has one.
        moved.sort_unstable();
        Ok(moved)
    }

    /// Takes a row away.
    pub(crate) async fn remove(&self, writer: &Writer, id: Uuid) -> Result<()> {
        let mut sql = writer.sql();
        let text = format!("DELETE FROM {} WHERE id = {}", self.table, sql.bind(id));
        writer.run("take something away", sql, text).await?;
        Ok(())
    }
}

fn ids(rows: &[QueryResult]) -> Result<Vec<Uuid>> {
    let ids: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get("", "id")).collect();
    ids.doing(DOING)
}
