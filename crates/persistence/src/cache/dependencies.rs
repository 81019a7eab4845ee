//! The sources of a whole response: the cache tags of everything that was loaded for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use hashbrown::HashSet;

use super::CacheMeta;
use crate::feed::CacheTag;

/// A record of everything that a request reads. Cheap to clone: all clones share one record.
#[derive(Clone, Debug, Default)]
pub struct DependencyTracker(Arc<Mutex<Reads>>);

#[derive(Debug, Default)]
struct Reads {
    tags: HashSet<CacheTag>,
    /// Whether something was read whose changes cannot be tracked.
    open: bool,
    personal: bool,
    until: Option<DateTime<Utc>>,
}

/// The sources of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependencies {
    /// The cache tags of the response, in no particular order. The response is current until one of
    /// them is touched.
    pub keys: Vec<CacheTag>,
    /// Whether the response may depend on the viewer. If so, it may be reused only for viewers with
    /// the same access as this one.
    pub personal: bool,
    /// The time at which the response expires by itself, if it does.
    pub until: Option<DateTime<Utc>>,
}

impl DependencyTracker {
    /// Records a tag that was read in addition to the loaded results, such as the number of
    /// articles in a list.
    pub fn read(&self, key: CacheTag) {
        self.reads().tags.insert(key);
    }

    /// Records that something was read whose changes cannot be tracked.
    pub(crate) fn opened(&self) {
        self.reads().open = true;
    }

    /// Records that the response depends on the viewer.
    pub fn vary_by_viewer(&self) {
        self.reads().personal = true;
    }

    /// Records that the response changes at this time.
    pub fn holds_until(&self, moment: DateTime<Utc>) {
        let mut reads = self.reads();
        reads.until = reads.until.into_iter().chain([moment]).min();
    }

    /// Records the metadata of loaded results. `None` stands for a result whose changes cannot be tracked.
    /// `personal` tells whether the results depend on the viewer.
    pub(crate) fn loaded(
        &self,
        personal: bool,
        results: impl IntoIterator<Item = Option<CacheMeta>>,
    ) {
        let mut reads = self.reads();
        for meta in results {
            match meta {
                Some(meta) => reads.tags.extend(meta.tags),
                None => reads.open = true,
            }
        }
        reads.personal |= personal;
    }

    /// Returns what was recorded, or `None` if something was read whose changes cannot be tracked.
    pub fn recorded(&self) -> Option<Dependencies> {
        let reads = self.reads();
        (!reads.open).then(|| Dependencies {
            keys: reads.tags.iter().copied().collect(),
            personal: reads.personal,
            until: reads.until,
        })
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
