//! A writer: one transaction, and the rows of the change feed that it will leave behind.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::IntoCondition;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    PrimaryKeyTrait, QueryFilter, QueryResult,
};
use uuid::Uuid;

use crate::change::{Act, Note, Noun};
use crate::row::Row;
use crate::sql::{Dialect, Sql};
use crate::{Doing, Result};

/// What saving did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is new.
    Added,
    /// It was there and is different now.
    Changed,
    /// It was there and is the same; nothing was written.
    Unchanged,
}

/// Writes in one transaction. Dropped without [`Writer::commit`], it leaves nothing.
pub struct Writer {
    transaction: DatabaseTransaction,
    dialect: Dialect,
    at: DateTime<Utc>,
    notes: Vec<Note>,
}

impl Writer {
    pub(crate) fn new(
        transaction: DatabaseTransaction,
        dialect: Dialect,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            transaction,
            dialect,
            at,
            notes: Vec::new(),
        }
    }

    /// When this write is made.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Writes the change feed's rows and commits: after this, readers see it all.
    pub async fn commit(self) -> Result<()> {
        crate::change::append(&self.transaction, self.dialect, self.at, &self.notes).await?;
        self.transaction.commit().await.doing("commit")
    }

    /// Remembers that something changed, and which reading keys that touches.
    pub(crate) fn note(&mut self, noun: Noun, id: impl Into<Uuid>, act: Act, keys: Vec<String>) {
        self.notes.push(Note {
            noun,
            id: id.into(),
            act,
            keys,
        });
    }

    /// The same after saving: nothing is remembered when nothing was written. `keys` are those
    /// beside the thing's own.
    pub(crate) fn note_saved(
        &mut self,
        saved: Saved,
        noun: Noun,
        id: impl Into<Uuid>,
        keys: impl FnOnce() -> Vec<String>,
    ) {
        let act = match saved {
            Saved::Unchanged => return,
            Saved::Added => Act::Added,
            Saved::Changed => Act::Changed,
        };
        let id = id.into();
        let mut touched = keys();
        touched.insert(0, noun.key(id));
        self.note(noun, id, act, touched);
    }

    pub(crate) fn sql(&self) -> Sql {
        Sql::new(self.dialect)
    }

    pub(crate) fn connection(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    pub(crate) async fn run(&self, doing: &str, sql: Sql, text: String) -> Result<u64> {
        let done = self
            .transaction
            .execute_raw(sql.statement(text))
            .await
            .doing(doing)?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn rows(
        &self,
        doing: &str,
        sql: Sql,
        text: String,
    ) -> Result<Vec<QueryResult>> {
        self.transaction
            .query_all_raw(sql.statement(text))
            .await
            .doing(doing)
    }

    /// What stands in the row for which a condition holds: what a write has to know first.
    pub(crate) async fn find<E, R>(
        &self,
        doing: &str,
        condition: impl IntoCondition,
    ) -> Result<Option<R::Means>>
    where
        E: EntityTrait<Model = R>,
        R: Row + Send + Sync,
    {
        let row = E::find()
            .filter(condition)
            .one(&self.transaction)
            .await
            .doing(doing)?;
        row.map(Row::read).transpose()
    }

    /// Adds a row, or changes the one with its primary key; `keep` copies into the new row what
    /// the database maintains (counts), before the two are compared.
    pub(crate) async fn save<E, K>(
        &self,
        doing: &str,
        key: K,
        mut row: E::Model,
        keep: impl FnOnce(&E::Model, &mut E::Model),
    ) -> Result<Saved>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Sync,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
        K: Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
    {
        let Some(old) = E::find_by_id(key)
            .one(&self.transaction)
            .await
            .doing(doing)?
        else {
            E::insert(row.into_active_model().reset_all())
                .exec_without_returning(&self.transaction)
                .await
                .doing(doing)?;
            return Ok(Saved::Added);
        };
        keep(&old, &mut row);
        if old == row {
            return Ok(Saved::Unchanged);
        }
        row.into_active_model()
            .reset_all()
            .update(&self.transaction)
            .await
            .doing(doing)?;
        Ok(Saved::Changed)
    }
}
