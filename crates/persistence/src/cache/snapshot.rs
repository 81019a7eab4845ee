//! The reference data in the cache. It is held as one snapshot, which is removed as soon as a part
//! of it is written. A background task then reloads the affected parts and installs the next
//! snapshot.
//!
//! The snapshot is exact like the rest of the cache: all of this changes under the lock under which
//! the feed is applied. New data was read between two positions in the feed. It is put to use only
//! if the feed has been applied up to the second position and touched nothing in it in between.
//! Otherwise it is the basis of the next reload, which reads the touched parts again.

use std::fmt::Debug;
use std::sync::Arc;

use crate::feed::CacheTag;

/// Reference data that the cache holds as one immutable snapshot.
pub trait SnapshotData: Debug + Default + Send + Sync + 'static {
    /// The parts of it that must be read again.
    type Dirty: DirtyParts<Self>;
}

/// The parts of reference data that must be read again. The default is none.
pub trait DirtyParts<S>: Default + Send + Sync + 'static {
    /// Returns a value that requires all of it to be read again.
    fn everything() -> Self;

    /// Whether nothing must be read again.
    fn is_empty(&self) -> bool;

    /// Records what a write has touched, if it can be part of the reference data.
    fn touch(&mut self, tag: CacheTag);

    /// Drops what is not part of the reference data, as it was last read.
    fn retain_known(&mut self, data: &S);

    /// Adds everything that `other` requires to be read again.
    fn add(&mut self, other: Self);
}

/// The state of the reference data.
pub(super) struct Snapshot<S: SnapshotData> {
    /// The current snapshot, as of the position up to which the feed was applied.
    current: Option<Arc<S>>,
    /// The last snapshot that was read.
    old: Arc<S>,
    /// The parts written since `old` was read.
    touched: S::Dirty,
    /// Whether a reload is in progress. Its result may contain any object.
    reading: bool,
    /// The number of times that everything was cleared. A reload in progress at that time is
    /// discarded.
    generation: u64,
    /// Whether the newsroom has too much reference data for a snapshot.
    too_large: bool,
}

/// A reload to be performed.
pub(super) struct Task<S: SnapshotData> {
    pub(super) old: Arc<S>,
    pub(super) touched: S::Dirty,
    generation: u64,
}

impl<S: SnapshotData> Snapshot<S> {
    /// Creates the initial state, in which nothing has been read.
    pub(super) fn new() -> Self {
        Self {
            current: None,
            old: Arc::default(),
            touched: S::Dirty::everything(),
            reading: false,
            generation: 0,
            too_large: false,
        }
    }

    /// Returns the current snapshot, if there is one.
    pub(super) fn current(&self) -> Option<Arc<S>> {
        self.current.clone()
    }

    /// Records what a write has touched. Returns whether something has to be reloaded.
    pub(super) fn touch(&mut self, tags: impl IntoIterator<Item = CacheTag>) -> bool {
        if self.too_large {
            return false;
        }
        tags.into_iter().for_each(|tag| self.touched.touch(tag));
        if !self.reading {
            self.touched.retain_known(&self.old);
        }
        let touched = !self.touched.is_empty();
        if touched {
            self.current = None;
        }
        touched
    }

    /// Clears everything.
    pub(super) fn clear(&mut self) {
        *self = Self {
            generation: self.generation + 1,
            ..Self::new()
        };
    }

    /// Starts a reload and returns its task. Returns `None` if nothing has to be reloaded.
    pub(super) fn begin(&mut self) -> Option<Task<S>> {
        if self.is_settled() {
            return None;
        }
        self.reading = true;
        Some(Task {
            old: Arc::clone(&self.old),
            touched: std::mem::take(&mut self.touched),
            generation: self.generation,
        })
    }

    /// Installs the result of a reload. The feed must have been applied up to everything that the
    /// reload can have seen. `None` means that there is too much reference data.
    pub(super) fn install(&mut self, task: &Task<S>, read: Option<S>) {
        if self.generation != task.generation {
            return;
        }
        self.reading = false;
        let Some(read) = read else {
            tracing::warn!("reference_data_too_large");
            *self = Self {
                too_large: true,
                generation: self.generation,
                ..Self::new()
            };
            return;
        };
        self.old = Arc::new(read);
        self.touched.retain_known(&self.old);
        if self.touched.is_empty() {
            self.current = Some(Arc::clone(&self.old));
        }
    }

    /// Whether nothing has to be reloaded.
    pub(super) fn is_settled(&self) -> bool {
        self.too_large || self.touched.is_empty()
    }

    /// Abandons a reload that has no result. Its parts remain to be reloaded.
    pub(super) fn abandon(&mut self, task: Task<S>) {
        if self.generation == task.generation {
            self.reading = false;
            self.touched.add(task.touched);
        }
    }
}
