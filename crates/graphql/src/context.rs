//! The scope of a request and its data access. Each request has one set of loaders, so all fields of a
//! response are read for one viewer and at one point in time.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Data};
use khabar_domain::Scope;
use khabar_persistence::trusted_document::ByName;
use khabar_persistence::{BatchKey, ReadSession};

use crate::error::{Error, Result};
use crate::loader::Loaders;

/// Builds the request data for resolvers: the scope of the reader, and its own loaders.
pub fn data(reader: ReadSession) -> Data {
    let mut data = Data::default();
    data.insert::<Scope>(reader.scope());
    data.insert(Loaders::new(reader));
    data
}

/// Returns the reader of the request that this data belongs to.
pub(crate) fn reader(data: &Data) -> Option<ReadSession> {
    let loaders = data.get(&TypeId::of::<Loaders>());
    let loaders = loaders.and_then(|it| it.downcast_ref::<Loaders>());
    Some(loaders?.reader())
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

/// Data access for mutations and their payloads. What lies below a payload is read with a
/// [`ReadContext`](crate::object::ReadContext).
pub(crate) trait ContextExt {
    /// Returns the loaders of the request.
    fn loaders(&self) -> Result<&Loaders>;

    /// Returns the viewer and the time of the request.
    fn scope(&self) -> Result<Scope>;

    /// Loads the value of this key, in one batch with other keys requested at about this time.
    fn load<K: BatchKey>(&self, key: K) -> impl Future<Output = Result<Option<K::Value>>> + Send;

    /// Loads the values of these keys. Keys that are not found are absent from the map.
    fn load_many<K: BatchKey>(
        &self,
        keys: impl IntoIterator<Item = K> + Send,
    ) -> impl Future<Output = Result<HashMap<K, K::Value>>> + Send;
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

    async fn load<K: BatchKey>(&self, key: K) -> Result<Option<K::Value>> {
        self.loaders()?.one(key).await
    }

    async fn load_many<K: BatchKey>(
        &self,
        keys: impl IntoIterator<Item = K> + Send,
    ) -> Result<HashMap<K, K::Value>> {
        let keys: Vec<K> = keys.into_iter().collect();
        self.loaders()?.many(keys).await
    }
}
