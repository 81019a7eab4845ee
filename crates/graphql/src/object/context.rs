//! The context of one request, and the execution of a compiled query for it.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_graphql::{Data, PathSegment, Pos, ServerError, Variables};
use chrono::{DateTime, Utc};
use khabar_domain::{Scope, Viewer};
use khabar_executor::{BatchKey, Batches, Context, FieldError, Loaded, Segment};
use khabar_persistence::cache::{CacheTag, DependencyTracker};
use khabar_persistence::reference_data::Lookup;
use khabar_persistence::{Includes, ReadSession};

use super::{CompiledQuery, Fields};
use crate::budget::ResponseBudget;
use crate::compare::{DiffPool, DiffTime};
use crate::error::{Code, Error, Result};
use crate::mutate::WriteContext;
use crate::query::Query;

/// The context of one request, with which its fields are resolved.
pub(crate) struct ReadContext {
    session: ReadSession,
    scope: Scope,
    pub(super) variables: Variables,
    record: Option<DependencyTracker>,
    budget: Arc<ResponseBudget>,
    batches: Batches<Self>,
    /// The context for writes. `None` if the API is read-only.
    write: Option<WriteContext>,
    diff_pool: Option<Arc<DiffPool>>,
    diff_time: Arc<DiffTime>,
}

impl ReadContext {
    /// Creates the context of a request, given the data that its transport provides.
    pub(crate) fn new(
        session: ReadSession,
        variables: Variables,
        budget: Arc<ResponseBudget>,
        data: &Data,
    ) -> Self {
        fn find<T: Clone + 'static>(data: &Data) -> Option<T> {
            let found = data.get(&std::any::TypeId::of::<T>())?;
            found.downcast_ref::<T>().cloned()
        }
        Self {
            scope: session.scope(),
            record: session.record().cloned(),
            session,
            variables,
            budget,
            batches: Batches::default(),
            write: find(data),
            diff_pool: find(data),
            diff_time: find(data).unwrap_or_default(),
        }
    }

    /// Loads the value of this key, in one batch with what other fields load meanwhile.
    pub(crate) async fn load<K: khabar_persistence::BatchKey>(
        &self,
        key: K,
    ) -> Loaded<K::Value, Error> {
        self.load_including(key, Includes::NOTHING).await
    }

    /// Loads the value of this key, and reads these related objects with it.
    pub(crate) async fn load_including<K: khabar_persistence::BatchKey>(
        &self,
        key: K,
        includes: Includes,
    ) -> Loaded<K::Value, Error> {
        let mut loaded = self
            .batches
            .load(self, &[WithIncludes(key, includes)])
            .await;
        loaded.pop().unwrap_or(Ok(None))
    }

    /// Loads the values of these keys. Keys that are not found, or whose rows cannot be read, are absent from
    /// the map.
    pub(crate) async fn load_many<K: khabar_persistence::BatchKey>(
        &self,
        keys: impl IntoIterator<Item = K> + Send,
    ) -> Result<HashMap<K, Arc<K::Value>>> {
        let keys = keys.into_iter();
        let keys: Vec<_> = keys
            .map(|key| WithIncludes(key, Includes::NOTHING))
            .collect();
        let loaded = self.batches.load(self, &keys).await;
        let mut values = HashMap::with_capacity(keys.len());
        for (key, loaded) in keys.into_iter().zip(loaded) {
            match loaded {
                Ok(Some(value)) => {
                    values.insert(key.0, value);
                }
                Ok(None) => {}
                // A row that cannot be read does not fail the others.
                Err(error) if error.code() == Code::BrokenRow => {}
                Err(error) => return Err(error),
            }
        }
        Ok(values)
    }

    /// Adds a value that was loaded by another key.
    pub(crate) fn prime<K: khabar_persistence::BatchKey>(&self, key: K, value: Arc<K::Value>) {
        let key = WithIncludes(key, Includes::NOTHING);
        self.batches.prime(key, value);
    }

    /// Records that the response depends on this key although nothing was loaded for it.
    pub(crate) fn shows(&self, tag: impl FnOnce() -> CacheTag) {
        if let Some(record) = &self.record {
            record.read(tag());
        }
    }

    /// Returns the viewer, and records that the response depends on them.
    pub(crate) fn viewer(&self) -> Viewer {
        if let Some(record) = &self.record {
            record.vary_by_viewer();
        }
        self.scope.viewer
    }

    /// Whether the viewer has an account. Does not record that the response depends on it: meant for
    /// decisions that cannot change what viewers without an account see.
    pub(crate) fn has_account(&self) -> bool {
        self.scope.viewer.account.is_some()
    }

    /// Returns the current time for this request. Callers must also call [`ReadContext::holds_until`] with
    /// the time at which their result changes.
    pub(crate) fn as_of(&self) -> DateTime<Utc> {
        self.scope.as_of
    }

    /// Records that the response changes at this time, so it must not be cached for longer.
    pub(crate) fn holds_until(&self, moment: DateTime<Utc>) {
        if let Some(record) = &self.record {
            record.holds_until(moment);
        }
    }

    /// Records that the response must not be cached.
    pub(crate) fn mark_uncacheable(&self) {
        self.session.mark_uncacheable();
    }

    /// Returns the context for writes. `None` if the API is read-only.
    pub(crate) fn write(&self) -> Option<&WriteContext> {
        self.write.as_ref()
    }

    /// Returns the limits for comparisons, and the time that those of this request have taken.
    pub(crate) fn diffs(&self) -> (Option<&Arc<DiffPool>>, &Arc<DiffTime>) {
        (self.diff_pool.as_ref(), &self.diff_time)
    }
}

impl Context for ReadContext {
    type Error = Error;

    fn batches(&self) -> &Batches<Self> {
        &self.batches
    }

    fn charge(&self, written: usize, more: usize) -> Result<()> {
        self.budget.charge_text(written, more)
    }

    fn release(&self, bytes: usize) {
        self.budget.release(bytes);
    }
}

/// A key, with the related objects that the query selects below it. They do not affect its value.
#[derive(Clone)]
pub(crate) struct WithIncludes<K>(pub(super) K, pub(super) Includes);

impl<K: PartialEq> PartialEq for WithIncludes<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Eq> Eq for WithIncludes<K> {}

impl<K: Hash> Hash for WithIncludes<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: khabar_persistence::BatchKey> BatchKey<ReadContext> for WithIncludes<K> {
    type Value = K::Value;

    fn group(&self) -> u64 {
        self.0.group_hash()
    }

    fn cached(context: &ReadContext, keys: &[Self]) -> Vec<Option<Loaded<K::Value, Error>>> {
        let plain: Vec<K> = keys.iter().map(|key| key.0.clone()).collect();
        let found = context.session.cached(&plain);
        let results = found.into_iter().map(|found| match found {
            Lookup::Hit(value) => Some(Ok(value)),
            Lookup::Miss => None,
        });
        results.collect()
    }

    async fn load(context: &ReadContext, keys: &[Self]) -> Vec<Loaded<K::Value, Error>> {
        let plain: Vec<K> = keys.iter().map(|key| key.0.clone()).collect();
        let includes = keys.iter().map(|key| key.1);
        let includes = includes.fold(Includes::NOTHING, Includes::and);
        let session = context.session.including(includes);
        match session.read(&plain).await {
            Ok(values) => {
                let results = plain.iter().zip(values).map(|(key, value)| match value {
                    None if session.is_broken(key) => Err(Error::broken_row()),
                    value => Ok(value),
                });
                results.collect()
            }
            Err(error) => {
                // Converted to a client error only once, so that it is logged only once.
                let error = Error::from(error);
                keys.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }
}

/// The data of a response as JSON text, after `{"data":`, and its errors.
pub(crate) struct Executed {
    pub(crate) text: Vec<u8>,
    pub(crate) errors: Vec<ServerError>,
}

/// The beginning of each response without errors.
pub(crate) const BEGINNING: &[u8] = b"{\"data\":";

/// The first allocation of a response, in bytes.
const INITIAL: usize = 8 * 1024;

/// Executes a compiled query. Returns an error if the response exceeds its budget.
pub(crate) async fn execute(query: &CompiledQuery, context: &ReadContext) -> Result<Executed> {
    execute_set(&query.0, &Query, context).await
}

/// Executes a selection set on an object.
pub(super) async fn execute_set<T: Send + Sync + 'static>(
    set: &Fields<T>,
    object: &T,
    context: &ReadContext,
) -> Result<Executed> {
    let mut text = Vec::with_capacity(INITIAL);
    text.extend_from_slice(BEGINNING);
    let response = khabar_executor::execute(context, set, object, text).await?;
    Ok(Executed {
        text: response.data,
        errors: response.errors.into_iter().map(server_error).collect(),
    })
}

/// Returns the values of a keyed field for all parents of a level, each with its own key.
pub(super) async fn load_each<K: khabar_persistence::BatchKey>(
    context: &ReadContext,
    keys: Vec<Result<Option<WithIncludes<K>>>>,
) -> Vec<Loaded<K::Value, Error>> {
    khabar_executor::load_each(context, keys).await
}

fn server_error(error: FieldError<Error>) -> ServerError {
    let path = error.path().map(|segment| match segment {
        Segment::Field(key) => PathSegment::Field(key.to_string()),
        Segment::Index(index) => PathSegment::Index(*index),
    });
    let path = path.collect();
    let field = Pos {
        line: error.location.line,
        column: error.location.column,
    };
    let location = error.error.argument().unwrap_or(field);
    let mut server = ServerError::from(error.error);
    server.path = path;
    server.locations = vec![location];
    server
}
