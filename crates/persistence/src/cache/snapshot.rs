//! The reference data as the cache has it: one snapshot, which is taken out as soon as something in
//! it is written, and whoever reads what was touched and brings the next.
//!
//! Exact as everything here is: all of this changes under the lock under which the feed is applied.
//! What is brought has been read since some place in the feed and up to another. It answers only if
//! the feed was applied up to the latter and touched nothing in it on the way; else it is what the
//! next reading begins with, and that which was touched is read once more.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::key::ReadingKey;
use super::seam::Step;
use super::{Inner, PAUSE};
use crate::Result;
use crate::change::Feed;
use crate::reference::{self, Reference, Touched};

/// How long it waits at most between two readings that fail: a row that cannot be read is told of
/// once a minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What is known of the reference data.
pub(super) struct Snapshot {
    /// As of the place up to which the feed was applied.
    current: Option<Arc<Reference>>,
    /// The last that was read.
    old: Arc<Reference>,
    /// What was written since that.
    touched: Touched,
    /// Somebody is reading: what they will bring may have anything in it.
    reading: bool,
    /// How often everything was let go: what is being read then is of no use.
    generation: u64,
    /// The newsroom has too much of it.
    too_large: bool,
}

/// What is to be read.
pub(super) struct Task {
    old: Arc<Reference>,
    touched: Touched,
    generation: u64,
}

impl Snapshot {
    /// Nothing is known yet.
    pub(super) fn new() -> Self {
        Self {
            current: None,
            old: Arc::default(),
            touched: Touched::everything(),
            reading: false,
            generation: 0,
            too_large: false,
        }
    }

    /// What answers now.
    pub(super) fn current(&self) -> Option<Arc<Reference>> {
        self.current.clone()
    }

    /// Remembers what a write has touched; tells whether something has to be read now.
    pub(super) fn touch(&mut self, keys: impl IntoIterator<Item = ReadingKey>) -> bool {
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

    /// Lets go of everything.
    pub(super) fn clear(&mut self) {
        *self = Self {
            generation: self.generation + 1,
            ..Self::new()
        };
    }

    /// What is to be read now, if anything is.
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

    /// What was read, when the feed has been applied as far as whoever read it can have seen.
    pub(super) fn bring(&mut self, task: &Task, read: Option<Reference>) {
        if self.generation != task.generation {
            return;
        }
        self.reading = false;
        let Some(read) = read else {
            tracing::warn!("there is too much reference data: each request reads what it needs");
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

    /// Whether nothing is to be read.
    fn is_settled(&self) -> bool {
        self.too_large || self.touched.is_empty()
    }

    /// Nothing was read.
    pub(super) fn give_up(&mut self, task: Task) {
        if self.generation == task.generation {
            self.reading = false;
            self.touched.add(task.touched);
        }
    }
}

/// Reads what was touched and brings it, once.
pub(super) async fn refresh(inner: &Inner, feed: &Feed) -> Result<()> {
    let Some(task) = inner.write().snapshot.begin() else {
        return Ok(());
    };
    let found = async {
        let read = reference::read(&feed.reader(), &task.old, &task.touched).await?;
        // Whatever was seen was committed by now.
        Ok((read, feed.edges().await?.head))
    };
    match found.await {
        Ok((read, head)) if inner.reaches(head).await => {
            inner.seam.at(Step::Install).await;
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

/// Reads whatever is touched for as long as anybody has the cache.
pub(super) async fn keep(inner_of: Weak<Inner>, feed: Feed) {
    let mut pause = PAUSE;
    loop {
        let Some(inner) = inner_of.upgrade() else {
            return;
        };
        let touched = Arc::clone(&inner.touched);
        let begun = Instant::now();
        if let Err(error) = refresh(&inner, &feed).await {
            tracing::warn!(cause = %error, "the reference data cannot be read: each request reads what it needs");
            drop(inner);
            // Until then, or until something is written: it may have been what was wrong.
            let _ = timeout(pause, touched.notified()).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
            continue;
        }
        pause = PAUSE;
        if !inner.read().snapshot.is_settled() {
            touched.notify_one();
        }
        drop(inner);
        // As long as it worked: however much is written, the database has something else to do.
        sleep(begun.elapsed()).await;
        touched.notified().await;
    }
}
