//! Prefetching: answers that a statement reads ahead of the lookups that will need them.
//!
//! A caller that asks for articles announces which related data it will need next
//! ([`ReadSession::hint_includes`](crate::ReadSession::hint_includes)). The statement that finds the articles
//! then reads that data too. The answers are stored here until they are looked up, for the duration of one
//! request at most.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::BatchKey;
use crate::query::include::Includes;

/// Prefetched answers and prefetch hints of one request.
#[derive(Default)]
pub(crate) struct SideLoaded(Mutex<State>);

#[derive(Default)]
struct State {
    /// Prefetch hints by the hash of the key. Keys with colliding hashes prefetch more than they
    /// need, but never get a wrong answer.
    hints: HashMap<u64, Includes>,
    hasher: RandomState,
    /// A map of prefetched answers for each key type.
    loaded: HashMap<TypeId, Box<dyn Any + Send>>,
    /// The keys whose rows are broken, for each key type.
    broken: HashMap<TypeId, Box<dyn Any + Send>>,
}

type Broken<K> = HashSet<K>;

type LoadedByKey<K> = HashMap<K, Loaded<<K as BatchKey>::Value>>;

/// A prefetched answer.
struct Loaded<V> {
    /// The value, or `None` if there is nothing to find.
    value: Option<V>,
    /// Whether the answer may be added to the shared cache and has not been added yet.
    cacheable: bool,
}

impl SideLoaded {
    /// Records the related data that will be needed for the answer to this key.
    pub(crate) fn hint<K: BatchKey>(&self, key: &K, with: Includes) {
        let mut state = self.state();
        let hash = state.hash(key);
        let hint = state.hints.entry(hash).or_default();
        *hint = hint.and(with);
    }

    /// Returns the related data that will be needed for the answer to any of these keys, which one
    /// statement reads together.
    pub(crate) fn hinted<K: BatchKey>(&self, keys: &[K]) -> Includes {
        let state = self.state();
        let hints = keys
            .iter()
            .filter_map(|key| state.hints.get(&state.hash(key)));
        hints.copied().fold(Includes::NOTHING, Includes::and)
    }

    /// Stores prefetched answers. `cacheable` tells whether they may be added to the shared cache.
    pub(crate) fn insert<K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (K, Option<K::Value>)>,
        cacheable: bool,
    ) {
        let mut state = self.state();
        let loaded = state.loaded.entry(TypeId::of::<K>());
        let loaded = loaded.or_insert_with(|| Box::new(LoadedByKey::<K>::new()));
        if let Some(loaded) = loaded.downcast_mut::<LoadedByKey<K>>() {
            let answers = answers.into_iter();
            loaded.extend(answers.map(|(key, value)| (key, Loaded { value, cacheable })));
        }
    }

    /// Returns the answer to this key if it was prefetched, and whether the caller should add it to
    /// the shared cache. The flag is set on the first lookup only.
    pub(crate) fn get<K: BatchKey>(&self, key: &K) -> Option<(Option<K::Value>, bool)> {
        let mut state = self.state();
        let loaded = state.loaded.get_mut(&TypeId::of::<K>())?;
        let result = loaded.downcast_mut::<LoadedByKey<K>>()?.get_mut(key)?;
        Some((result.value.clone(), std::mem::take(&mut result.cacheable)))
    }

    /// Records that the row that answers a key is broken.
    pub(crate) fn mark_broken<K: BatchKey>(&self, key: &K) {
        let mut state = self.state();
        let broken = state.broken.entry(TypeId::of::<K>());
        let broken = broken.or_insert_with(|| Box::new(Broken::<K>::new()));
        if let Some(broken) = broken.downcast_mut::<Broken<K>>() {
            broken.insert(key.clone());
        }
    }

    /// Returns whether the row that answers a key is broken.
    pub(crate) fn is_broken<K: BatchKey>(&self, key: &K) -> bool {
        let state = self.state();
        let broken = state.broken.get(&TypeId::of::<K>());
        let broken = broken.and_then(|broken| broken.downcast_ref::<Broken<K>>());
        broken.is_some_and(|broken| broken.contains(key))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hash<K: BatchKey>(&self, key: &K) -> u64 {
        self.hasher.hash_one((TypeId::of::<K>(), key))
    }
}
