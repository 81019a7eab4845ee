//! The scope of a request and its data access. Each request has one set of loaders, so all fields of a
//! response are read for one viewer and at one point in time.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Data};
use chrono::{DateTime, Utc};
use khabar_domain::{Scope, Viewer};
use khabar_persistence::cache::{CacheTag, DependencyTracker};
use khabar_persistence::trusted_document::ByName;
use khabar_persistence::{BatchKey, ReadSession};

use crate::budget::ResponseBudget;
use crate::error::{Code, Error, Result};
use crate::loader::Loaders;
use crate::lookahead;

/// Builds the request data for resolvers: the scope of the reader, its own loaders and, if the reader
/// has one, the record of its reads.
pub fn data(reader: ReadSession) -> Data {
    let mut data = Data::default();
    data.insert::<Scope>(reader.scope());
    if let Some(tracker) = reader.record() {
        data.insert::<DependencyTracker>(tracker.clone());
    }
    data.insert(Loaders::new(reader));
    data
}

/// Loads the text of the trusted document with this name, using the loaders of the request. Returns
/// `None` if the document does not exist, the name is invalid or the data has no loaders.
pub async fn trusted_document(data: &Data, name: &str) -> Result<Option<Arc<str>>> {
    let loaders = data.get(&TypeId::of::<Loaders>());
    let loaders = loaders.and_then(|it| it.downcast_ref::<Loaders>());
    let (Some(loaders), Some(key)) = (loaders, ByName::new(name)) else {
        return Ok(None);
    };
    // The choice of the document does not affect the response, so this read is not recorded.
    let reader = loaders.reader().unrecorded();
    let mut found = reader.load(std::slice::from_ref(&key)).await?;
    Ok(found.remove(&key).map(|found| found.text))
}

/// Data access for resolvers.
pub(crate) trait ContextExt {
    /// Returns the loaders of the request.
    fn loaders(&self) -> Result<&Loaders>;

    /// Returns the viewer and the time of the request, without recording that the response depends on
    /// them. Intended for writes, whose responses are never cached.
    fn scope(&self) -> Result<Scope>;

    /// Returns the viewer, and records that the response depends on them. A cached response is then
    /// shared only with viewers who have equal permissions.
    fn viewer(&self) -> Result<Viewer>;

    /// Returns the current time for this request. Callers must also call [`ContextExt::holds_until`] with
    /// the time at which their result changes.
    fn as_of(&self) -> Result<DateTime<Utc>>;

    /// Records that the response changes at this time, so it must not be cached for longer.
    fn holds_until(&self, moment: DateTime<Utc>);

    /// Records that the response depends on this key although no loader was called for it, such as a
    /// count that was loaded as part of an object.
    fn shows(&self, key: CacheTag);

    /// Charges the bytes that are about to be allocated to the budget of the response.
    fn charge(&self, bytes: usize) -> Result<()>;

    /// Charges a text to the budget of the response, and returns it. For texts of which a response has many:
    /// a mark, which charges all others, costs more than such a text (see `document/error_path.rs`).
    fn charge_text<T: AsRef<str>>(&self, text: T) -> Result<T>;

    /// Loads the value of this key, in one batch with other keys requested at about this time.
    fn load<K: BatchKey>(&self, key: K) -> impl Future<Output = Result<Option<K::Value>>> + Send;

    /// Loads the value of this key with lookahead, for articles, stories and lists of them. Their
    /// associations that the query selects are prefetched together with them.
    fn load_ahead<K: BatchKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Option<K::Value>>> + Send;

    /// Loads the values of these keys. Keys that are not found are absent from the map.
    fn load_many<K: BatchKey>(
        &self,
        keys: impl IntoIterator<Item = K> + Send,
    ) -> impl Future<Output = Result<HashMap<K, K::Value>>> + Send;

    /// Loads the value of this key. Returns the default value if nothing is found. If the stored value
    /// cannot be read, returns the default and adds an error to the response. Intended for non-null
    /// fields: an error there would null out the whole list that contains the object.
    fn load_or_default<K: BatchKey<Value: Default>>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<K::Value>> + Send;

    /// Adds a value to the request's loader cache, so that later loads of this key find it.
    fn prime<K: BatchKey>(
        &self,
        key: K,
        value: K::Value,
    ) -> impl Future<Output = Result<()>> + Send;
}

impl ContextExt for Context<'_> {
    fn loaders(&self) -> Result<&Loaders> {
        self.data_opt::<Loaders>().ok_or_else(|| {
            tracing::error!("request_without_loaders");
            Error::unexplained()
        })
    }

    fn scope(&self) -> Result<Scope> {
        self.data_opt::<Scope>().copied().ok_or_else(|| {
            tracing::error!("request_without_scope");
            Error::unexplained()
        })
    }

    fn viewer(&self) -> Result<Viewer> {
        if let Some(tracker) = self.data_opt::<DependencyTracker>() {
            tracker.vary_by_viewer();
        }
        Ok(self.scope()?.viewer)
    }

    fn as_of(&self) -> Result<DateTime<Utc>> {
        Ok(self.scope()?.as_of)
    }

    fn holds_until(&self, moment: DateTime<Utc>) {
        if let Some(tracker) = self.data_opt::<DependencyTracker>() {
            tracker.holds_until(moment);
        }
    }

    fn shows(&self, key: CacheTag) {
        if let Some(tracker) = self.data_opt::<DependencyTracker>() {
            tracker.read(key);
        }
    }

    fn charge(&self, bytes: usize) -> Result<()> {
        match ResponseBudget::of(self) {
            Some(budget) => budget.charge(crate::limit::count(bytes)),
            None => Ok(()),
        }
    }

    fn charge_text<T: AsRef<str>>(&self, text: T) -> Result<T> {
        match self.charge(text.as_ref().len()) {
            Ok(()) => Ok(text),
            Err(error) => Err(error.at(self)),
        }
    }

    async fn load<K: BatchKey>(&self, key: K) -> Result<Option<K::Value>> {
        let loaded = self.loaders()?.one(key).await;
        loaded.map_err(|error| error.at(self))
    }

    async fn load_ahead<K: BatchKey>(&self, key: K) -> Result<Option<K::Value>> {
        self.loaders()?
            .hint(&key, lookahead::selected_includes(self));
        self.load(key).await
    }

    async fn load_many<K: BatchKey>(
        &self,
        keys: impl IntoIterator<Item = K> + Send,
    ) -> Result<HashMap<K, K::Value>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let loaded = self.loaders()?.many(keys).await;
        loaded.map_err(|error| error.at(self))
    }

    async fn load_or_default<K: BatchKey<Value: Default>>(&self, key: K) -> Result<K::Value> {
        match self.load(key).await {
            Ok(found) => Ok(found.unwrap_or_default()),
            Err(error) if error.code() == Code::BrokenRow => {
                self.add_error(self.set_error_path(error.into()));
                Ok(K::Value::default())
            }
            Err(error) => Err(error),
        }
    }

    async fn prime<K: BatchKey>(&self, key: K, value: K::Value) -> Result<()> {
        self.loaders()?.prime(key, value).await;
        Ok(())
    }
}
