//! A reader of the change feed that waits for more.

use std::time::Duration;

use khabar_domain::Scope;
use tokio::sync::watch;

use super::{Change, Edges, Page, page};
use crate::{Db, Error, Reader, Result};

/// Reads the change feed, and waits where it ends. Its reader keeps their own place: that which they
/// have dealt with, wherever they keep it.
///
/// It reads on the primary: what a replica does not have yet, it does not have to show. Whoever asks
/// for what has changed says up to where they know it ([`Db::reader_at`]): a replica, or the cache, may
/// not have come so far.
#[derive(Clone, Debug)]
pub struct Feed {
    db: Db,
    ear: watch::Receiver<i64>,
    /// The epoch that its reader knows; none before the first reading.
    epoch: Option<i64>,
}

impl Feed {
    pub(crate) fn new(db: Db) -> Self {
        let ear = db.bell().hear();
        Self {
            db,
            ear,
            epoch: None,
        }
    }

    /// This feed, for a reader whose place is in this epoch. In another one its place is
    /// [`Error::Missed`].
    #[must_use]
    pub fn in_epoch(self, epoch: i64) -> Self {
        Self {
            epoch: Some(epoch),
            ..self
        }
    }

    /// The epoch that was read last, if any was.
    pub fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    /// The changes after this place, oldest first, at most `most` of them: at once if there are
    /// some, else as soon as there are.
    ///
    /// A place that the feed no longer reaches, or does not reach yet, is [`Error::Missed`], and so is
    /// any place when the feed's epoch has changed: what comes next is in the new one.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self, after: i64, most: u16) -> Result<Vec<Change>> {
        loop {
            let Page { changes, .. } = self.poll(after, most).await?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            self.db.bell().wait(&mut self.ear).await;
        }
    }

    /// The changes after this place that there are now, and how far the feed goes.
    pub(crate) async fn poll(&mut self, after: i64, most: u16) -> Result<Page> {
        // Before it is read: what is committed from here on rings again.
        self.ear.mark_unchanged();
        let read = page(&self.reader(), self.epoch, after, most).await;
        if let Err(Error::Missed { epoch, .. }) = &read {
            self.epoch = Some(*epoch);
        }
        let page = read?;
        let Edges {
            oldest,
            head,
            epoch,
        } = page.edges;
        self.epoch = Some(epoch);
        if head < after {
            // The place is of another newsroom, or of one that has lost what it wrote.
            return Err(Error::Missed {
                after,
                oldest,
                head,
                epoch,
            });
        }
        Ok(page)
    }

    /// Waits until there may be more than when it was last read, but not for longer than this.
    pub(crate) async fn wait(&mut self, most: Duration) {
        let more = self.db.bell().wait(&mut self.ear);
        // Its end is as good as a ring.
        let _ = tokio::time::timeout(most, more).await;
    }

    /// Forgets what was committed here beyond this place: it is gone.
    pub(crate) fn restart(&self, head: i64) {
        self.db.bell().restart(head);
    }

    /// How far the feed goes now, and from where it is kept.
    pub async fn edges(&self) -> Result<Edges> {
        super::edges(&self.reader()).await
    }

    /// A new one each time, because a reader remembers every statement that it sent. The feed says
    /// the same to everybody at every hour.
    pub(crate) fn reader(&self) -> Reader {
        let scope = Scope::reader(chrono::DateTime::UNIX_EPOCH);
        self.db.primary(&self.db.reader(scope))
    }
}
