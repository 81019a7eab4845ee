//! The head of the feed, for requests that name a position. One query serves all waiting requests, and
//! their number is limited.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::{Db, late};
use crate::feed::Position;
use crate::{Doing, Result};

/// Maximum number of requests that may wait for a position at once. Requests from strangers can occupy
/// no more. A wait lasts a few milliseconds. Further requests fail and can be retried.
const WAITERS: usize = 64;

/// The head of the feed as last read.
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
    /// Acquires a permit to wait, which is released when dropped. Fails if too many requests are
    /// waiting.
    pub(super) fn waiter(&self) -> Result<OwnedSemaphorePermit> {
        let waiter = Arc::clone(&self.waiters).try_acquire_owned();
        waiter.map_err(|_| late()).doing("wait for a position")
    }

    /// Returns the head of the feed, read at or after the time of the call.
    pub(super) async fn head(&self, db: &Db) -> Result<Position> {
        let now = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((at, head)) = *last
            && at >= now
        {
            return Ok(head);
        }
        let at = Instant::now();
        let head = db.bounds().await?.position();
        *last = Some((at, head));
        Ok(head)
    }
}
