//! Batches: many keys of one kind, resolved together.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use khabar_domain::Scope;

use crate::cache::{CacheMeta, Lookup};
use crate::reference_data::Reference;
use crate::{ReadSession, Result};

/// A key of a query that can be resolved together with others of its kind.
///
/// Resolving a batch takes one statement for each distinct set of arguments among its keys (such as
/// the requested page), never one for each key.
pub trait BatchKey: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// The type of the result.
    type Value: Clone + Send + Sync + 'static;

    /// Whether the key looks up a single object. If so, a broken row is reported as an error to the
    /// caller. Lists leave broken rows out.
    const FINDS_ONE: bool = false;

    /// Whether results for this scope may be cached and shared. If so, every scope for which this
    /// holds gets the same result.
    fn is_cacheable(_scope: Scope) -> bool {
        false
    }

    /// Returns the cache tags from which the result was read, so that it can be cached until one
    /// of them is touched. Returns `None` if it is unknown which writes would change the result.
    /// `value` is `None` if nothing was found.
    fn cache_meta(&self, _value: Option<&Self::Value>) -> Option<CacheMeta> {
        None
    }

    /// Returns the lane in which the key is queued: a hash of everything that keys in one batch
    /// must share. Keys in different lanes are never resolved by one statement, so they are queried
    /// in parallel.
    fn group_hash(&self) -> u64 {
        0
    }

    /// Returns the answer from the reference data, if it has one. Called only if the result
    /// [may be cached](Self::is_cacheable).
    fn look_up(&self, _reference: &Reference) -> Lookup<Self::Value> {
        Lookup::Miss
    }

    /// Resolves a batch. A key missing from the map has no result: nothing was found.
    fn fetch(
        reader: &ReadSession,
        keys: &[Self],
    ) -> impl Future<Output = Result<HashMap<Self, Self::Value>>> + Send;
}

/// Returns the lane of keys that share these arguments.
pub(crate) fn group_hash(arguments: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    arguments.hash(&mut hasher);
    hasher.finish()
}

/// Groups keys by equal arguments. One statement can resolve each group.
pub(crate) fn grouped<K: Clone, A: Eq + Hash>(
    keys: &[K],
    argument: impl Fn(&K) -> A,
) -> HashMap<A, Vec<K>> {
    let mut groups: HashMap<A, Vec<K>> = HashMap::new();
    for key in keys {
        groups.entry(argument(key)).or_default().push(key.clone());
    }
    groups
}
