//! A reader: one request's view of the newsroom, in one scope, with its statements counted.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use khabar_domain::{Invalid, Scope};
use sea_orm::{DbErr, QueryResult, Statement};

use crate::along::Along;
use crate::broken::{BrokenRow, BrokenRows, Met};
use crate::cache::{AnswerName, ReadingKey, Record, Step, View};
use crate::cells::Cells;
use crate::change::Position;
use crate::pool::Pool;
use crate::reference::Known;
use crate::replica::{Least, Replica};
use crate::sql::{Dialect, Sql};
use crate::with::With;
use crate::{BatchKey, Doing, Result};

/// Where is read.
#[derive(Clone)]
pub(crate) enum Source {
    /// On the primary.
    Primary(Pool),
    /// On a replica, as long as it answers and has what the reader must know; else on the primary.
    Replica(Replica, Pool),
}

impl Source {
    /// On the heap: what waits for a statement is a part of every resolver's future.
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

/// How many statements are spent on finding out which of many keys are those of broken rows.
const SEARCHES: usize = 32;

/// The keys that writes touch which mend these rows; none where nobody says it of one.
fn mended_by(met: &[BrokenRow]) -> Option<Vec<ReadingKey>> {
    met.iter().map(BrokenRow::key).collect()
}

/// Reads for one request.
#[derive(Clone)]
pub struct Reader {
    source: Source,
    dialect: Dialect,
    scope: Scope,
    /// What it must know of the change feed, wherever it reads.
    least: Least,
    /// The place of which everything that it reads knows at least, as it may be told.
    position: Option<Position>,
    statements: Arc<Mutex<Vec<&'static str>>>,
    plans: Option<Arc<Mutex<Vec<String>>>>,
    view: Option<View>,
    record: Option<Record>,
    along: Arc<Along>,
    counted_rows: u64,
    /// Whether what is read may be kept for others.
    lasting: bool,
    met: Met,
}

impl Reader {
    /// How many rows are looked at for one count unless something else is said: some milliseconds,
    /// and more than any page shows.
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

    /// The same reader, whose broken rows this node remembers.
    pub(crate) fn remembering(self, node: Arc<BrokenRows>) -> Self {
        Self {
            met: Met::by(node),
            ..self
        }
    }

    /// The cells of a row. `doing` finishes the sentence "could not …".
    pub(crate) fn cells<'r>(&'r self, row: &'r QueryResult, doing: &'r str) -> Result<Cells<'r>> {
        Cells::of(row, doing, &self.met)
    }

    /// The broken rows that it has met.
    pub(crate) fn met(&self) -> &Met {
        &self.met
    }

    /// Whether this key found nothing because the row that answers it is broken.
    pub fn is_broken<K: BatchKey>(&self, key: &K) -> bool {
        self.along.is_broken(key)
    }

    /// This reader, which must know the change feed up to this place at least.
    #[must_use]
    pub(crate) fn knowing(mut self, seq: i64) -> Self {
        self.least.seq = self.least.seq.max(seq);
        self
    }

    /// This reader, which must know the change feed up to this place at least, and may say so.
    #[must_use]
    pub(crate) fn at_least(self, position: Position) -> Self {
        let mut reader = self.knowing(position.seq);
        reader.least.epoch = position.epoch;
        reader.position = Some(position);
        reader
    }

    /// This reader, which asks the cache first. What it reads beside it is at least as new.
    pub(crate) fn through(self, view: View) -> Self {
        let reader = self.at_least(view.position());
        Self {
            view: Some(view),
            ..reader
        }
    }

    /// The same reader, which asks the database whatever is kept.
    #[must_use]
    pub fn uncached(self) -> Self {
        Self { view: None, ..self }
    }

    /// The same reader, which takes down what it reads.
    #[must_use]
    pub fn recording(self) -> Self {
        Self {
            record: Some(Record::default()),
            ..self
        }
    }

    /// Takes down that the answer shows something of which nobody says when it changes.
    pub fn not_kept(&self) {
        if let Some(record) = &self.record {
            record.opened();
        }
    }

    /// The same reader, which looks at this many rows at most to count a list.
    #[must_use]
    pub fn counting(self, counted_rows: u64) -> Self {
        Self {
            counted_rows,
            ..self
        }
    }

    /// How many rows it looks at to count a list.
    pub(crate) fn counted_rows(&self) -> u64 {
        self.counted_rows
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
        self.view.as_ref()?.answer(name, counts)
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
        let view = self.view.as_ref();
        view.is_some_and(|view| view.keep(name, answer, bytes, keys))
    }

    /// Waits before a whole answer is kept, for as long as a test wants.
    pub async fn before_keeping(&self) {
        if let Some(view) = &self.view {
            view.at(Step::Keep).await;
        }
    }

    /// The place in the change feed of which everything that it reads knows at least, where that is
    /// known.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Whether it asks the cache first.
    pub fn has_view(&self) -> bool {
        self.view.is_some()
    }

    /// The answers to these keys, from the cache as far as they are kept; what was not is kept from
    /// then on, if it may be. A key that is not in the map has no answer: nothing was found.
    pub async fn load<K: BatchKey>(&self, keys: &[K]) -> Result<HashMap<K, K::Value>> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut others = Vec::new();
        for key in keys {
            match self.at_hand(key) {
                Known::Answer(Some(value)) => {
                    found.insert(key.clone(), value);
                }
                Known::Answer(None) => {}
                Known::Nothing => others.push(key.clone()),
            }
        }
        if others.is_empty() {
            return Ok(found);
        }
        let others_found = self.find(&others).await?;
        if let Some(record) = &self.record {
            let answers = others.iter().map(|key| (key, others_found.get(key)));
            record.loaded(self.scope, answers);
        }
        found.extend(others_found);
        Ok(found)
    }

    /// The answer to this key, if this request has it in its hands: it is reference data, or came
    /// along with what was asked for before. It stays the same for as long as the request takes.
    pub fn at_hand<K: BatchKey>(&self, key: &K) -> Known<K::Value> {
        let known = self.known(key);
        if let (Some(record), Known::Answer(value)) = (&self.record, &known) {
            record.loaded(self.scope, [(key, value.as_ref())]);
        }
        known
    }

    fn known<K: BatchKey>(&self, key: &K) -> Known<K::Value> {
        let view = self.view::<K>();
        let known = view.map_or(Known::Nothing, |view| view.known(key));
        if matches!(known, Known::Answer(_)) {
            if let Some((view, record)) = view.zip(self.record.as_ref()) {
                view.mended_by().for_each(|key| record.read(key));
            }
            return known;
        }
        let Some((value, lasts)) = self.along.get(key) else {
            return Known::Nothing;
        };
        // Only what was asked for takes room among what is kept.
        if let Some(view) = view.filter(|view| lasts && view.keeps()) {
            view.fill([(key, value.as_ref())]);
        }
        Known::Answer(value)
    }

    /// What is kept, if answers to such keys may be.
    fn view<K: BatchKey>(&self) -> Option<&View> {
        self.view.as_ref().filter(|_| K::is_kept(self.scope))
    }

    /// What is found for these keys, where it is kept or in the database.
    async fn find<K: BatchKey>(&self, keys: &[K]) -> Result<HashMap<K, K::Value>> {
        let Some(view) = self.view::<K>().filter(|view| view.keeps()) else {
            return Ok(self.clone().fetch(keys).await?.0);
        };
        let (mut found, missing) = view.get(keys);
        if missing.is_empty() {
            return Ok(found);
        }
        view.at(Step::Fetch).await;
        let reader = Self {
            lasting: true,
            ..self.clone()
        };
        let (fetched, met) = reader.fetch(&missing).await?;
        view.at(Step::Fill).await;
        let answers = missing.iter().map(|key| (key, fetched.get(key)));
        // That one is broken is no answer to keep: whoever asks is to be told.
        let answers = answers.filter(|(key, _)| met.is_empty() || !self.is_broken(*key));
        // Where nobody says when a broken row is mended, nothing is kept.
        if let Some(keys) = mended_by(&met) {
            view.fill_until(answers, &keys);
        }
        found.extend(fetched);
        Ok(found)
    }

    /// What is found for these keys in the database, and the broken rows that were left out of it.
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
            match mended_by(&met) {
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

    /// Finds out which of these keys, that found nothing, are those of broken rows: by halves, so
    /// that a few among many cost a few statements. Beyond so many, all that are left count as broken.
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

    /// Says what is going to be asked for of what answers this key, so that one statement can read
    /// it all. A hint: without it nothing else is answered.
    pub fn want<K: BatchKey>(&self, key: &K, with: With) {
        if with != With::NOTHING {
            self.along.want(key, with);
        }
    }

    /// What is going to be asked for of what answers these keys.
    pub(crate) fn wanted<K: BatchKey>(&self, keys: &[K]) -> With {
        self.along.wanted(keys)
    }

    /// Makes answers known to whoever asks for them in this request; none: nothing is to be found.
    pub(crate) fn bring<K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (K, Option<K::Value>)>,
    ) {
        // What was read beside a broken row is kept no longer than this request.
        self.along
            .bring(answers, self.lasting && self.met.is_empty());
    }

    /// The same reader, to which nothing has come along: what did was read before a write.
    pub(crate) fn afresh(self) -> Self {
        Self {
            along: Arc::default(),
            ..self
        }
    }

    /// The same reader, reading there.
    pub(crate) fn on(&self, source: Source) -> Self {
        Self {
            source,
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
        if sql.has_nul() {
            return Err(Invalid::new("a text", "has the character U+0000").into());
        }
        let statement = sql.statement(text);
        if let Some(plans) = &self.plans {
            let plan = self.plan(statement.clone()).await.doing(doing)?;
            plans
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{doing}\n{plan}"));
        }
        self.source.rows(self.least, statement).await.doing(doing)
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
