//! A reader: one request's view of the newsroom, in one scope, with its statements counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use khabar_domain::Scope;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement};

use crate::cache::{AnswerName, ReadingKey, Record, View};
use crate::reference::Known;
use crate::sql::{Dialect, Sql};
use crate::{BatchKey, Doing, Result};

/// Reads for one request.
#[derive(Clone)]
pub struct Reader {
    connection: DatabaseConnection,
    dialect: Dialect,
    scope: Scope,
    statements: Arc<Mutex<Vec<&'static str>>>,
    plans: Option<Arc<Mutex<Vec<String>>>>,
    cached: Option<Cached>,
    record: Option<Record>,
}

/// Those of the answers that are reference data, and the keys of the others.
fn known<K: BatchKey>(view: &View, keys: &[K]) -> (HashMap<K, K::Value>, Vec<K>) {
    let mut found = HashMap::with_capacity(keys.len());
    let mut others = Vec::new();
    for key in keys {
        match view.known(key) {
            Known::Answer(Some(value)) => {
                found.insert(key.clone(), value);
            }
            Known::Answer(None) => {}
            Known::Nothing => others.push(key.clone()),
        }
    }
    (found, others)
}

/// What is kept, and whether the database that is read may lag behind it.
#[derive(Clone)]
struct Cached {
    view: View,
    /// The primary, when this reader's database is a replica.
    primary: Option<DatabaseConnection>,
}

impl Reader {
    pub(crate) fn new(connection: DatabaseConnection, dialect: Dialect, scope: Scope) -> Self {
        Self {
            connection,
            dialect,
            scope,
            statements: Arc::default(),
            plans: None,
            cached: None,
            record: None,
        }
    }

    /// The same reader, which asks the cache first. `primary` is given when it reads on a replica.
    pub(crate) fn through(self, view: View, primary: Option<DatabaseConnection>) -> Self {
        let cached = Some(Cached { view, primary });
        Self { cached, ..self }
    }

    /// The same reader, which asks the database whatever is kept.
    #[must_use]
    pub fn uncached(self) -> Self {
        Self {
            cached: None,
            ..self
        }
    }

    /// The same reader, which takes down what it reads.
    #[must_use]
    pub fn recording(self) -> Self {
        Self {
            record: Some(Record::default()),
            ..self
        }
    }

    /// The same reader, for what is no part of the answer: it takes nothing down.
    #[must_use]
    pub fn unrecorded(self) -> Self {
        Self {
            record: None,
            ..self
        }
    }

    /// What it takes down, if it does.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The whole answer that the cache has under a name, if it still counts.
    pub fn answer<V: Send + Sync + 'static>(
        &self,
        name: &AnswerName,
        counts: impl FnOnce(&V) -> bool,
    ) -> Option<Arc<V>> {
        self.cached.as_ref()?.view.answer(name, counts)
    }

    /// Keeps a whole answer of so many bytes that was made of what this reader, and nobody else, has
    /// read. Tells whether it is what would be answered now: nothing that it was read from has been
    /// written since. Without a cache nobody knows.
    pub fn keep<V: Send + Sync + 'static>(
        &self,
        name: AnswerName,
        answer: Arc<V>,
        bytes: usize,
        keys: Vec<ReadingKey>,
    ) -> bool {
        let cached = self.cached.as_ref();
        cached.is_some_and(|cached| cached.view.keep(name, answer, bytes, keys))
    }

    /// Up to which change everything that it reads must know, where that is known.
    pub fn position(&self) -> Option<i64> {
        self.cached.as_ref().map(|cached| cached.view.position())
    }

    /// The answers to these keys, from the cache as far as they are kept; what was not is kept from
    /// then on, if it may be. A key that is not in the map has no answer: nothing was found.
    pub async fn load<K: BatchKey>(&self, keys: &[K]) -> Result<HashMap<K, K::Value>> {
        let found = self.find(keys).await?;
        if let Some(record) = &self.record {
            record.loaded(self.scope, keys, &found);
        }
        Ok(found)
    }

    async fn find<K: BatchKey>(&self, keys: &[K]) -> Result<HashMap<K, K::Value>> {
        let Some(Cached { view, primary }) =
            self.cached.as_ref().filter(|_| K::is_kept(self.scope))
        else {
            return K::fetch(self, keys).await;
        };
        let (mut found, keys) = known(view, keys);
        if keys.is_empty() {
            return Ok(found);
        }
        if !view.keeps() {
            found.extend(K::fetch(self, &keys).await?);
            return Ok(found);
        }
        let (kept, missing) = view.get(&keys);
        found.extend(kept);
        if missing.is_empty() {
            return Ok(found);
        }
        let fetched = match primary {
            // What it does not know yet would be kept as if it were true.
            Some(primary) if self.place().await? < view.position() => {
                K::fetch(&self.on(primary.clone()), &missing).await?
            }
            _ => K::fetch(self, &missing).await?,
        };
        view.fill(&missing, &fetched);
        found.extend(fetched);
        Ok(found)
    }

    /// How far the change feed goes in the database that this reader reads.
    async fn place(&self) -> Result<i64> {
        const DOING: &str = "ask a replica how far it is";
        let text = "SELECT seq FROM change_head WHERE id = 1".to_owned();
        let rows = self.rows(DOING, self.sql(), text).await?;
        let seq = rows.first().map(|row| row.try_get("", "seq"));
        Ok(seq.transpose().doing(DOING)?.unwrap_or_default())
    }

    /// The same reader, reading there.
    pub(crate) fn on(&self, connection: DatabaseConnection) -> Self {
        Self {
            connection,
            ..self.clone()
        }
    }

    /// Who is asking, and as of when.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// What each statement sent so far was for, in order.
    pub fn statements(&self) -> Vec<&'static str> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The same reader, which also asks the database how it will answer each statement.
    #[must_use]
    pub fn explaining(self) -> Self {
        Self {
            plans: Some(Arc::default()),
            ..self
        }
    }

    /// How the database answered each statement so far: what it was for, then its plan. Empty
    /// unless the reader is [`Reader::explaining`].
    pub fn plans(&self) -> Vec<String> {
        let plans = self
            .plans
            .as_ref()
            .map(|plans| plans.lock().unwrap_or_else(PoisonError::into_inner).clone());
        plans.unwrap_or_default()
    }

    pub(crate) fn sql(&self) -> Sql {
        Sql::new(self.dialect)
    }

    /// Sends one statement; `doing` finishes the sentence "could not …".
    pub(crate) async fn rows(
        &self,
        doing: &'static str,
        sql: Sql,
        text: String,
    ) -> Result<Vec<QueryResult>> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(doing);
        let statement = sql.statement(text);
        if let Some(plans) = &self.plans {
            let plan = self.plan(statement.clone()).await.doing(doing)?;
            plans
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{doing}\n{plan}"));
        }
        self.connection.query_all_raw(statement).await.doing(doing)
    }

    async fn plan(&self, mut statement: Statement) -> Result<String, DbErr> {
        let (explain, column) = match self.dialect {
            Dialect::Postgres => ("EXPLAIN (COSTS OFF)", "QUERY PLAN"),
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        };
        statement.sql = format!("{explain} {}", statement.sql);
        let rows = self.connection.query_all_raw(statement).await?;
        let lines: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("", column))
            .collect::<Result<_, _>>()?;
        Ok(lines.join("\n"))
    }
}
