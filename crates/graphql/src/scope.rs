//! The scope of a request, and what reads for it: one set of loaders, so that every field of an
//! answer is read as one viewer, as of one moment.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Data};
use chrono::{DateTime, Utc};
use khabar_domain::{Scope, Viewer};
use khabar_persistence::cache::{ReadingKey, Record};
use khabar_persistence::trusted_document::ByName;
use khabar_persistence::{BatchKey, Reader};

use crate::ahead;
use crate::budget::AnswerBudget;
use crate::error::{Code, Error, Result};
use crate::load::Loaders;

/// What resolvers find in a request of this reader's: its scope, loaders of its own, and what takes
/// down what is read, if anything does.
pub fn data(reader: Reader) -> Data {
    let mut data = Data::default();
    data.insert::<Scope>(reader.scope());
    if let Some(record) = reader.record() {
        data.insert::<Record>(record.clone());
    }
    data.insert(Loaders::new(reader));
    data
}

/// The text of the trusted document that a request names so, read as everything else is for the
/// request of this data; none where it has nothing to read by.
pub async fn trusted_document(data: &Data, name: &str) -> Result<Option<Arc<str>>> {
    let loaders = data.get(&TypeId::of::<Loaders>());
    let loaders = loaders.and_then(|it| it.downcast_ref::<Loaders>());
    let (Some(loaders), Some(key)) = (loaders, ByName::new(name)) else {
        return Ok(None);
    };
    // Which document it is, is no part of what the answer says.
    let reader = loaders.reader().unrecorded();
    let mut found = reader.load(std::slice::from_ref(&key)).await?;
    Ok(found.remove(&key).map(|found| found.text))
}

/// How a resolver reads.
pub(crate) trait Asked {
    /// The request's loaders.
    fn loaders(&self) -> Result<&Loaders>;

    /// Who is asking, and as of when: for a write, whose answer nobody keeps.
    fn scope(&self) -> Result<Scope>;

    /// Who is asking: the answer is for them, and for those who are to the newsroom what they are.
    fn viewer(&self) -> Result<Viewer>;

    /// What counts as now. Whoever asks also says until when what they answer holds.
    fn as_of(&self) -> Result<DateTime<Utc>>;

    /// Says that the answer is another from this moment on.
    fn holds_until(&self, moment: DateTime<Utc>);

    /// Says that the answer shows something that no loader was asked for in this name: a number that
    /// came with a card.
    fn shows(&self, key: ReadingKey);

    /// Charges what is about to be made to the budget of the answer.
    fn charge(&self, bytes: usize) -> Result<()>;

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

    /// What answers this key, or the empty value: an error says so where that is because it cannot be
    /// read. For fields that are never null, which would take the list down that they stand in.
    fn load_or_default<K: BatchKey<Value: Default>>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<K::Value>> + Send;

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

    fn scope(&self) -> Result<Scope> {
        self.data_opt::<Scope>().copied().ok_or_else(|| {
            tracing::error!("a request was executed without a scope");
            Error::unexplained()
        })
    }

    fn viewer(&self) -> Result<Viewer> {
        if let Some(record) = self.data_opt::<Record>() {
            record.asked_who();
        }
        Ok(self.scope()?.viewer)
    }

    fn as_of(&self) -> Result<DateTime<Utc>> {
        Ok(self.scope()?.as_of)
    }

    fn holds_until(&self, moment: DateTime<Utc>) {
        if let Some(record) = self.data_opt::<Record>() {
            record.holds_until(moment);
        }
    }

    fn shows(&self, key: ReadingKey) {
        if let Some(record) = self.data_opt::<Record>() {
            record.read(key);
        }
    }

    fn charge(&self, bytes: usize) -> Result<()> {
        match AnswerBudget::of(self) {
            Some(budget) => budget.charge(crate::limit::count(bytes)),
            None => Ok(()),
        }
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
