//! Manual ordering: rows have positions from 0, without gaps or duplicates.

use std::marker::PhantomData;

use khabar_domain::EditionId;
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::feed::{CacheTag, EntityKind, Facet, Operation};
use crate::query::sql::Sql;
use crate::{Doing, Result, WriteTx};

const DOING: &str = "put things in order";

/// A table whose rows have a position, and the column that stores it.
pub(crate) struct Ordering {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
}

impl Ordering {
    /// Returns the ids of the rows that match a condition, in order.
    pub(crate) async fn of(
        &self,
        writer: &WriteTx,
        condition: impl FnOnce(&mut Sql) -> String,
    ) -> Result<Vec<Uuid>> {
        let Self { table, column } = self;
        let mut sql = writer.sql();
        let condition = condition(&mut sql);
        let text = format!("SELECT id FROM {table} WHERE {condition} ORDER BY {column}, id");
        ids(&writer.rows(DOING, sql, text).await?)
    }

    /// Returns the ids of the rows of an edition that have a position, in order.
    pub(crate) async fn of_edition(
        &self,
        writer: &WriteTx,
        edition: EditionId,
    ) -> Result<Vec<Uuid>> {
        let of_edition = |sql: &mut Sql| {
            let edition = sql.bind(edition.uuid());
            format!("edition_id = {edition} AND {} IS NOT NULL", self.column)
        };
        self.of(writer, of_edition).await
    }

    /// Assigns positions from 0 to these rows, in this order. Returns the ids of the rows whose
    /// position changed.
    pub(crate) async fn set(&self, writer: &WriteTx, order: &[Uuid]) -> Result<Vec<Uuid>> {
        let Self { table, column } = self;
        let mut sql = writer.sql();
        let places = sql.parents(order.iter().copied());
        let text = format!(
            "UPDATE {table} SET {column} = CAST(p.place - 1 AS integer) FROM {places} \
             WHERE {table}.id = p.id AND ({column} IS NULL OR {column} <> p.place - 1) \
             RETURNING {table}.id"
        );
        let mut moved = ids(&writer.rows(DOING, sql, text).await?)?;
        // The databases return these in no defined order, but the change feed needs one.
        moved.sort_unstable();
        Ok(moved)
    }

    /// Deletes a row.
    pub(crate) async fn remove(&self, writer: &WriteTx, id: Uuid) -> Result<()> {
        let mut sql = writer.sql();
        let text = format!("DELETE FROM {} WHERE id = {}", self.table, sql.bind(id));
        writer.run("take something away", sql, text).await?;
        Ok(())
    }
}

/// The order of an edition's objects of one kind, which its editors set.
pub struct EditionOrder<Id> {
    pub(crate) ordering: Ordering,
    pub(crate) entity: EntityKind,
    /// The facet of an object that is its position. `None` if it belongs to the object itself.
    pub(crate) facet: Option<Facet>,
    /// The facet of the edition that is the list of these objects.
    pub(crate) list: Facet,
    pub(crate) id: PhantomData<fn() -> Id>,
}

impl<Id: Copy + From<Uuid> + Into<Uuid> + Send + Sync> EditionOrder<Id> {
    /// Returns the kind of the objects.
    pub const fn entity(&self) -> EntityKind {
        self.entity
    }

    /// Returns the ids of an edition's objects, in order.
    pub async fn ids(&self, writer: &WriteTx, edition: EditionId) -> Result<Vec<Id>> {
        let found = self.ordering.of_edition(writer, edition).await?;
        Ok(found.into_iter().map(Id::from).collect())
    }

    /// Sets the order of an edition's objects. The caller must lock the edition's order first
    /// ([`WriteTx::lock_order`]).
    pub async fn arrange(
        &self,
        writer: &mut WriteTx,
        edition: EditionId,
        order: &[Id],
    ) -> Result<()> {
        let order: Vec<_> = order.iter().copied().map(Into::into).collect();
        for id in self.ordering.set(writer, &order).await? {
            self.note_moved(writer, edition, id);
        }
        Ok(())
    }

    /// Notes that an object has another position, or none any more.
    pub(crate) fn note_moved(&self, writer: &mut WriteTx, edition: EditionId, id: Uuid) {
        let object = match self.facet {
            Some(facet) => CacheTag::part(self.entity, id, facet),
            None => CacheTag::one(self.entity, id),
        };
        let tags = vec![object, self.tag(edition)];
        writer.note(self.entity, id, Operation::Changed, tags);
    }

    /// Deletes an object and closes the gap that it leaves in the order.
    pub(crate) async fn remove(
        &self,
        writer: &mut WriteTx,
        edition: EditionId,
        id: Id,
    ) -> Result<()> {
        let id = id.into();
        self.ordering.remove(writer, id).await?;
        let tags = vec![CacheTag::one(self.entity, id), self.tag(edition)];
        writer.note(self.entity, id, Operation::Withdrawn, tags);
        let left = self.ids(writer, edition).await?;
        self.arrange(writer, edition, &left).await
    }

    /// Returns the cache tag of the edition's list.
    pub(crate) fn tag(&self, edition: EditionId) -> CacheTag {
        CacheTag::part(EntityKind::Edition, edition, self.list)
    }
}

fn ids(rows: &[QueryResult]) -> Result<Vec<Uuid>> {
    let ids: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get("", "id")).collect();
    ids.doing(DOING)
}
