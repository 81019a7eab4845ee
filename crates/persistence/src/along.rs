//! What comes along: answers that a statement brings to questions that are asked only later.
//!
//! Whoever asks for articles says what else of them is going to be asked for ([`Reader::want`]), and
//! the statement that finds the articles reads it as well. It lies here until it is asked for, and
//! never longer than a request takes.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::BatchKey;
use crate::with::With;

/// What one request knows beside its answers.
#[derive(Default)]
pub(crate) struct Along(Mutex<State>);

#[derive(Default)]
struct State {
    /// By the hash of a key: two that share one get more than they need, and nothing wrong.
    wanted: HashMap<u64, With>,
    hasher: RandomState,
    /// For each kind of key a map of what was brought.
    brought: HashMap<TypeId, Box<dyn Any + Send>>,
    /// For each kind of key those whose row is broken.
    broken: HashMap<TypeId, Box<dyn Any + Send>>,
}

type Broken<K> = HashSet<K>;

type Brought<K> = HashMap<K, Brings<<K as BatchKey>::Value>>;

/// An answer that came along.
struct Brings<V> {
    /// None: nothing is to be found.
    value: Option<V>,
    /// Whether it may be kept for others, and is not yet.
    lasts: bool,
}

impl Along {
    /// Remembers what is going to be asked for of what answers this key.
    pub(crate) fn want<K: BatchKey>(&self, key: &K, with: With) {
        let mut state = self.state();
        let hash = state.hash(key);
        let wanted = state.wanted.entry(hash).or_default();
        *wanted = wanted.and(with);
    }

    /// What is going to be asked for of what answers any of these keys: one statement reads them all.
    pub(crate) fn wanted<K: BatchKey>(&self, keys: &[K]) -> With {
        let state = self.state();
        let wanted = keys
            .iter()
            .filter_map(|key| state.wanted.get(&state.hash(key)));
        wanted.copied().fold(With::NOTHING, With::and)
    }

    /// Lays answers down.
    pub(crate) fn bring<K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (K, Option<K::Value>)>,
        lasts: bool,
    ) {
        let mut state = self.state();
        let brought = state.brought.entry(TypeId::of::<K>());
        let brought = brought.or_insert_with(|| Box::new(Brought::<K>::new()));
        if let Some(brought) = brought.downcast_mut::<Brought<K>>() {
            let answers = answers.into_iter();
            brought.extend(answers.map(|(key, value)| (key, Brings { value, lasts })));
        }
    }

    /// The answer to this key, if it came along, and whether it is to be kept for others now.
    pub(crate) fn get<K: BatchKey>(&self, key: &K) -> Option<(Option<K::Value>, bool)> {
        let mut state = self.state();
        let brought = state.brought.get_mut(&TypeId::of::<K>())?;
        let brings = brought.downcast_mut::<Brought<K>>()?.get_mut(key)?;
        Some((brings.value.clone(), std::mem::take(&mut brings.lasts)))
    }

    /// Remembers that the row which answers a key is broken.
    pub(crate) fn leave_out<K: BatchKey>(&self, key: &K) {
        let mut state = self.state();
        let broken = state.broken.entry(TypeId::of::<K>());
        let broken = broken.or_insert_with(|| Box::new(Broken::<K>::new()));
        if let Some(broken) = broken.downcast_mut::<Broken<K>>() {
            broken.insert(key.clone());
        }
    }

    /// Whether the row that answers a key is broken.
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
