//! The cache as seen by one request: the entries it may use, and the results of its own that may be
//! cached.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::failpoint::Point;
use super::store::{Insert, Key};
use super::{Cache, CacheMeta, Lookup, SnapshotData};
use crate::feed::{CacheTag, Position};

/// The cache as seen by one request.
#[derive(Debug)]
pub(crate) struct CacheSession<S: SnapshotData> {
    pub(super) cache: Cache<S>,
    /// The minimum position of the feed included in everything that the request reads.
    pub(super) position: i64,
    /// The epoch of that position.
    pub(super) epoch: i64,
    pub(super) generation: u64,
    pub(super) snapshot: Option<Arc<S>>,
}

impl<S: SnapshotData> Clone for CacheSession<S> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            snapshot: self.snapshot.clone(),
            ..*self
        }
    }
}

impl<S: SnapshotData> CacheSession<S> {
    /// Looks a result up in the reference data. Takes no lock: the data was exact when the view was taken.
    pub(crate) fn look_up<V>(&self, find: impl FnOnce(&S) -> Lookup<V>) -> Lookup<V> {
        let found = self.snapshot().map_or(Lookup::Miss, find);
        if matches!(found, Lookup::Hit(_)) {
            let counts = &self.cache.0.counts;
            counts.referred.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Returns the reference data, if it is current.
    pub(crate) fn snapshot(&self) -> Option<&S> {
        self.snapshot.as_deref()
    }

    /// Returns the reference data as [`CacheSession::snapshot`] does, shared with the cache.
    pub(crate) fn shared_snapshot(&self) -> Option<Arc<S>> {
        self.snapshot.clone()
    }

    /// Waits at a step for as long as a test requires.
    pub(crate) async fn at(&self, step: Point) {
        self.cache.0.failpoints.at(step).await;
    }

    /// Whether the cache can hold anything besides the reference data.
    pub(crate) fn holds_entries(&self) -> bool {
        self.cache.0.read().store.holds_entries()
    }

    /// Returns the position that everything read under this view must include.
    pub(crate) fn position(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.position,
        }
    }

    /// Looks the result of each key up in the cache.
    pub(crate) fn get<'a, K: Key, V: Send + Sync + 'static>(
        &self,
        keys: impl ExactSizeIterator<Item = &'a K>,
    ) -> Vec<Lookup<V>> {
        let mut results = Vec::with_capacity(keys.len());
        let mut hits = 0;
        {
            let store = &self.cache.0.read().store;
            for key in keys {
                let result = store.get::<_, Option<Arc<V>>>(key);
                hits += usize::from(result.is_some());
                results.push(
                    result.map_or(Lookup::Miss, |result| Lookup::Hit(Option::clone(&result))),
                );
            }
        }
        let counts = &self.cache.0.counts;
        counts.entities.record(hits, results.len() - hits);
        results
    }

    /// Inserts results that were read under this view, each with its key and its metadata. `None` as a
    /// result means that nothing was found.
    pub(crate) fn insert<'a, K: Key, V: Send + Sync + 'static>(
        &self,
        results: impl IntoIterator<Item = (&'a K, Option<Arc<V>>, CacheMeta)>,
    ) {
        let entries = results.into_iter();
        let entries: Vec<_> = entries
            .map(|(key, value, meta)| (key, Arc::new(value), meta))
            .collect();
        if entries.is_empty() {
            return;
        }
        let mut refused = 0;
        let mut contents = self.cache.0.write();
        let store = &mut contents.store;
        if store.generation != self.generation {
            return;
        }
        let position = self.cache.0.failpoints.position(self.position);
        for (key, value, meta) in entries {
            if store.insert(position, key, value, meta) == Insert::Stale {
                refused += 1;
            }
        }
        drop(contents);
        let counts = &self.cache.0.counts.entities;
        counts.refused.fetch_add(refused, Ordering::Relaxed);
    }

    /// Returns the whole response cached under a name, if it is accepted by `counts`.
    pub(crate) fn response<V: Send + Sync + 'static>(
        &self,
        name: &ResponseCacheKey,
        counts: impl FnOnce(&V) -> bool,
    ) -> Option<Arc<V>> {
        let response = self.cache.0.read().store.get::<_, V>(name);
        let response = response.filter(|response| counts(response));
        let found = usize::from(response.is_some());
        self.cache.0.counts.responses.record(found, 1 - found);
        response
    }

    /// Caches a whole response of this size that was created under this view. Returns whether it is
    /// still current. A response that is not current is not cached.
    pub(crate) fn insert_response<V: Send + Sync + 'static>(
        &self,
        name: ResponseCacheKey,
        response: Arc<V>,
        bytes: usize,
        tags: Vec<CacheTag>,
    ) -> bool {
        let meta = CacheMeta {
            tags,
            counts: Vec::new(),
            bytes,
        };
        let mut contents = self.cache.0.write();
        let inserted = if contents.store.generation == self.generation {
            let position = self.cache.0.failpoints.position(self.position);
            contents.store.insert(position, &name, response, meta)
        } else {
            Insert::Stale
        };
        drop(contents);
        let is_current = inserted != Insert::Stale;
        if !is_current {
            let counts = &self.cache.0.counts.responses;
            counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_current
    }
}

/// The key of a cached whole response: a digest of the entire request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResponseCacheKey(pub [u8; 32]);
