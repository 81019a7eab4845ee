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
        let mut found = HashMap::with_capacity(keys.len());
        let mut others = Vec::new();
        for key in keys {
            match self.at_hand(key) {
                Lookup::Hit(Some(value)) => {
                    found.insert(key.clone(), value);
                }
                Lookup::Hit(None) => {}
                Lookup::Miss => others.push(key.clone()),
            }
        }
        if others.is_empty() {
            return Ok(found);
        }
        let others_found = self.find(&others).await?;
        self.record_loaded(others.iter().map(|key| (key, others_found.get(key))));
        found.extend(others_found);
        Ok(found)
    }

    /// Returns the result for this key if it is available without a query, because it is reference data
    /// or was prefetched by an earlier statement. It does not change for the duration of the request.
    pub fn at_hand<K: BatchKey>(&self, key: &K) -> Lookup<K::Value> {
        let found = self.look_up(key);
        if let Lookup::Hit(value) = &found {
            self.record_loaded([(key, value.as_ref())]);
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
        let Some((value, cacheable)) = self.side_loaded.get(key) else {
            return Lookup::Miss;
        };
        // Prefetched results enter the cache only once they are requested, so that unused ones take no space.
        if let Some(view) = view.filter(|view| cacheable && view.holds_entries())
            && let Some(meta) = key.cache_meta(value.as_ref())
        {
            view.insert([(key, value.as_ref(), meta)]);
        }
        Lookup::Hit(value)
    }

    /// Returns the view of the cache, if results for this type of key may be cached.
    fn view<K: BatchKey>(&self) -> Option<&CacheSession<Reference>> {
        self.view.as_ref().filter(|_| K::is_cacheable(self.scope))
    }

    /// Finds the results for these keys in the cache or the database.
    async fn find<K: BatchKey>(&self, keys: &[K]) -> Result<HashMap<K, K::Value>> {
        let Some(view) = self.view::<K>().filter(|view| view.holds_entries()) else {
            return Ok(self.clone().fetch(keys).await?.0);
        };
        let (mut found, missing) = view.get(keys);
        if missing.is_empty() {
            return Ok(found);
        }
        view.at(Point::Fetch).await;
        let reader = Self {
            lasting: true,
            ..self.clone()
        };
        let (fetched, met) = reader.fetch(&missing).await?;
        view.at(Point::Fill).await;
        let answers = missing.iter().map(|key| (key, fetched.get(key)));
        // A broken row is not cached as a missing result: each caller must get the error.
        let answers = answers.filter(|(key, _)| met.is_empty() || !self.is_broken(*key));
        // Nothing is cached if the repair of a broken row could not be detected.
        if let Some(repairs) = repaired_by(&met) {
            let results = answers.filter_map(|(key, value)| {
                let meta = key.cache_meta(value)?;
                let meta = repairs.iter().copied().fold(meta, CacheMeta::tag);
                Some((key, value, meta))
            });
            view.insert(results);
        }
        found.extend(fetched);
        Ok(found)
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
