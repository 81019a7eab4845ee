//! A reader of the change feed that waits for new changes.

use std::sync::Arc;
use std::time::Duration;

use khabar_domain::Scope;
use tokio::sync::watch;

use super::log::{self, Page};
use super::notifier::Notifier;
use super::{Change, FeedBounds};
use crate::database::pool::Pool;
use crate::query::broken::BrokenRows;
use crate::query::sql::Dialect;
use crate::session::source::Source;
use crate::{Error, ReadSession, Result};

/// Reads the change feed and waits for new changes at its end. The caller stores its own position: the
/// last `seq` that it has processed.
///
/// Always reads from the primary. A replica or the cache may not reflect the changes returned here yet.
/// To load what has changed, state the position reached: see [`Db::reader_at`](crate::Db::reader_at).
#[derive(Clone, Debug)]
pub struct Feed {
    primary: Pool,
    dialect: Dialect,
    broken: Arc<BrokenRows>,
    notifier: Arc<Notifier>,
    subscription: watch::Receiver<i64>,
    /// The epoch of the caller's position. `None` before the first read, unless set by
    /// [`Feed::in_epoch`].
    epoch: Option<i64>,
}

impl Feed {
    /// Creates a reader of the feed that queries this pool of the primary.
    pub(crate) fn new(
        primary: Pool,
        dialect: Dialect,
        broken: Arc<BrokenRows>,
        notifier: Arc<Notifier>,
    ) -> Self {
        let subscription = notifier.subscribe();
        Self {
            primary,
            dialect,
            broken,
            notifier,
            subscription,
            epoch: None,
        }
    }

    /// Sets the epoch of the caller's position. If the feed is in another epoch, reading fails with
    /// [`Error::FeedGap`].
    #[must_use]
    pub fn in_epoch(self, epoch: i64) -> Self {
        Self {
            epoch: Some(epoch),
            ..self
        }
    }

    /// Returns the epoch that was last read or set, if any.
    pub fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    /// Returns the changes after the position `after`, oldest first, at most `most` of them. Returns at
    /// once if there are any, and otherwise as soon as there are.
    ///
    /// Fails with [`Error::FeedGap`] if the feed no longer reaches back to the position, if the position
    /// is beyond the end of the feed, or if the epoch has changed. The next call then reads the new
    /// epoch. Dropping the future loses nothing.
    pub async fn next(&mut self, after: i64, most: u16) -> Result<Vec<Change>> {
        loop {
            let Page { changes, .. } = self.poll(after, most).await?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            self.notifier.wait(&mut self.subscription).await;
        }
    }

    /// Returns the changes after the position `after` that exist now, and the ends of the feed.
    pub(crate) async fn poll(&mut self, after: i64, most: u16) -> Result<Page> {
        // Marked before reading, so that a commit from here on signals again.
        self.subscription.mark_unchanged();
        let read = log::page(&self.reader(), self.epoch, after, most).await;
        if let Err(Error::FeedGap { epoch, .. }) = &read {
            self.epoch = Some(*epoch);
        }
        let page = read?;
        let FeedBounds {
            oldest,
            head,
            epoch,
        } = page.bounds;
        self.epoch = Some(epoch);
        if head < after {
            // The position comes from another database, or from one that has lost committed changes.
            return Err(Error::FeedGap {
                after,
                oldest,
                head,
                epoch,
            });
        }
        Ok(page)
    }

    /// Waits until there may be changes since the last read, for at most `most`.
    pub(crate) async fn wait(&mut self, most: Duration) {
        let more = self.notifier.wait(&mut self.subscription);
        // A time-out is handled like a signal.
        let _ = tokio::time::timeout(most, more).await;
    }

    /// Discards knowledge of commits after `head`, because they no longer exist.
    pub(crate) fn restart(&self, head: i64) {
        self.notifier.restart(head);
    }

    /// Returns the ends of the feed: its oldest retained row and its head.
    pub async fn bounds(&self) -> Result<FeedBounds> {
        log::bounds(&self.reader()).await
    }

    /// Creates a reader for each call, because a reader records every statement that it sends. The feed
    /// depends neither on the viewer nor on the time.
    pub(crate) fn reader(&self) -> ReadSession {
        let scope = Scope::reader(chrono::DateTime::UNIX_EPOCH);
        let source = Source::Primary(self.primary.clone());
        ReadSession::new(source, self.dialect, scope)
            .knowing(self.notifier.committed())
            .remembering(Arc::clone(&self.broken))
    }
}
