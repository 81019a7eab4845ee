//! A reader of the change feed that waits for more.

use khabar_domain::Scope;
use tokio::sync::watch;

use super::{Change, Edges, page};
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
}

impl Feed {
    pub(crate) fn new(db: Db) -> Self {
        let ear = db.bell().hear();
        Self { db, ear }
    }

    /// The changes after this place, oldest first, at most `most` of them: at once if there are
    /// some, else as soon as there are.
    ///
    /// A place that the feed no longer reaches, or does not reach yet, is [`Error::Missed`].
    /// Dropping the future loses nothing.
    pub async fn next(&mut self, after: i64, most: u16) -> Result<Vec<Change>> {
        loop {
            // Before it is read: what is committed from here on rings again.
            self.ear.mark_unchanged();
            let (changes, edges) = page(&self.reader(), after, most).await?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            if let Some(Edges { oldest, head }) = edges
                && head < after
            {
                // The place is of another newsroom, or of one that has lost what it wrote.
                return Err(Error::Missed {
                    after,
                    oldest,
                    head,
                });
            }
            self.db.bell().wait(&mut self.ear).await;
        }
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
