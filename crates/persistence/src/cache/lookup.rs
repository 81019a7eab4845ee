//! Lookups in reference data or in prefetched results.

use std::sync::Arc;

/// The knowledge that the reference data or the current request has of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<V> {
    /// Unknown: the database must be queried.
    Miss,
    /// The known result, shared with all who look it up. `None` means that nothing exists.
    Hit(Option<Arc<V>>),
}

impl<V> Lookup<V> {
    /// Returns the result if there is one. Otherwise the result is unknown.
    pub(crate) fn if_found(found: Option<&Arc<V>>) -> Self {
        found.map_or(Self::Miss, |found| Self::found(Some(found)))
    }

    /// Returns a definite result, whether or not something was found.
    pub(crate) fn found(found: Option<&Arc<V>>) -> Self {
        Self::Hit(found.map(Arc::clone))
    }
}
