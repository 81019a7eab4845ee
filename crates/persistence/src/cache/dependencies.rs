//! The sources of a whole answer: the reading keys of everything that was loaded for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use hashbrown::HashSet;
use khabar_domain::{AccountId, ArticleId, Role, Scope, Viewer};
use uuid::Uuid;

use super::CacheTag;
use crate::BatchKey;

/// A record of everything that a request reads. Cheap to clone: all clones share one record.
#[derive(Clone, Debug, Default)]
pub struct DependencyTracker(Arc<Mutex<Page>>);

#[derive(Debug, Default)]
struct Page {
    keys: HashSet<CacheTag>,
    /// Whether something was read whose changes cannot be tracked.
    open: bool,
    personal: bool,
    until: Option<DateTime<Utc>>,
}

/// The sources of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependencies {
    /// The reading keys of the answer, in no particular order. The answer is current until one of
    /// them is touched.
    pub keys: Vec<CacheTag>,
    /// Whether the answer may depend on the viewer. If so, it may be reused only for viewers with
    /// the same access as this one.
    pub personal: bool,
    /// The time at which the answer expires by itself, if it does.
    pub until: Option<DateTime<Utc>>,
}

impl DependencyTracker {
    /// Records a key that was read in addition to the loaded results, such as the number of
    /// articles in a list.
    pub fn read(&self, key: CacheTag) {
        self.page().keys.insert(key);
    }

    /// Records that something was read whose changes cannot be tracked.
    pub(crate) fn opened(&self) {
        self.page().open = true;
    }

    /// Records that the answer depends on the viewer.
    pub fn vary_by_viewer(&self) {
        self.page().personal = true;
    }

    /// Records that the answer changes at this time.
    pub fn holds_until(&self, moment: DateTime<Utc>) {
        let mut page = self.page();
        page.until = page.until.into_iter().chain([moment]).min();
    }

    /// Records the results for these keys. `None` means that nothing was found.
    pub(crate) fn loaded<'a, K: BatchKey>(
        &self,
        scope: Scope,
        answers: impl IntoIterator<Item = (&'a K, Option<&'a K::Value>)>,
    ) {
        let is_cacheable = K::is_cacheable(scope);
        let mut page = self.page();
        for (key, value) in answers {
            match key.keep(value).filter(|_| is_cacheable) {
                Some(kept) => page.keys.extend(kept.keys),
                None => page.open = true,
            }
        }
        page.personal |= !K::is_cacheable(everything(scope));
    }

    /// Returns what was recorded, or `None` if something was read whose changes cannot be tracked.
    pub fn recorded(&self) -> Option<Dependencies> {
        let page = self.page();
        (!page.open).then(|| Dependencies {
            keys: page.keys.iter().copied().collect(),
            personal: page.personal,
            until: page.until,
        })
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the scope of a viewer who may see everything. A result that may be shared even in this
/// scope is the same for all viewers.
fn everything(scope: Scope) -> Scope {
    let mut viewer = Viewer::of(AccountId::new(Uuid::nil()), Role::Admin);
    viewer.preview = Some(ArticleId::new(Uuid::nil()));
    Scope { viewer, ..scope }
}
