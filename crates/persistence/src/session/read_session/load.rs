//! Loading the results of batch keys: from reference data, prefetched results, the cache or the database.

use std::collections::HashMap;
use std::sync::Arc;

use khabar_domain::{AccountId, ArticleId, Role, Scope, Viewer};
use uuid::Uuid;

use super::ReadSession;
use crate::cache::{CacheMeta, CacheSession, Lookup, Point};
use crate::feed::CacheTag;
use crate::reference_data::Reference;
use crate::{BatchKey, BrokenRow, Result};

/// Maximum number of statements spent on finding out which keys belong to broken rows.
const SEARCHES: usize = 32;

/// Returns the cache tags that are touched by a write that repairs these rows. Returns `None` if any
/// row has no such key.
fn repaired_by(met: &[BrokenRow]) -> Option<Vec<CacheTag>> {
    met.iter().map(BrokenRow::key).collect()
}

/// Returns the scope of a viewer who may see everything. A result that may be shared even in this
/// scope is the same for all viewers.
fn everything(scope: Scope) -> Scope {
    let mut viewer = Viewer::of(AccountId::new(Uuid::nil()), Role::Admin);
    viewer.preview = Some(ArticleId::new(Uuid::nil()));
    Scope { viewer, ..scope }
}

impl ReadSession {
    /// Loads the results for these keys, from the cache where possible. Results read from the database
    /// are cached if that is permitted. A key missing from the map has no result: nothing was found.
    pub async fn load<K: BatchKey>(&self, keys: &[K]) -> Result<HashMap<K, K::Value>> {
        let results = self.load_shared(keys).await?;
        let found = keys.iter().zip(results);
        Ok(found
            .filter_map(|(key, value)| Some((key.clone(), Arc::unwrap_or_clone(value?))))
            .collect())
    }

    /// Loads the result for each of these keys, in their order, as [`ReadSession::load`] does. The results
    /// are shared with the cache. `None` means that nothing was found.
    async fn load_shared<K: BatchKey>(&self, keys: &[K]) -> Result<Vec<Option<Arc<K::Value>>>> {
        let cached = self.cached(keys);
        let missing = keys.iter().zip(&cached);
        let missing = missing.filter(|(_, cached)| matches!(cached, Lookup::Miss));
        let missing: Vec<K> = missing.map(|(key, _)| key.clone()).collect();
        let mut read = self.read(&missing).await?.into_iter();
        let result = |cached| match cached {
            Lookup::Hit(value) => value,
            Lookup::Miss => read.next().flatten(),
        };
        Ok(cached.into_iter().map(result).collect())
    }

    /// Returns what is known of the result for each of these keys without a query: from reference data,
    /// from what an earlier statement prefetched, or from the cache.
    pub fn cached<K: BatchKey>(&self, keys: &[K]) -> Vec<Lookup<K::Value>> {
        let mut found: Vec<_> = keys.iter().map(|key| self.look_up(key)).collect();
        if let Some(view) = self.view::<K>().filter(|view| view.holds_entries()) {
            let places: Vec<usize> = (found.iter().enumerate())
                .filter_map(|(at, found)| matches!(found, Lookup::Miss).then_some(at))
                .collect();
            let results = view.get(places.iter().map(|at| &keys[*at]));
            for (at, result) in places.into_iter().zip(results) {
                found[at] = result;
            }
        }
        let known = keys.iter().zip(&found);
        self.record_loaded(known.filter_map(|(key, found)| match found {
            Lookup::Hit(value) => Some((key, value.as_deref())),
            Lookup::Miss => None,
        }));
        found
    }

    /// Reads the result for each of these keys from the database, and caches it if that is permitted.
    /// Meant for keys that are not [`ReadSession::cached`].
    pub async fn read<K: BatchKey>(&self, keys: &[K]) -> Result<Vec<Option<Arc<K::Value>>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let results = self.find(keys).await?;
        let found = results.iter().map(Option::as_deref);
        self.record_loaded(keys.iter().zip(found));
        Ok(results)
    }

    /// Returns the result for this key if it is available without a query, because it is reference data
    /// or was prefetched by an earlier statement. It does not change for the duration of the request.
    pub fn at_hand<K: BatchKey>(&self, key: &K) -> Lookup<K::Value> {
        let found = self.look_up(key);
        if let Lookup::Hit(value) = &found {
            self.record_loaded([(key, value.as_deref())]);
        }
        found
    }

    /// Records these results, if this reader is recording. `None` means that nothing was found.
    fn record_loaded<'a, K: BatchKey>(
        &self,
        results: impl IntoIterator<Item = (&'a K, Option<&'a K::Value>)>,
    ) {
        let Some(record) = &self.record else {
            return;
        };
        let is_cacheable = K::is_cacheable(self.scope);
        let metas = results
            .into_iter()
            .map(|(key, value)| key.cache_meta(value).filter(|_| is_cacheable));
        record.loaded(!K::is_cacheable(everything(self.scope)), metas);
    }

    fn look_up<K: BatchKey>(&self, key: &K) -> Lookup<K::Value> {
        let view = self.view::<K>();
        let found = view.map_or(Lookup::Miss, |view| {
            view.look_up(|reference| key.look_up(reference))
        });
        if matches!(found, Lookup::Hit(_)) {
            if let Some((view, record)) = view.zip(self.record.as_ref()) {
                let repairs = view.snapshot().into_iter().flat_map(Reference::repaired_by);
                repairs.for_each(|tag| record.read(tag));
            }
            return found;
        }
        if !self.side_loaded.has::<K>() {
            return Lookup::Miss;
        }
        let Some((value, cacheable)) = self.side_loaded.get(key) else {
            return Lookup::Miss;
        };
        // Prefetched results enter the cache only once they are requested, so that unused ones take no space.
        if let Some(view) = view.filter(|view| cacheable && view.holds_entries())
            && let Some(meta) = key.cache_meta(value.as_deref())
        {
            view.insert([(key, value.clone(), meta)]);
        }
        Lookup::Hit(value)
    }

    /// Returns the view of the cache, if results for this type of key may be cached.
    fn view<K: BatchKey>(&self) -> Option<&CacheSession<Reference>> {
        self.view.as_ref().filter(|_| K::is_cacheable(self.scope))
    }

    /// Finds the results for these keys in the database, and caches them if that is permitted.
    async fn find<K: BatchKey>(&self, keys: &[K]) -> Result<Vec<Option<Arc<K::Value>>>> {
        let shared = |found: HashMap<K, K::Value>| -> Vec<Option<Arc<K::Value>>> {
            let found = found.into_iter();
            let found: HashMap<K, _> = found.map(|(key, value)| (key, Arc::new(value))).collect();
            keys.iter().map(|key| found.get(key).cloned()).collect()
        };
        let Some(view) = self.view::<K>().filter(|view| view.holds_entries()) else {
            return Ok(shared(self.clone().fetch(keys).await?.0));
        };
        view.at(Point::Fetch).await;
        let reader = Self {
            lasting: true,
            ..self.clone()
        };
        let (fetched, met) = reader.fetch(keys).await?;
        let results = shared(fetched);
        view.at(Point::Fill).await;
        let answers = keys.iter().zip(&results);
        // A broken row is not cached as a missing result: each caller must get the error.
        let answers = answers.filter(|(key, _)| met.is_empty() || !self.is_broken(*key));
        // Nothing is cached if the repair of a broken row could not be detected.
        if let Some(repairs) = repaired_by(&met) {
            view.insert(answers.filter_map(|(key, value)| {
                let meta = key.cache_meta(value.as_deref())?;
                let meta = repairs.iter().copied().fold(meta, CacheMeta::tag);
                Some((key, value.clone(), meta))
            }));
        }
        Ok(results)
    }

    /// Finds the results for these keys in the database. Also returns the broken rows that were left out.
    async fn fetch<K: BatchKey>(
        mut self,
        keys: &[K],
    ) -> Result<(HashMap<K, K::Value>, Vec<BrokenRow>)> {
        self.met = self.met.anew();
        let found = K::fetch(&self, keys).await?;
        if self.met.is_empty() {
            return Ok((found, Vec::new()));
        }
        let met = self.met.rows();
        if let Some(record) = &self.record {
            match repaired_by(&met) {
                Some(keys) => {
                    for key in keys {
                        record.read(key);
                    }
                }
                None => record.opened(),
            }
        }
        if K::FINDS_ONE {
            let missing = keys.iter().filter(|key| !found.contains_key(*key));
            let missing: Vec<_> = missing.cloned().collect();
            self.find_broken(missing).await?;
        }
        Ok((found, met))
    }

    /// Finds out which of these keys without a result belong to broken rows. Bisects the keys, so that a
    /// few broken rows among many keys cost only a few statements. After [`SEARCHES`] statements, all
    /// remaining keys count as broken.
    async fn find_broken<K: BatchKey>(&self, missing: Vec<K>) -> Result<()> {
        let mut groups = vec![missing];
        let mut asked = 0;
        while let Some(mut group) = groups.pop() {
            if group.is_empty() {
                continue;
            }
            asked += 1;
            let mut reader = self.clone();
            reader.met = self.met.anew();
            reader.side_loaded = Arc::default();
            let left_out = asked > SEARCHES || {
                K::fetch(&reader, &group).await?;
                !reader.met.is_empty()
            };
            if !left_out {
                continue;
            }
            if group.len() == 1 || asked > SEARCHES {
                for key in &group {
                    self.side_loaded.mark_broken(key);
                }
                continue;
            }
            let other = group.split_off(group.len() / 2);
            groups.extend([group, other]);
        }
        Ok(())
    }
}
