//! Loading: how the many questions of one level of a query become one statement.
//!
//! Every resolver asks for its own key. The key waits for a few turns of the runtime, until no
//! sibling adds another; then all of that kind go to [`Reader::load`] together. There is no
//! timer: an idle machine waits for nothing.
//!
//! Siblings come one after another through the loader's lock, and the runtime would make a task
//! that took 128 locks wait for its next turn: a level of some hundred keys would then outlast
//! `TURNS` and be split. So loading is exempt from that budget.
//!
//! The `dataloader` crate does the collecting, and this is its only user, because it needs care:
//! when the task that drives a batch is dropped (a sibling field failed and took its parent with
//! it, a client went away), the keys of that batch are forgotten, and the others that wait for
//! them are told "not found". Our batches answer *every* key, with or without a value, so "not
//! found" can only mean that; whoever hears it asks again.

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
use khabar_persistence::reference::Known;
use khabar_persistence::{BatchKey, Reader, With};
use tokio::task::unconstrained;

use crate::error::{Code, Result};

/// How many turns of the runtime a key waits for company. A level of a query is resolved within
/// one or two; the rest is for resolvers that await something else first.
const TURNS: usize = 8;

/// How many keys one batch holds at most: far above a page of pages, far below what would make a
/// statement's list slow to send.
const MOST: usize = 500;

type Answer<K> = Result<Option<<K as BatchKey>::Value>>;
type Inner<K> = Loader<K, Answer<K>, Batch>;

/// One request's loaders: one for each kind of key, made when it is first asked for. What was
/// loaded stays known until the request ends, so one answer cannot contradict itself.
///
/// Never shared between requests: it remembers, and a batch in flight blocks its kind.
pub struct Loaders(Mutex<State>);

struct State {
    reader: Reader,
    kinds: HashMap<(TypeId, u64), Box<dyn Any + Send + Sync>>,
}

impl Loaders {
    /// Loaders that read by this reader.
    pub fn new(reader: Reader) -> Self {
        Self(Mutex::new(State {
            reader,
            kinds: HashMap::new(),
        }))
    }

    /// What reads for the request.
    pub(crate) fn reader(&self) -> Reader {
        self.state().reader.clone()
    }

    /// Forgets what was loaded, and reads from elsewhere from now on: after a write.
    pub fn renew(&self, elsewhere: impl FnOnce(&Reader) -> Reader) {
        let mut state = self.state();
        state.reader = elsewhere(&state.reader);
        state.kinds.clear();
    }

    /// The answer to one key; `None` when nothing was found.
    pub async fn one<K: BatchKey>(&self, key: K) -> Result<Option<K::Value>> {
        if let Known::Answer(answer) = self.at_hand(&key) {
            return Ok(answer);
        }
        let loader = self.of::<K>(key.lane());
        // On the heap: it holds all that answering a batch takes, and the future of every field of an
        // object has room for that of its largest.
        let asked: Pin<Box<dyn Future<Output = Answer<K>> + Send>> = Box::pin(async move {
            loop {
                match unconstrained(loader.try_load(key.clone())).await {
                    Ok(answer) => return answer,
                    Err(error) => forgotten(&error),
                }
            }
        });
        asked.await
    }

    /// The answers to many keys; those for which nothing was found, or what cannot be read, are absent.
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
                // Among many, one that cannot be read is left out.
                Err(error) if error.code() == Code::BrokenRow => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// What needs no statement, and so waits for nothing.
    fn at_hand<K: BatchKey>(&self, key: &K) -> Known<K::Value> {
        self.state().reader.at_hand(key)
    }

    /// Says what is going to be asked for of what answers this key.
    pub fn want<K: BatchKey>(&self, key: &K, with: With) {
        self.state().reader.want(key, with);
    }

    /// Makes an answer known that another statement has brought along.
    pub async fn prime<K: BatchKey>(&self, key: K, value: K::Value) {
        self.of::<K>(key.lane()).prime(key, Ok(Some(value))).await;
    }

    fn of<K: BatchKey>(&self, lane: u64) -> Inner<K> {
        let mut state = self.state();
        let State { reader, kinds } = &mut *state;
        let made = kinds.entry((TypeId::of::<K>(), lane)).or_insert_with(|| {
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

/// The batch that a key was in lost its driver: see the module's text.
fn forgotten(error: &std::io::Error) {
    debug_assert_eq!(
        error.kind(),
        ErrorKind::NotFound,
        "the crate has no other error"
    );
    tracing::debug!("a batch lost its driver; asking again");
}

/// The one function from keys to answers.
struct Batch(Reader);

impl<K: BatchKey> BatchFn<K, Answer<K>> for Batch {
    async fn load(&mut self, keys: &[K]) -> HashMap<K, Answer<K>> {
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
                // Turned into what a client may know once, so that it is logged once.
                let error = crate::error::Error::from(error);
                keys.iter()
                    .map(|key| (key.clone(), Err(error.clone())))
                    .collect()
            }
        }
    }
}
