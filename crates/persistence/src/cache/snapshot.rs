//! The reference data in the cache. It is held as one snapshot, which is removed as soon as a part
//! of it is written. A background task then reloads the affected parts and installs the next
//! snapshot.
//!
//! The snapshot is exact like the rest of the cache: all of this changes under the lock under which
//! the feed is applied. New data was read between two positions in the feed. It is put to use only
//! if the feed has been applied up to the second position and touched nothing in it in between.
//! Otherwise it is the basis of the next reload, which reads the touched parts again.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::failpoint::Point;
use super::tag::CacheTag;
use super::{Inner, PAUSE};
use crate::Result;
use crate::feed::Feed;
use crate::reference_data::{self, DirtyRows, Reference};

/// The longest delay between two failed attempts to read. A row that cannot be read is logged
/// once a minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The state of the reference data.
pub(super) struct Snapshot {
    /// The current snapshot, as of the position up to which the feed was applied.
    current: Option<Arc<Reference>>,
    /// The last snapshot that was read.
    old: Arc<Reference>,
    /// The parts written since `old` was read.
    touched: DirtyRows,
    /// Whether a reload is in progress. Its result may contain any object.
    reading: bool,
    /// The number of times that everything was cleared. A reload in progress at that time is
    /// discarded.
    generation: u64,
    /// Whether the newsroom has too much reference data for a snapshot.
    too_large: bool,
}

/// A reload to be performed.
pub(super) struct Task {
    old: Arc<Reference>,
    touched: DirtyRows,
    generation: u64,
}

impl Snapshot {
    /// Creates the initial state, in which nothing has been read.
    pub(super) fn new() -> Self {
        Self {
            current: None,
            old: Arc::default(),
            touched: DirtyRows::everything(),
            reading: false,
            generation: 0,
            too_large: false,
        }
    }

    /// Returns the current snapshot, if there is one.
    pub(super) fn current(&self) -> Option<Arc<Reference>> {
        self.current.clone()
    }

    /// Records what a write has touched. Returns whether something has to be reloaded.
    pub(super) fn touch(&mut self, keys: impl IntoIterator<Item = CacheTag>) -> bool {
        if self.too_large {
            return false;
        }
        keys.into_iter().for_each(|key| self.touched.touch(key));
        if !self.reading {
            self.touched.forget_others(&self.old);
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
    pub(super) fn begin(&mut self) -> Option<Task> {
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
    pub(super) fn bring(&mut self, task: &Task, read: Option<Reference>) {
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
        self.touched.forget_others(&self.old);
        if self.touched.is_empty() {
            self.current = Some(Arc::clone(&self.old));
        }
    }

    /// Whether nothing has to be reloaded.
    fn is_settled(&self) -> bool {
        self.too_large || self.touched.is_empty()
    }

    /// Abandons a reload that has no result. Its parts remain to be reloaded.
    pub(super) fn give_up(&mut self, task: Task) {
        if self.generation == task.generation {
            self.reading = false;
            self.touched.add(task.touched);
        }
    }
}

/// Performs one reload of the touched parts and installs the result.
pub(super) async fn refresh(inner: &Inner, feed: &Feed) -> Result<()> {
    let Some(task) = inner.write().snapshot.begin() else {
        return Ok(());
    };
    let found = async {
        let read = reference_data::read(&feed.reader(), &task.old, &task.touched).await?;
        // Everything that was seen is committed by now.
        Ok((read, feed.edges().await?.head))
    };
    match found.await {
        Ok((read, head)) if inner.reaches(head).await => {
            inner.seam.at(Point::Install).await;
            let mut known = inner.write();
            known.snapshot.bring(&task, read);
            inner.settled.send_replace(known.snapshot.is_settled());
            Ok(())
        }
        Ok(_) => {
            inner.write().snapshot.give_up(task);
            Ok(())
        }
        Err(error) => {
            inner.write().snapshot.give_up(task);
            Err(error)
        }
    }
}

/// Reloads touched parts for as long as the cache is in use.
pub(super) async fn keep(inner_of: Weak<Inner>, feed: Feed) {
    let mut pause = PAUSE;
    loop {
        let Some(inner) = inner_of.upgrade() else {
            return;
        };
        let touched = Arc::clone(&inner.touched);
        let begun = Instant::now();
        if let Err(error) = refresh(&inner, &feed).await {
            tracing::warn!(cause = %error, "reference_data_unavailable");
            drop(inner);
            // Retries after the pause, or as soon as something is written, which may have fixed the
            // problem.
            let _ = timeout(pause, touched.notified()).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
            continue;
        }
        pause = PAUSE;
        if !inner.read().snapshot.is_settled() {
            touched.notify_one();
        }
        drop(inner);
        // Pauses for as long as the reload took. Even under many writes, this leaves the database
        // time for other work.
        sleep(begun.elapsed()).await;
        touched.notified().await;
    }
}
