//! The scope of a request, and what reads for it: one set of loaders, so that every field of an
//! answer is read as one viewer, as of one moment.

use std::collections::HashMap;

use async_graphql::{Context, Data};
use khabar_domain::Scope;
use khabar_persistence::{BatchKey, Reader};

use crate::ahead;
use crate::error::{Error, Result};
use crate::load::Loaders;

/// What resolvers find in a request of this reader's: its scope, and loaders of its own.
pub fn data(reader: Reader) -> Data {
    let mut data = Data::default();
    data.insert::<Scope>(reader.scope());
    data.insert(Loaders::new(reader));
    data
}

/// How a resolver reads.
pub(crate) trait Asked {
    /// The request's loaders.
    fn loaders(&self) -> Result<&Loaders>;

    /// Who is asking, and as of when.
    fn asked(&self) -> Result<Scope>;

    /// What answers this key, together with whatever else is asked for meanwhile.
    fn load<K: BatchKey>(&self, key: K) -> impl Future<Output = Result<Option<K::Value>>> + Send;

    /// The same, where an article or a story answers it, or a list of some: what the query selects of
    /// them is read with them.
    fn load_ahead<K: BatchKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Option<K::Value>>> + Send;

    /// What answers these keys; those that nothing answers are not in the map.
    fn load_many<K: BatchKey>(
        &self,
        keys: impl IntoIterator<Item = K> + Send,
    ) -> impl Future<Output = Result<HashMap<K, K::Value>>> + Send;

    /// Remembers what answers this key, for whoever asks later.
    fn prime<K: BatchKey>(
        &self,
        key: K,
        value: K::Value,
    ) -> impl Future<Output = Result<()>> + Send;
}

impl Asked for Context<'_> {
    fn loaders(&self) -> Result<&Loaders> {
        self.data_opt::<Loaders>().ok_or_else(|| {
            tracing::error!("a request was executed without loaders");
            Error::unexplained()
        })
    }

    fn asked(&self) -> Result<Scope> {
        self.data_opt::<Scope>().copied().ok_or_else(|| {
            tracing::error!("a request was executed without a scope");
            Error::unexplained()
        })
    }

    async fn load<K: BatchKey>(&self, key: K) -> Result<Option<K::Value>> {
        let loaded = self.loaders()?.one(key).await;
        loaded.map_err(|error| error.at(self))
    }

    async fn load_ahead<K: BatchKey>(&self, key: K) -> Result<Option<K::Value>> {
        self.loaders()?.want(&key, ahead::wanted(self));
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

    async fn prime<K: BatchKey>(&self, key: K, value: K::Value) -> Result<()> {
        self.loaders()?.prime(key, value).await;
        Ok(())
    }
}
