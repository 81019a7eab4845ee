//! The head of the feed for those who name a position: asked for once for all who wait, and only so many
//! may.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::{Db, late};
use crate::change::Position;
use crate::{Doing, Result};

/// The requests that may wait for a position at the same time. A stranger's take no more, and a wait is
/// some milliseconds long: the next request is told to come again.
const WAITERS: usize = 64;

/// The head of the feed as it was last asked for.
#[derive(Debug)]
pub(super) struct Heads {
    waiters: Arc<Semaphore>,
    last: Mutex<Option<(Instant, Position)>>,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            waiters: Arc::new(Semaphore::new(WAITERS)),
            last: Mutex::default(),
        }
    }
}

impl Heads {
    /// A place among those who wait, until it is dropped.
    pub(super) fn waiter(&self) -> Result<OwnedSemaphorePermit> {
        let waiter = Arc::clone(&self.waiters).try_acquire_owned();
        waiter.map_err(|_| late()).doing("wait for a position")
    }

    /// The head of the feed, as of now or later.
    pub(super) async fn head(&self, db: &Db) -> Result<Position> {
        let now = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((at, head)) = *last
            && at >= now
        {
            return Ok(head);
        }
        let at = Instant::now();
        let head = db.edges().await?.position();
        *last = Some((at, head));
        Ok(head)
    }
}
