//! What a whole answer was made from: the reading keys of everything that was loaded for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use hashbrown::HashSet;
use khabar_domain::{AccountId, ArticleId, Role, Scope, Viewer};
use uuid::Uuid;

use super::ReadingKey;
use crate::BatchKey;

/// Takes down what a request reads. Cheap to clone: all clones write on one page.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Page>>);

#[derive(Debug, Default)]
struct Page {
    keys: HashSet<ReadingKey>,
    /// Something was read of which nobody says when it changes.
    open: bool,
    personal: bool,
    until: Option<DateTime<Utc>>,
}

/// What an answer was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Every key that it was read from, in no order: as long as none is touched, it is what would be
    /// answered now.
    pub keys: Vec<ReadingKey>,
    /// Whether it may depend on who asks: then it is for those alone who are to the newsroom what
    /// this one was.
    pub personal: bool,
    /// When it changes by itself, if it does.
    pub until: Option<DateTime<Utc>>,
}

impl Record {
    /// Takes down that something was read beyond what was loaded, such as the number of articles
    /// that a list has.
    pub fn read(&self, key: ReadingKey) {
        self.page().keys.insert(key);
    }

    /// Takes down that something was read of which nobody says when it changes.
    pub(crate) fn opened(&self) {
        self.page().open = true;
    }

    /// Takes down that it mattered who asks.
    pub fn asked_who(&self) {
        self.page().personal = true;
    }

    /// Takes down that the answer is another from this moment on.
    pub fn holds_until(&self, moment: DateTime<Utc>) {
        let mut page = self.page();
        page.until = page.until.into_iter().chain([moment]).min();
    }

    /// Takes down what answered these keys; none: nothing was found.
    pub(crate) fn loaded<'a, K: BatchKey>(
        &self,
        scope: Scope,
        answers: impl IntoIterator<Item = (&'a K, Option<&'a K::Value>)>,
    ) {
        let is_kept = K::is_kept(scope);
        let mut page = self.page();
        for (key, value) in answers {
            match key.keep(value).filter(|_| is_kept) {
                Some(kept) => page.keys.extend(kept.keys),
                None => page.open = true,
            }
        }
        page.personal |= !K::is_kept(everything(scope));
    }

    /// What was taken down; none when something was read of which nobody says when it changes.
    pub fn recorded(&self) -> Option<Recorded> {
        let page = self.page();
        (!page.open).then(|| Recorded {
            keys: page.keys.iter().copied().collect(),
            personal: page.personal,
            until: page.until,
        })
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The scope of somebody who may see all that there is: what they are answered alike, everybody is.
fn everything(scope: Scope) -> Scope {
    let mut viewer = Viewer::of(AccountId::new(Uuid::nil()), Role::Admin);
    viewer.preview = Some(ArticleId::new(Uuid::nil()));
    Scope { viewer, ..scope }
}
