//! The reader: one request's view of the newsroom in one scope. Records the statements that it sends.
//!
//! `load` loads the results of batch keys.

mod load;

use std::sync::{Arc, Mutex, PoisonError};

use khabar_domain::{Invalid, Scope};
use sea_orm::{DbErr, QueryResult, Statement};

use crate::cache::{CacheSession, DependencyTracker, Point, ResponseCacheKey};
use crate::database::replica::Least;
use crate::feed::{CacheTag, Position};
use crate::query::broken::{BrokenRows, Met};
use crate::query::decode::RowDecoder;
use crate::query::include::Includes;
use crate::query::sql::{Dialect, Sql};
use crate::reference_data::Reference;
use crate::session::side_load::SideLoaded;
use crate::session::source::Source;
use crate::{BatchKey, Doing, Result};

/// Reads the database for one request.
#[derive(Clone)]
pub struct ReadSession {
    source: Source,
    dialect: Dialect,
    scope: Scope,
    /// The minimum position in the change feed that any database it reads must have reached.
    least: Least,
    /// The position that everything it reads reflects at least, if it may be disclosed.
    position: Option<Position>,
    statements: Arc<Mutex<Vec<&'static str>>>,
    plans: Option<Arc<Mutex<Vec<String>>>>,
    view: Option<CacheSession<Reference>>,
    record: Option<DependencyTracker>,
    side_loaded: Arc<SideLoaded>,
    /// The related objects to read with the results.
    includes: Includes,
    /// The number of the statement that fails, for tests.
    #[cfg(feature = "failpoints")]
    failing: Option<usize>,
    counted_rows: u64,
    /// Whether results may be cached for other requests.
    lasting: bool,
    met: Met,
}

impl ReadSession {
    /// Default for the maximum number of rows scanned for one count. Scanning them takes a few
    /// milliseconds, and they are more than any page shows.
    pub const COUNTED_ROWS: u64 = 10_000;

    pub(crate) fn new(source: Source, dialect: Dialect, scope: Scope) -> Self {
        Self {
            source,
            dialect,
            scope,
            least: Least::default(),
            position: None,
            statements: Arc::default(),
            plans: None,
            view: None,
            record: None,
            side_loaded: Arc::default(),
            includes: Includes::NOTHING,
            #[cfg(feature = "failpoints")]
            failing: None,
            counted_rows: Self::COUNTED_ROWS,
            lasting: false,
            met: Met::default(),
        }
    }

    /// Reports the broken rows that this reader encounters to the node.
    pub(crate) fn remembering(self, node: Arc<BrokenRows>) -> Self {
        Self {
            met: Met::by(node),
            ..self
        }
    }

    /// Returns the cells of a row that the query with this id has returned.
    pub(crate) fn cells<'r>(
        &'r self,
        row: &'r QueryResult,
        query: &'r str,
    ) -> Result<RowDecoder<'r>> {
        RowDecoder::of(row, query, &self.met)
    }

    /// Returns the broken rows that this reader has encountered.
    pub(crate) fn met(&self) -> &Met {
        &self.met
    }

    /// Whether the lookup of this key found nothing because its row is broken.
    pub fn is_broken<K: BatchKey>(&self, key: &K) -> bool {
        self.side_loaded.is_broken(key)
    }

    /// Requires that reads reflect the change feed up to this sequence number at least.
    #[must_use]
    pub(crate) fn knowing(mut self, seq: i64) -> Self {
        self.least.seq = self.least.seq.max(seq);
        self
    }

    /// Requires that reads reflect the change feed up to this position at least, and discloses it through
    /// [`ReadSession::position`].
    #[must_use]
    pub(crate) fn at_least(self, position: Position) -> Self {
        let mut reader = self.knowing(position.seq);
        reader.least.epoch = position.epoch;
        reader.position = Some(position);
        reader
    }

    /// Reads through the cache. Data that is not cached is read from a database at least as recent as
    /// the cache.
    pub(crate) fn through(self, view: CacheSession<Reference>) -> Self {
        let reader = self.at_least(view.position());
        Self {
            view: Some(view),
            ..reader
        }
    }

    /// Bypasses the cache: everything is read from the database.
    #[must_use]
    pub fn uncached(self) -> Self {
        Self { view: None, ..self }
    }

    /// Starts recording the cache tags of everything that this reader reads.
    #[must_use]
    pub fn recording(self) -> Self {
        Self {
            record: Some(DependencyTracker::default()),
            ..self
        }
    }

    /// Records that the response contains data whose changes are not tracked, so it must not be cached.
    pub fn mark_uncacheable(&self) {
        if let Some(record) = &self.record {
            record.opened();
        }
    }

    /// Sets the maximum number of rows scanned to count a list.
    #[must_use]
    pub fn counting(self, counted_rows: u64) -> Self {
        Self {
            counted_rows,
            ..self
        }
    }

    /// Returns the maximum number of rows scanned to count a list.
    pub(crate) fn counted_rows(&self) -> u64 {
        self.counted_rows
    }

    /// Stops recording, for reads that are not part of the response.
    #[must_use]
    pub fn unrecorded(self) -> Self {
        Self {
            record: None,
            ..self
        }
    }

    /// Returns the record of what was read, if this reader is recording.
    pub fn record(&self) -> Option<&DependencyTracker> {
        self.record.as_ref()
    }

    /// Returns the whole response cached under a name, if `counts` accepts it as still valid.
    pub fn cached_response<V: Send + Sync + 'static>(
        &self,
        name: &ResponseCacheKey,
        counts: impl FnOnce(&V) -> bool,
    ) -> Option<Arc<V>> {
        self.view.as_ref()?.response(name, counts)
    }

    /// Caches a whole response of the given size in bytes. The response must be built only from what this
    /// reader has read. Returns whether the response is still current, which means that nothing it was
    /// built from was written in the meantime. Returns `false` if there is no cache.
    pub fn insert_response<V: Send + Sync + 'static>(
        &self,
        name: ResponseCacheKey,
        response: Arc<V>,
        bytes: usize,
        keys: Vec<CacheTag>,
    ) -> bool {
        let view = self.view.as_ref();
        view.is_some_and(|view| view.insert_response(name, response, bytes, keys))
    }

    /// Pauses before a whole response is cached, for as long as a test requires.
    pub async fn before_insert_response(&self) {
        if let Some(view) = &self.view {
            view.at(Point::InsertResponse).await;
        }
    }

    /// Returns the position in the change feed that everything read by this reader reflects at least, if
    /// known.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Whether this reader reads through the cache.
    pub fn has_view(&self) -> bool {
        self.view.is_some()
    }

    /// Returns the reference data, if there is any and it is current. Everyone may see what it holds.
    pub(crate) fn reference(&self) -> Option<Arc<Reference>> {
        self.view.as_ref()?.shared_snapshot()
    }

    /// Returns this session, which prefetches these related objects with the results that it reads. They do
    /// not affect the results.
    #[must_use]
    pub fn including(&self, includes: Includes) -> Self {
        Self {
            includes,
            ..self.clone()
        }
    }

    /// Returns the related objects to read with the results.
    pub(crate) fn includes(&self) -> Includes {
        self.includes
    }

    /// Stores prefetched results for the rest of this request. `None` means that nothing was found.
    pub(crate) fn side_load<K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (K, Option<K::Value>)>,
    ) {
        // Results read with a broken row are retained for this request only.
        self.side_loaded
            .insert(answers, self.lasting && self.met.is_empty());
    }

    /// Discards the prefetched results, which were read before a write.
    pub(crate) fn afresh(self) -> Self {
        Self {
            side_loaded: Arc::default(),
            ..self
        }
    }

    /// Returns a copy of this reader that queries another database.
    pub(crate) fn on(&self, source: Source) -> Self {
        Self {
            source,
            ..self.clone()
        }
    }

    /// Returns the scope: the viewer, and the time as of which data is read.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the purpose of each statement sent so far, in order.
    pub fn statements(&self) -> Vec<&'static str> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Also requests the query plan of each statement from the database.
    #[must_use]
    pub fn explaining(self) -> Self {
        Self {
            plans: Some(Arc::default()),
            ..self
        }
    }

    /// Returns the purpose and the query plan of each statement sent so far. Empty unless the reader is
    /// [`ReadSession::explaining`].
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

    /// Sends one statement. `query` is its stable id, such as `article.by_id`: the label in metrics, logs and
    /// test snapshots.
    pub(crate) async fn rows(
        &self,
        query: &'static str,
        sql: Sql,
        text: String,
    ) -> Result<Vec<QueryResult>> {
        let number = {
            let mut statements = self
                .statements
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            statements.push(query);
            statements.len()
        };
        self.fail_at(number).query(query)?;
        if sql.has_nul() {
            return Err(Invalid::new("a text", "has the character U+0000").into());
        }
        let statement = sql.statement(text);
        if let Some(plans) = &self.plans {
            let plan = self.plan(statement.clone()).await.query(query)?;
            plans
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{query}\n{plan}"));
        }
        self.source.rows(self.least, statement).await.query(query)
    }

    /// Lets the statement with this number fail, counted from 1.
    #[cfg(feature = "failpoints")]
    #[must_use]
    pub fn failing_at(self, number: usize) -> Self {
        Self {
            failing: Some(number),
            ..self
        }
    }

    #[cfg(feature = "failpoints")]
    fn fail_at(&self, number: usize) -> Result<(), DbErr> {
        match self.failing {
            Some(failing) if failing == number => {
                Err(DbErr::Custom("a planted failure".to_owned()))
            }
            _ => Ok(()),
        }
    }

    #[cfg(not(feature = "failpoints"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "a test hook that is compiled to nothing"
    )]
    fn fail_at(&self, _: usize) -> Result<(), DbErr> {
        Ok(())
    }

    async fn plan(&self, mut statement: Statement) -> Result<String, DbErr> {
        let (explain, column) = match self.dialect {
            Dialect::Postgres => ("EXPLAIN (COSTS OFF)", "QUERY PLAN"),
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        };
        statement.sql = format!("{explain} {}", statement.sql);
        let rows = self.source.rows(self.least, statement).await?;
        let lines: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("", column))
            .collect::<Result<_, _>>()?;
        Ok(lines.join("\n"))
    }
}
