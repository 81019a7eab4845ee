//! The reader: one request's view of the newsroom in one scope. Records the statements that it sends.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use khabar_domain::{AccountId, ArticleId, Invalid, Role, Scope, Viewer};
use sea_orm::{DbErr, QueryResult, Statement};
use uuid::Uuid;

use crate::BrokenRow;
use crate::cache::{CacheMeta, CacheSession, DependencyTracker, Lookup, Point, ResponseKey};
use crate::database::pool::Pool;
use crate::database::replica::{Least, Replica};
use crate::feed::{CacheTag, Position};
use crate::query::broken::{BrokenRows, Met};
use crate::query::decode::RowDecoder;
use crate::query::include::Includes;
use crate::query::sql::{Dialect, Sql};
use crate::reference_data::Reference;
use crate::session::side_load::SideLoaded;
use crate::{BatchKey, Doing, Result};

/// The database that a reader queries.
#[derive(Clone)]
pub(crate) enum Source {
    /// The primary.
    Primary(Pool),
    /// A replica, if it is available and has reached the position that the reader requires. Otherwise
    /// the primary.
    Replica(Replica, Pool),
}

impl Source {
    /// Runs a statement. The future is boxed because it becomes part of every resolver's future, which
    /// would otherwise be large.
    fn rows(
        &self,
        least: Least,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<QueryResult>, DbErr>> + Send + '_>> {
        match self {
            Self::Primary(pool) => Box::pin(pool.rows(statement)),
            Self::Replica(replica, primary) => Box::pin(async move {
                match replica.rows(least, &statement).await {
                    Some(answered) => answered,
                    None => primary.rows(statement).await,
                }
            }),
        }
    }
}

/// Maximum number of statements spent on finding out which keys belong to broken rows.
const SEARCHES: usize = 32;

/// Returns the cache tags that are touched by a write that repairs these rows. Returns `None` if any
/// row has no such key.
fn repaired_by(met: &[BrokenRow]) -> Option<Vec<CacheTag>> {
    met.iter().map(BrokenRow::key).collect()
}

/// Returns the scope of a viewer who may see everything. A result that may be shared even in this
/// scope is the same for all viewers.
fn everything(scope: Scope) -> Scope {
    let mut viewer = Viewer::of(AccountId::new(Uuid::nil()), Role::Admin);
    viewer.preview = Some(ArticleId::new(Uuid::nil()));
    Scope { viewer, ..scope }
}

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
    along: Arc<SideLoaded>,
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
            along: Arc::default(),
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
        self.along.is_broken(key)
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

    /// Records that the answer contains data whose changes are not tracked, so it must not be cached.
    pub fn not_kept(&self) {
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

    /// Stops recording, for reads that are not part of the answer.
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

    /// Returns the whole answer cached under a name, if `counts` accepts it as still valid.
    pub fn answer<V: Send + Sync + 'static>(
        &self,
        name: &ResponseKey,
        counts: impl FnOnce(&V) -> bool,
    ) -> Option<Arc<V>> {
        self.view.as_ref()?.answer(name, counts)
    }

    /// Caches a whole answer of the given size in bytes. The answer must be built only from what this
    /// reader has read. Returns whether the answer is still current, which means that nothing it was
    /// built from was written in the meantime. Returns `false` if there is no cache.
    pub fn keep<V: Send + Sync + 'static>(
        &self,
        name: ResponseKey,
        answer: Arc<V>,
        bytes: usize,
        keys: Vec<CacheTag>,
    ) -> bool {
        let view = self.view.as_ref();
        view.is_some_and(|view| view.insert_answer(name, answer, bytes, keys))
    }

    /// Pauses before a whole answer is cached, for as long as a test requires.
    pub async fn before_keeping(&self) {
        if let Some(view) = &self.view {
            view.at(Point::Keep).await;
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

    /// Loads the results for these keys, from the cache where possible. Results read from the database
    /// are cached if that is permitted. A key missing from the map has no result: nothing was found.
    pub async fn load<K: BatchKey>(&self, keys: &[K]) -> Result<HashMap<K, K::Value>> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut others = Vec::new();
        for key in keys {
            match self.at_hand(key) {
                Lookup::Hit(Some(value)) => {
                    found.insert(key.clone(), value);
                }
                Lookup::Hit(None) => {}
                Lookup::Miss => others.push(key.clone()),
            }
        }
        if others.is_empty() {
            return Ok(found);
        }
        let others_found = self.find(&others).await?;
        self.record_loaded(others.iter().map(|key| (key, others_found.get(key))));
        found.extend(others_found);
        Ok(found)
    }

    /// Returns the result for this key if it is available without a query, because it is reference data
    /// or was prefetched by an earlier statement. It does not change for the duration of the request.
    pub fn at_hand<K: BatchKey>(&self, key: &K) -> Lookup<K::Value> {
        let found = self.look_up(key);
        if let Lookup::Hit(value) = &found {
            self.record_loaded([(key, value.as_ref())]);
        }
        found
    }

    /// Records these results, if this reader is recording. `None` means that nothing was found.
    fn record_loaded<'a, K: BatchKey>(
        &self,
        results: impl IntoIterator<Item = (&'a K, Option<&'a K::Value>)>,
    ) {
        let Some(record) = &self.record else {
            return;
        };
        let is_cacheable = K::is_cacheable(self.scope);
        let metas = results
            .into_iter()
            .map(|(key, value)| key.cache_meta(value).filter(|_| is_cacheable));
        record.loaded(!K::is_cacheable(everything(self.scope)), metas);
    }

    fn look_up<K: BatchKey>(&self, key: &K) -> Lookup<K::Value> {
        let view = self.view::<K>();
        let found = view.map_or(Lookup::Miss, |view| {
            view.look_up(|reference| key.look_up(reference))
        });
        if matches!(found, Lookup::Hit(_)) {
            if let Some((view, record)) = view.zip(self.record.as_ref()) {
                let repairs = view.snapshot().into_iter().flat_map(Reference::repaired_by);
                repairs.for_each(|tag| record.read(tag));
            }
            return found;
        }
        let Some((value, lasts)) = self.along.get(key) else {
            return Lookup::Miss;
        };
        // Prefetched results enter the cache only once they are requested, so that unused ones take no space.
        if let Some(view) = view.filter(|view| lasts && view.holds_entries())
            && let Some(meta) = key.cache_meta(value.as_ref())
        {
            view.insert([(key, value.as_ref(), meta)]);
        }
        Lookup::Hit(value)
    }

    /// Returns the view of the cache, if results for this type of key may be cached.
    fn view<K: BatchKey>(&self) -> Option<&CacheSession<Reference>> {
        self.view.as_ref().filter(|_| K::is_cacheable(self.scope))
    }

    /// Finds the results for these keys in the cache or the database.
    async fn find<K: BatchKey>(&self, keys: &[K]) -> Result<HashMap<K, K::Value>> {
        let Some(view) = self.view::<K>().filter(|view| view.holds_entries()) else {
            return Ok(self.clone().fetch(keys).await?.0);
        };
        let (mut found, missing) = view.get(keys);
        if missing.is_empty() {
            return Ok(found);
        }
        view.at(Point::Fetch).await;
        let reader = Self {
            lasting: true,
            ..self.clone()
        };
        let (fetched, met) = reader.fetch(&missing).await?;
        view.at(Point::Fill).await;
        let answers = missing.iter().map(|key| (key, fetched.get(key)));
        // A broken row is not cached as a missing result: each caller must get the error.
        let answers = answers.filter(|(key, _)| met.is_empty() || !self.is_broken(*key));
        // Nothing is cached if the repair of a broken row could not be detected.
        if let Some(repairs) = repaired_by(&met) {
            let results = answers.filter_map(|(key, value)| {
                let meta = key.cache_meta(value)?;
                let meta = repairs.iter().copied().fold(meta, CacheMeta::tag);
                Some((key, value, meta))
            });
            view.insert(results);
        }
        found.extend(fetched);
        Ok(found)
    }

    /// Finds the results for these keys in the database. Also returns the broken rows that were left out.
    async fn fetch<K: BatchKey>(
        mut self,
        keys: &[K],
    ) -> Result<(HashMap<K, K::Value>, Vec<BrokenRow>)> {
        self.met = self.met.anew();
        let found = K::fetch(&self, keys).await?;
        if self.met.is_empty() {
            return Ok((found, Vec::new()));
        }
        let met = self.met.rows();
        if let Some(record) = &self.record {
            match repaired_by(&met) {
                Some(keys) => {
                    for key in keys {
                        record.read(key);
                    }
                }
                None => record.opened(),
            }
        }
        if K::FINDS_ONE {
            let missing = keys.iter().filter(|key| !found.contains_key(*key));
            let missing: Vec<_> = missing.cloned().collect();
            self.find_broken(missing).await?;
        }
        Ok((found, met))
    }

    /// Finds out which of these keys without a result belong to broken rows. Bisects the keys, so that a
    /// few broken rows among many keys cost only a few statements. After [`SEARCHES`] statements, all
    /// remaining keys count as broken.
    async fn find_broken<K: BatchKey>(&self, missing: Vec<K>) -> Result<()> {
        let mut groups = vec![missing];
        let mut asked = 0;
        while let Some(mut group) = groups.pop() {
            if group.is_empty() {
                continue;
            }
            asked += 1;
            let mut reader = self.clone();
            reader.met = self.met.anew();
            reader.along = Arc::default();
            let left_out = asked > SEARCHES || {
                K::fetch(&reader, &group).await?;
                !reader.met.is_empty()
            };
            if !left_out {
                continue;
            }
            if group.len() == 1 || asked > SEARCHES {
                for key in &group {
                    self.along.leave_out(key);
                }
                continue;
            }
            let other = group.split_off(group.len() / 2);
            groups.extend([group, other]);
        }
        Ok(())
    }

    /// Announces which related data will be requested for the result of this key, so that one statement
    /// can prefetch it. This is only a hint: it does not affect the results.
    pub fn want<K: BatchKey>(&self, key: &K, with: Includes) {
        if with != Includes::NOTHING {
            self.along.want(key, with);
        }
    }

    /// Returns the related data that was announced for the results of these keys.
    pub(crate) fn wanted<K: BatchKey>(&self, keys: &[K]) -> Includes {
        self.along.wanted(keys)
    }

    /// Stores prefetched results for the rest of this request. `None` means that nothing was found.
    pub(crate) fn bring<K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (K, Option<K::Value>)>,
    ) {
        // Results read along with a broken row are retained for this request only.
        self.along
            .bring(answers, self.lasting && self.met.is_empty());
    }

    /// Discards the prefetched results, which were read before a write.
    pub(crate) fn afresh(self) -> Self {
        Self {
            along: Arc::default(),
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
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(query);
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
