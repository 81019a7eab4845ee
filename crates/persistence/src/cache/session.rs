//! The cache as seen by one request: the entries it may use, and the results of its own that may be
//! cached.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::failpoint::Point;
use super::store::Insert;
use super::{Cache, CacheMeta, CacheTag};
use crate::BatchKey;
use crate::feed::Position;
use crate::reference_data::{Lookup, Reference};

/// The cache as seen by one request.
#[derive(Clone, Debug)]
pub(crate) struct CacheSession {
    pub(super) cache: Cache,
    /// The minimum position of the feed included in everything that the request reads.
    pub(super) position: i64,
    /// The epoch of that position.
    pub(super) epoch: i64,
    pub(super) generation: u64,
    pub(super) reference: Option<Arc<Reference>>,
}

impl CacheSession {
    /// Returns the answer from the reference data. Takes no lock: the data was exact when the view
    /// was taken.
    pub(crate) fn known<K: BatchKey>(&self, key: &K) -> Lookup<K::Value> {
        let reference = self.reference.as_deref();
        let known = reference.map_or(Lookup::Miss, |reference| key.known(reference));
        if matches!(known, Lookup::Hit(_)) {
            let counts = &self.cache.0.counts;
            counts.referred.fetch_add(1, Ordering::Relaxed);
        }
        known
    }

    /// Returns the reading keys touched when rows missing from the reference data because they are
    /// broken are repaired.
    pub(crate) fn mended_by(&self) -> impl Iterator<Item = CacheTag> {
        let reference = self.reference.iter();
        reference.flat_map(|reference| reference.mended_by())
    }

    /// Waits at a step for as long as a test requires.
    pub(crate) async fn at(&self, step: Point) {
        self.cache.0.seam.at(step).await;
    }

    /// Whether the cache can hold anything besides the reference data.
    pub(crate) fn keeps(&self) -> bool {
        self.cache.0.read().store.keeps()
    }

    /// Returns the position that everything read under this view must include.
    pub(crate) fn position(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.position,
        }
    }

    /// Returns the cached results, and the keys that are not cached.
    pub(crate) fn get<K: BatchKey>(&self, keys: &[K]) -> (HashMap<K, K::Value>, Vec<K>) {
        let mut kept = Vec::with_capacity(keys.len());
        let mut missing = Vec::new();
        {
            let store = &self.cache.0.read().store;
            for key in keys {
                match store.get::<_, Option<K::Value>>(key) {
                    Some(value) => kept.push((key, value)),
                    None => missing.push(key.clone()),
                }
            }
        }
        let counts = &self.cache.0.counts;
        counts.entities.asked(kept.len(), missing.len());
        let found = kept
            .into_iter()
            .filter_map(|(key, value)| Some((key.clone(), Option::clone(&value)?)))
            .collect();
        (found, missing)
    }

    /// Caches the results for these keys. `None` means that nothing was found.
    pub(crate) fn fill<'a, K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (&'a K, Option<&'a K::Value>)>,
    ) {
        self.fill_until(answers, &[]);
    }

    /// Caches the results for these keys, to be invalidated also when one of `keys` is touched.
    pub(crate) fn fill_until<'a, K: BatchKey>(
        &self,
        answers: impl IntoIterator<Item = (&'a K, Option<&'a K::Value>)>,
        keys: &[CacheTag],
    ) {
        let fills = answers.into_iter();
        let mut fills: Vec<_> = fills
            .filter_map(|(key, value)| {
                let kept = key.keep(value)?;
                let kept = keys.iter().copied().fold(kept, CacheMeta::key);
                Some((key, Arc::new(value.cloned()), kept))
            })
            .collect();
        if fills.is_empty() {
            return;
        }
        let mut refused = 0;
        let mut known = self.cache.0.write();
        let store = &mut known.store;
        if store.generation != self.generation {
            return;
        }
        for (key, value, kept) in fills.drain(..) {
            if store.fill(self.cache.0.seam.position(self.position), key, value, kept)
                == Insert::Stale
            {
                refused += 1;
            }
        }
        drop(known);
        let counts = &self.cache.0.counts.entities;
        counts.refused.fetch_add(refused, Ordering::Relaxed);
    }

    /// Returns the whole answer cached under a name, if it is accepted by `counts`.
    pub(crate) fn answer<V: Send + Sync + 'static>(
        &self,
        name: &ResponseKey,
        counts: impl FnOnce(&V) -> bool,
    ) -> Option<Arc<V>> {
        let kept = self.cache.0.read().store.get::<_, V>(name);
        let kept = kept.filter(|answer| counts(answer));
        let found = usize::from(kept.is_some());
        self.cache.0.counts.answers.asked(found, 1 - found);
        kept
    }

    /// Caches a whole answer of this size that was created under this view. Returns whether it is
    /// still current. An answer that is not current is not cached.
    pub(crate) fn keep<V: Send + Sync + 'static>(
        &self,
        name: ResponseKey,
        answer: Arc<V>,
        bytes: usize,
        keys: Vec<CacheTag>,
    ) -> bool {
        let kept = CacheMeta {
            keys,
            numbers: Vec::new(),
            bytes,
        };
        let mut known = self.cache.0.write();
        let filled = if known.store.generation == self.generation {
            known.store.fill(
                self.cache.0.seam.position(self.position),
                &name,
                answer,
                kept,
            )
        } else {
            Insert::Stale
        };
        drop(known);
        let is_true = filled != Insert::Stale;
        if !is_true {
            let counts = &self.cache.0.counts.answers;
            counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_true
    }
}

/// The key of a cached whole answer: a digest of the entire request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResponseKey(pub [u8; 32]);
