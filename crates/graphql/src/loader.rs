//! Loading for mutations and their payloads, which the engine resolves one by one.
//!
//! Everything else is loaded by the executor, a level at a time (`object`). A mutation asks for one key, or for
//! a list of keys, which is one batch. Loaded values are remembered until the next write.
//!
//! The `dataloader` crate collects the keys and remembers the values. This module is its only user, because the
//! crate needs care. The task that drives a batch can be dropped, because a sibling field failed and took its
//! parent with it, or because a client disconnected. The keys of that batch are then forgotten, and all other
//! tasks that wait for them receive a "not found" error. Our batches answer *every* key, with or without a
//! value, so this error can only mean a dropped batch. The waiting task then asks again.

#[cfg(test)]
mod tests;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dataloader::BatchFn;
use dataloader::cached::Loader;
use futures::future::join_all;
use khabar_persistence::reference_data::Lookup;
use khabar_persistence::{BatchKey, ReadSession};
use tokio::task::unconstrained;

use crate::error::{Code, Result};

/// The number of runtime turns that a key waits for other keys: those of a list are polled in one turn.
const TURNS: usize = 1;

/// Maximum number of keys in a batch. This is far above a page of pages, and far below the number that
/// would make a statement's list slow to send.
const MOST: usize = 500;

type LoadResult<K> = Result<Option<<K as BatchKey>::Value>>;
type Inner<K> = Loader<K, LoadResult<K>, Batch>;

/// The loaders of one request: one for each kind of key, created on first use. Loaded values are remembered
/// until the next write.
///
/// Never share loaders between requests: loaded values stay cached, and a batch in flight blocks all
/// keys of its kind.
pub struct Loaders(Mutex<State>);

struct State {
    reader: ReadSession,
    kinds: HashMap<(TypeId, u64), Box<dyn Any + Send + Sync>>,
}

impl Loaders {
    /// Creates loaders that read through this reader.
    pub fn new(reader: ReadSession) -> Self {
        Self(Mutex::new(State {
            reader,
            kinds: HashMap::new(),
        }))
    }

    /// Returns the reader of the request.
    pub(crate) fn reader(&self) -> ReadSession {
        self.state().reader.clone()
    }

    /// Discards all loaded values and replaces the reader. Used after a write.
    pub fn renew(&self, elsewhere: impl FnOnce(&ReadSession) -> ReadSession) {
        let mut state = self.state();
        state.reader = elsewhere(&state.reader);
        state.kinds.clear();
    }

    /// Returns the answer to one key, or `None` if nothing was found.
    pub async fn one<K: BatchKey>(&self, key: K) -> Result<Option<K::Value>> {
        if let Lookup::Hit(answer) = self.at_hand(&key) {
            return Ok(answer.map(Arc::unwrap_or_clone));
        }
        let loader = self.of::<K>(key.group_hash());
        // Boxed, because this future holds everything needed to answer a batch.
        let load: Pin<Box<dyn Future<Output = LoadResult<K>> + Send>> = Box::pin(async move {
            loop {
                match unconstrained(loader.try_load(key.clone())).await {
                    Ok(answer) => return answer,
                    Err(error) => forgotten(&error),
                }
            }
        });
        load.await
    }

    /// Returns the answers to many keys. Keys are absent if nothing was found or if the row cannot be
    /// read.
    pub async fn many<K: BatchKey>(
        &self,
        keys: impl IntoIterator<Item = K> + Send,
    ) -> Result<HashMap<K, K::Value>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let answers = join_all(keys.iter().map(|key| self.one(key.clone()))).await;
        let mut found = HashMap::with_capacity(keys.len());
        for (key, answer) in keys.into_iter().zip(answers) {
            match answer {
                Ok(Some(value)) => {
                    found.insert(key, value);
                }
                Ok(None) => {}
                // A row that cannot be read does not fail the others.
                Err(error) if error.code() == Code::BrokenRow => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Returns an answer that needs no statement and so no waiting, if there is one.
    fn at_hand<K: BatchKey>(&self, key: &K) -> Lookup<K::Value> {
        self.state().reader.at_hand(key)
    }

    fn of<K: BatchKey>(&self, group_hash: u64) -> Inner<K> {
        let mut state = self.state();
        let State { reader, kinds } = &mut *state;
        let made = kinds
            .entry((TypeId::of::<K>(), group_hash))
            .or_insert_with(|| {
                let batch = Batch(reader.clone());
                let loader: Inner<K> = Loader::new(batch)
                    .with_yield_count(TURNS)
                    .with_max_batch_size(MOST);
                Box::new(Arc::new(loader))
            });
        let Some(loader) = made.downcast_ref::<Arc<Inner<K>>>() else {
            unreachable!("the map is keyed by the type of what it holds")
        };
        Inner::clone(loader)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs that the task driving a key's batch was dropped. See the module documentation.
fn forgotten(error: &std::io::Error) {
    debug_assert_eq!(
        error.kind(),
        ErrorKind::NotFound,
        "the crate has no other error"
    );
    tracing::debug!("batch_restarted");
}

/// The batch function, which maps keys to answers.
struct Batch(ReadSession);

impl<K: BatchKey> BatchFn<K, LoadResult<K>> for Batch {
    async fn load(&mut self, keys: &[K]) -> HashMap<K, LoadResult<K>> {
        match self.0.load(keys).await {
            Ok(mut found) => keys
                .iter()
                .map(|key| {
                    let answer = match found.remove(key) {
                        None if self.0.is_broken(key) => Err(crate::error::Error::broken_row()),
                        answer => Ok(answer),
                    };
                    (key.clone(), answer)
                })
                .collect(),
            Err(error) => {
                // Converted to a client error only once, so that it is logged only once.
                let error = crate::error::Error::from(error);
                keys.iter()
                    .map(|key| (key.clone(), Err(error.clone())))
                    .collect()
            }
        }
    }
}
