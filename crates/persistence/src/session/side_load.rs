//! Prefetching: answers that a statement reads ahead of the lookups that will need them.
//!
//! A caller that asks for articles names the related objects that it will need next
//! ([`ReadSession::including`](crate::ReadSession::including)). The statement that finds the articles then reads
//! them too. They are stored here until they are looked up, for the duration of one request at most.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::BatchKey;

/// Prefetched answers of one request.
#[derive(Default)]
pub(crate) struct SideLoaded(Mutex<State>);

#[derive(Default)]
struct State {
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
    value: Option<Arc<V>>,
    /// Whether the answer may be added to the shared cache and has not been added yet.
    cacheable: bool,
}

impl SideLoaded {
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
            loaded.extend(answers.map(|(key, value)| {
                let value = value.map(Arc::new);
                (key, Loaded { value, cacheable })
            }));
        }
    }

    /// Returns the answer to this key if it was prefetched, and whether the caller should add it to
    /// the shared cache. The flag is set on the first lookup only.
    pub(crate) fn get<K: BatchKey>(&self, key: &K) -> Option<(Option<Arc<K::Value>>, bool)> {
        let mut state = self.state();
        let loaded = state.loaded.get_mut(&TypeId::of::<K>())?;
        let result = loaded.downcast_mut::<LoadedByKey<K>>()?.get_mut(key)?;
        Some((result.value.clone(), std::mem::take(&mut result.cacheable)))
    }

    /// Whether any answer to keys of this type was prefetched.
    pub(crate) fn has<K: BatchKey>(&self) -> bool {
        self.state().loaded.contains_key(&TypeId::of::<K>())
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
