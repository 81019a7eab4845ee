//! Positions in the change feed, and the extent of the feed.

use std::fmt;
use std::str::FromStr;

use khabar_domain::Invalid;
use sea_orm::DbErr;

/// A position in the feed. Its text form, as seen by clients, is `EPOCH-SEQ`.
///
/// After a failover that lost writes, or after restoring a backup, sequence numbers are reused for
/// different changes. The epoch then changes too, so that the two cannot be confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The epoch of the feed.
    pub epoch: i64,
    /// The sequence number of the last change.
    pub seq: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let parts = text.split_once('-');
        let parts = parts.filter(|(epoch, seq)| digits(epoch) && digits(seq));
        let numbers = parts.and_then(|(epoch, seq)| Some((epoch.parse().ok()?, seq.parse().ok()?)));
        let (epoch, seq) =
            numbers.ok_or_else(|| Invalid::new("the position", "is none of the change feed's"))?;
        Ok(Self { epoch, seq })
    }
}

/// The extent of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedBounds {
    /// The sequence number of the oldest row still stored. One greater than `head` if there is
    /// none.
    pub oldest: i64,
    /// The sequence number of the last row written. Zero before the first.
    pub head: i64,
    /// The epoch of the feed.
    pub epoch: i64,
}

impl FeedBounds {
    /// Returns the position of the last row.
    pub fn position(self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.head,
        }
    }
}

/// Returns the error for a feed without an extent.
pub(super) fn headless() -> DbErr {
    DbErr::RecordNotFound("change_head has no row".to_owned())
}
