//! A writer: one transaction, and the rows of the change feed that it will leave behind.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use khabar_domain::{AccountId, ArticleId, EditionId, Role};
use sea_orm::sea_query::{IntoCondition, LockType};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    PrimaryKeyTrait, QueryFilter, QueryResult, QuerySelect, Select,
};
use uuid::Uuid;

use crate::audit::Deed;
use crate::change::bell::Bell;
use crate::change::{Act, Note, Noun, flush};
use crate::error::is_unavailable;
use crate::pool::Pool;
use crate::row::{Row, readable};
use crate::sql::{Dialect, Sql};
use crate::transaction::Transaction;
use crate::{Cache, Doing, Error, Result};

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

/// Who makes a write, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Their account; absent for commands and for readers who did not say who they are.
    pub account: Option<AccountId>,
    /// How they are called.
    pub name: String,
    /// In which role they write.
    pub role: Option<Role>,
    /// Where the request came from.
    pub address: Option<String>,
    /// What they do: a mutation's name or a command.
    pub action: String,
}

impl Author {
    /// A command on the server's own machine.
    pub fn command(action: &str) -> Self {
        Self {
            account: None,
            name: "khabar".to_owned(),
            role: None,
            address: None,
            action: action.to_owned(),
        }
    }
}

/// How firmly a row is held on PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    /// It stays where it is; what is counted in it may change.
    Place,
    /// Nobody else changes it.
    Values,
    /// Nobody else changes a row of this alias or begins to refer to it.
    WholeOf(&'static str),
}

impl Strength {
    fn as_sql(self) -> String {
        match self {
            Self::Place => "FOR KEY SHARE".to_owned(),
            Self::Values => "FOR NO KEY UPDATE".to_owned(),
            Self::WholeOf(alias) => format!("FOR UPDATE OF {alias}"),
        }
    }
}

/// Writes in one transaction. Dropped without [`Writer::commit`], it leaves nothing.
pub struct Writer {
    transaction: Transaction,
    dialect: Dialect,
    at: DateTime<Utc>,
    /// Other connections than the transaction's: they see what others see.
    others: Pool,
    author: Author,
    notes: Vec<Note>,
    handed_in: Option<HandedIn>,
    bell: Arc<Bell>,
    cache: Option<Cache>,
}

/// What a writer has in the feed already.
struct HandedIn {
    last: i64,
    /// What the audit log is to say of it.
    deeds: Vec<Deed>,
}

impl Writer {
    pub(crate) fn new(
        transaction: Transaction,
        dialect: Dialect,
        at: DateTime<Utc>,
        others: Pool,
        bell: Arc<Bell>,
        cache: Option<Cache>,
    ) -> Self {
        Self {
            transaction,
            dialect,
            at,
            others,
            author: Author::command("khabar"),
            notes: Vec::new(),
            handed_in: None,
            bell,
            cache,
        }
    }

    /// The same writer, for this author.
    #[must_use]
    pub fn signed(self, author: Author) -> Self {
        Self { author, ..self }
    }

    /// Who makes this write.
    pub fn author(&self) -> &Author {
        &self.author
    }

    /// When this write is made.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Writes the change feed's rows and the audit log's, and commits: after this, readers see it
    /// all, and the cache holds nothing that it changed. A commit that does not find its own place in
    /// the feed is an error, and so is one that nobody heard the end of ([`Error::OutcomeUnknown`]).
    pub async fn commit(mut self) -> Result<()> {
        let at_once = self.dialect == Dialect::Postgres
            && self.handed_in.is_none()
            && (1..=flush::ROWS).contains(&self.notes.len());
        let last = if at_once {
            let timeline = self.transaction.timeline();
            let script = flush::script(&self.notes, &self.author, self.at, timeline);
            let rows = end(self.transaction, script).await?;
            Some(flush::committed(&rows).doing(COMMIT)?.ok_or_else(lost)?)
        } else {
            self.hand_in().await?;
            let handed_in = self.handed_in.take();
            if let Some(HandedIn { deeds, .. }) = &handed_in {
                crate::audit::append(&self, deeds).await?;
            }
            end(self.transaction, "COMMIT".to_owned()).await?;
            let last = handed_in.map(|handed_in| handed_in.last);
            if let Some(last) = last {
                is_there(&self.others, self.dialect, last).await?;
            }
            last
        };
        if let Some(last) = last {
            self.bell.ring_here(last);
            if let Some(cache) = &self.cache {
                cache.committed(last).await;
            }
        }
        Ok(())
    }

    /// Writes what was noted so far into the change feed. From here to the commit every other
    /// writer waits, so only what is too large to be noted as a whole does it before.
    pub(crate) async fn hand_in(&mut self) -> Result<()> {
        if let Some(last) = flush::append(self, &self.notes).await? {
            let earlier = self.handed_in.take();
            let mut deeds = earlier.map_or_else(Vec::new, |earlier| earlier.deeds);
            let first = last - i64::try_from(self.notes.len()).unwrap_or(1) + 1;
            for (seq, note) in (first..).zip(&self.notes) {
                crate::audit::tell(&mut deeds, seq, note);
            }
            self.handed_in = Some(HandedIn { last, deeds });
        }
        self.notes.clear();
        Ok(())
    }

    /// Makes other writers of this article wait until this one has ended, so that what is read of
    /// it now is still so when it is written. (On SQLite there is one writer at a time.)
    pub async fn lock_article(&self, article: ArticleId) -> Result<()> {
        if self.dialect == Dialect::Postgres {
            let mut sql = self.sql();
            let id = sql.bind(article.uuid());
            let text = format!("SELECT 1 FROM article WHERE id = {id} FOR UPDATE");
            self.rows("wait for an article", sql, text).await?;
        }
        Ok(())
    }

    /// Makes other writers who put things of this edition in order (sections, the rail, channels,
    /// the front page) wait until this one has ended. It is not a lock of the edition's row: whoever
    /// publishes holds that for its count, and need not wait for the front page.
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

    /// Keeps the rows that a SELECT finds as they are until this writer has ended; `strength` is
    /// how firmly. (On SQLite there is one writer at a time.)
    pub(crate) async fn hold_rows(
        &self,
        doing: &str,
        sql: Sql,
        text: String,
        strength: Strength,
    ) -> Result<()> {
        if self.dialect == Dialect::Postgres {
            let text = format!("{text} {}", strength.as_sql());
            self.run(doing, sql, text).await?;
        }
        Ok(())
    }

    /// What ends a SELECT whose rows of `alias` are to be this writer's alone.
    pub(crate) fn skipping_locked(&self, alias: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!(" FOR UPDATE OF {alias} SKIP LOCKED"),
            Dialect::Sqlite => String::new(),
        }
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

    /// How much is noted that is not in the feed yet.
    pub(crate) fn noted(&self) -> usize {
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

    /// What stands in the row for which a condition holds: what a write has to know first.
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

    /// The same, kept from other writers until this one has ended: for a write that keeps a part of
    /// what it finds.
    pub(crate) async fn hold<E, R>(
        &self,
        doing: &str,
        condition: impl IntoCondition,
    ) -> Result<Option<R::Means>>
    where
        E: EntityTrait<Model = R>,
        R: Row + FromQueryResult + Send + Sync,
    {
        let row = self
            .held(E::find().filter(condition))
            .one(&self.transaction)
            .await
            .doing(doing)?;
        row.map(Row::read).transpose()
    }

    fn held<E: EntityTrait>(&self, select: Select<E>) -> Select<E> {
        match self.dialect {
            Dialect::Postgres => select.lock(LockType::NoKeyUpdate),
            Dialect::Sqlite => select,
        }
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
        E::Model: IntoActiveModel<E::ActiveModel> + PartialEq + Row + Clone + Sync,
        E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
        K: Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
    {
        readable(&row)?;
        // Held, because a count that another writer adds to meanwhile would be set back.
        let select = self.held(E::find_by_id(key));
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

/// Ends a transaction. Where nobody heard how that went, the database may have carried it out.
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

/// Looks for a transaction's last row in the feed, as others see it.
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

/// The database has acknowledged a commit of which it has nothing.
fn lost() -> Error {
    let problem = "the commit was acknowledged, and its rows are not in the change feed";
    Error::Database {
        doing: COMMIT.to_owned(),
        source: DbErr::RecordNotFound(problem.to_owned()),
    }
}
