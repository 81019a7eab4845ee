//! The writer: one transaction and the change feed entries that it adds.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use khabar_domain::{ArticleId, EditionId};
use sea_orm::sea_query::{IntoCondition, LockType};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    PrimaryKeyTrait, QueryFilter, QueryResult, QuerySelect, Select,
};
use uuid::Uuid;

use crate::database::pool::Pool;
use crate::database::transaction::Transaction;
use crate::error::is_unavailable;
use crate::feed::flush::{self, AuditEntry};
use crate::feed::notifier::Notifier;
use crate::feed::{CacheTag, EntityKind, Operation, Touched, Write};
use crate::query::decode::Row;
use crate::query::row::readable;
use crate::query::sql::{Dialect, Sql};
use crate::session::author::Author;
use crate::{Cache, Doing, Error, Result};

/// The outcome of saving an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The object is new and was inserted.
    Added,
    /// The object existed and was updated.
    Changed,
    /// The object existed with equal values, and nothing was written.
    Unchanged,
}

/// The strength of a row lock on PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowLock {
    /// Prevents others from deleting the row or changing its key. They may change other values, such as
    /// counts.
    KeyShare,
    /// Prevents others from changing or deleting the row. They may add references to it.
    NoKeyUpdate,
    /// Prevents others from changing or deleting rows of the table with this alias, and from adding
    /// references to them.
    UpdateOf(&'static str),
}

impl RowLock {
    fn as_sql(self) -> String {
        match self {
            Self::KeyShare => "FOR KEY SHARE".to_owned(),
            Self::NoKeyUpdate => "FOR NO KEY UPDATE".to_owned(),
            Self::UpdateOf(alias) => format!("FOR UPDATE OF {alias}"),
        }
    }
}

/// A writer in one transaction. All writes are rolled back if it is dropped without [`WriteTx::commit`].
pub struct WriteTx {
    transaction: Transaction,
    dialect: Dialect,
    at: DateTime<Utc>,
    /// Connections outside the transaction. They see only committed data, as other processes do.
    others: Pool,
    author: Author,
    notes: Vec<Write>,
    flushed: Option<Flushed>,
    notifier: Arc<Notifier>,
    cache: Option<Cache>,
}

/// The change feed entries that a writer has written before its commit.
struct Flushed {
    last: i64,
    /// The audit log entries to write for these changes.
    entries: Vec<AuditEntry>,
}

impl WriteTx {
    pub(crate) fn new(
        transaction: Transaction,
        dialect: Dialect,
        at: DateTime<Utc>,
        others: Pool,
        notifier: Arc<Notifier>,
        cache: Option<Cache>,
    ) -> Self {
        Self {
            transaction,
            dialect,
            at,
            others,
            author: Author::command("khabar"),
            notes: Vec::new(),
            flushed: None,
            notifier,
            cache,
        }
    }

    /// Returns this writer with the given author.
    #[must_use]
    pub fn signed(self, author: Author) -> Self {
        Self { author, ..self }
    }

    /// Returns the author of this write.
    pub fn author(&self) -> &Author {
        &self.author
    }

    /// Returns the time of this write.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Writes the rows of the change feed and the audit log, and commits. Afterwards readers see all
    /// changes, and the cache contains nothing that they invalidate. Returns an error if the commit is
    /// acknowledged but its rows are missing from the feed. Returns [`Error::OutcomeUnknown`] if the
    /// database did not report whether the commit succeeded.
    pub async fn commit(mut self) -> Result<()> {
        let at_once = self.dialect == Dialect::Postgres
            && self.flushed.is_none()
            && (1..=flush::ROWS).contains(&self.notes.len());
        let last = if at_once {
            let timeline = self.transaction.timeline();
            let script = flush::script(&self.notes, &self.author, self.at, timeline);
            let rows = end(self.transaction, script).await?;
            Some(flush::committed(&rows).doing(COMMIT)?.ok_or_else(lost)?)
        } else {
            self.flush_changes().await?;
            let flushed = self.flushed.take();
            if let Some(Flushed { entries, .. }) = &flushed {
                flush::append_audit(&self.transaction, &self.author, self.at, entries).await?;
            }
            end(self.transaction, "COMMIT".to_owned()).await?;
            let last = flushed.map(|flushed| flushed.last);
            if let Some(last) = last {
                is_there(&self.others, self.dialect, last).await?;
            }
            last
        };
        if let Some(last) = last {
            self.notifier.notify_committed(last);
            if let Some(cache) = &self.cache {
                cache.committed(last).await;
            }
        }
        Ok(())
    }

    /// Writes the changes noted so far to the change feed. All other writers then wait until this one
    /// commits. Call this before the commit only for writes that are too large to be noted as a whole.
    pub(crate) async fn flush_changes(&mut self) -> Result<()> {
        let appended = flush::append(&self.transaction, self.dialect, &self.notes).await?;
        if let Some(last) = appended {
            let earlier = self.flushed.take();
            let mut entries = earlier.map_or_else(Vec::new, |earlier| earlier.entries);
            let first = last - i64::try_from(self.notes.len()).unwrap_or(1) + 1;
            for (seq, write) in (first..).zip(&self.notes) {
                AuditEntry::record(&mut entries, seq, write);
            }
            self.flushed = Some(Flushed { last, entries });
        }
        self.notes.clear();
        Ok(())
    }

    /// Locks the article until the transaction ends, so that values read now are still current when the
    /// article is written. Does nothing on SQLite, which has only one writer at a time.
    pub async fn lock_article(&self, article: ArticleId) -> Result<()> {
        if self.dialect == Dialect::Postgres {
            let mut sql = self.sql();
            let id = sql.bind(article.uuid());
            let text = format!("SELECT 1 FROM article WHERE id = {id} FOR UPDATE");
            self.rows("wait for an article", sql, text).await?;
        }
        Ok(())
    }

    /// Locks the order of the edition's sections, pinned stories, channels and front page until the
    /// transaction ends. This is an advisory lock rather than a lock of the edition's row. Publishing
    /// locks that row to update its article count, and should not wait for changes to the front page.
    /// Does nothing on SQLite, which has only one writer at a time.
    pub async fn lock_order(&self, edition: EditionId) -> Result<()> {
        if self.dialect == Dialect::Postgres {
            let (_, key) = edition.uuid().as_u64_pair();
            let mut sql = self.sql();
            let key = sql.bind(i64::from_be_bytes(key.to_be_bytes()));
            let text = format!("SELECT pg_advisory_xact_lock({key})");
            self.run("wait for an edition's order", sql, text).await?;
        }
        Ok(())
    }

    /// Locks the rows that a SELECT finds until the transaction ends, with the given strength. Does
    /// nothing on SQLite, which has only one writer at a time.
    pub(crate) async fn lock_rows(
        &self,
        doing: &str,
        sql: Sql,
        text: String,
        strength: RowLock,
    ) -> Result<()> {
        if self.dialect == Dialect::Postgres {
            let text = format!("{text} {}", strength.as_sql());
            self.run(doing, sql, text).await?;
        }
        Ok(())
    }

    /// Returns the clause to append to a SELECT so that it locks its rows of `alias` and skips rows that
    /// other writers have locked. Empty on SQLite.
    pub(crate) fn skipping_locked(&self, alias: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!(" FOR UPDATE OF {alias} SKIP LOCKED"),
            Dialect::Sqlite => String::new(),
        }
    }

    /// Notes a change for the change feed, with the cache tags that it touches.
    pub(crate) fn note(
        &mut self,
        entity: EntityKind,
        id: impl Into<Uuid>,
        operation: Operation,
        tags: Vec<CacheTag>,
    ) {
        self.note_touching(entity, id, operation, Touched::Tags(tags));
    }

    /// Notes a change for the change feed, which may touch everything.
    pub(crate) fn note_touching(
        &mut self,
        entity: EntityKind,
        id: impl Into<Uuid>,
        operation: Operation,
        touched: Touched,
    ) {
        self.notes.push(Write {
            at: self.at,
            entity,
            id: id.into(),
            operation,
            touched,
        });
    }

    /// Notes a change according to the outcome of saving, or nothing if nothing was written. `tags`
    /// returns the cache tags that it touches besides the object's own.
    pub(crate) fn note_saved(
        &mut self,
        saved: Saved,
        entity: EntityKind,
        id: impl Into<Uuid>,
        tags: impl FnOnce() -> Vec<CacheTag>,
    ) {
        let operation = match saved {
            Saved::Unchanged => return,
            Saved::Added => Operation::Added,
            Saved::Changed => Operation::Changed,
        };
        let id = id.into();
        let mut touched = tags();
        touched.insert(0, CacheTag::one(entity, id));
        self.note(entity, id, operation, touched);
    }

    /// Returns the number of noted changes that are not yet in the change feed.
    pub(crate) fn pending_changes(&self) -> usize {
        self.notes.len()
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn sql(&self) -> Sql {
        Sql::new(self.dialect)
    }

    pub(crate) fn connection(&self) -> &Transaction {
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

    /// Reads one row that matches the condition, inside the transaction and without locking it.
    pub(crate) async fn find<E, R>(
        &self,
        doing: &str,
        condition: impl IntoCondition,
    ) -> Result<Option<R::Means>>
    where
        E: EntityTrait<Model = R>,
        R: Row + FromQueryResult + Send + Sync,
    {
        let row = E::find()
            .filter(condition)
            .one(&self.transaction)
            .await
            .doing(doing)?;
        row.map(Row::read).transpose()
    }

    /// Reads one row that matches the condition and locks it until the transaction ends. For writes that
    /// change only part of the row.
    pub(crate) async fn lock<E, R>(
        &self,
        doing: &str,
        condition: impl IntoCondition,
    ) -> Result<Option<R::Means>>
    where
        E: EntityTrait<Model = R>,
        R: Row + FromQueryResult + Send + Sync,
    {
        let row = self
            .for_update(E::find().filter(condition))
            .one(&self.transaction)
            .await
            .doing(doing)?;
        row.map(Row::read).transpose()
    }

    fn for_update<E: EntityTrait>(&self, select: Select<E>) -> Select<E> {
        match self.dialect {
            Dialect::Postgres => select.lock(LockType::NoKeyUpdate),
            Dialect::Sqlite => select,
        }
    }

    /// Inserts a row, or updates the one with the same primary key. Before the old and the new row are
    /// compared, `keep` copies the values that the database maintains (such as counts) to the new row.
    pub(crate) async fn save<E, K>(
        &self,
        doing: &str,
        key: K,
        mut row: E::Model,
        keep: impl FnOnce(&E::Model, &mut E::Model),
    ) -> Result<Saved>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Row + Clone + Sync,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
        K: Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
    {
        readable(&row)?;
        // Locked: otherwise the update would undo an increment of a count by another writer.
        let select = self.for_update(E::find_by_id(key));
        let Some(old) = select.one(&self.transaction).await.doing(doing)? else {
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

const COMMIT: &str = "commit";

/// Ends a transaction by running `script`. Returns [`Error::OutcomeUnknown`] if the database became
/// unavailable, because it may have committed.
async fn end(transaction: Transaction, script: String) -> Result<Vec<QueryResult>> {
    transaction.commit(script).await.map_err(|source| {
        if is_unavailable(&source) {
            return Error::OutcomeUnknown { source };
        }
        Error::Database {
            doing: COMMIT.to_owned(),
            source,
        }
    })
}

/// Checks that the last feed row of a transaction is visible to other connections. Returns an error if it
/// is missing.
async fn is_there(others: &Pool, dialect: Dialect, last: i64) -> Result<()> {
    let mut sql = Sql::new(dialect);
    let text = format!("SELECT seq FROM change WHERE seq = {}", sql.bind(last));
    let found = others.rows(sql.statement(text)).await;
    let found = found.map_err(|source| Error::OutcomeUnknown { source })?;
    if found.is_empty() {
        Err(lost())
    } else {
        Ok(())
    }
}

/// Returns the error for a commit that the database acknowledged but did not store.
fn lost() -> Error {
    let problem = "the commit was acknowledged, and its rows are not in the change feed";
    Error::Database {
        doing: COMMIT.to_owned(),
        source: DbErr::RecordNotFound(problem.to_owned()),
    }
}
