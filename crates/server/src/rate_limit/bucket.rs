//! A bucket: what a client has left, by the generic cell rate algorithm (ITU-T I.371).
//!
//! It is one number: the time at which the bucket is full again, in nanoseconds since the limiter began.
//! What is taken moves it on; where it would lie further ahead than the window, there is not so much left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The time that a quota is for.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// How much fills a bucket, and in which steps it fills again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    many: u64,
    /// Nanoseconds for one.
    step: u64,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How much it may send within the window.
    pub quota: u64,
    /// How much of that is left.
    pub left: u64,
    /// When all of it is left again.
    pub full_in: Duration,
    /// How long it is to wait, where what it asked for was not left.
    pub wait: Option<Duration>,
}

impl Quota {
    /// So many in a minute; none where that is 0.
    pub(super) fn per_minute(many: u32) -> Option<Self> {
        let step = nanoseconds(WINDOW).checked_div(many.into())?;
        Some(Self {
            many: many.into(),
            step: step.max(1),
        })
    }

    /// Takes so many, if so many are left. More than fit into a bucket are all that do.
    pub(super) fn take(self, bucket: &AtomicU64, many: u64, now: Duration) -> Standing {
        let now = nanoseconds(now);
        let taken = many.min(self.many) * self.step;
        let end = now + self.many * self.step;
        let moved = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now) + taken;
            (full_at <= end).then_some(full_at)
        });
        match moved {
            Ok(before) => self.standing(before.max(now) + taken, now, None),
            Err(full_at) => {
                let wait = (full_at.max(now) + taken).saturating_sub(end);
                self.standing(full_at, now, Some(Duration::from_nanos(wait)))
            }
        }
    }

    /// Whether one is left, which is not taken.
    pub(super) fn look(self, bucket: &AtomicU64, now: Duration) -> Standing {
        let now = nanoseconds(now);
        let full_at = bucket.load(Ordering::Relaxed).max(now);
        let wait = (full_at + self.step).saturating_sub(now + self.many * self.step);
        let wait = (wait > 0).then(|| Duration::from_nanos(wait));
        self.standing(full_at, now, wait)
    }

    /// Takes one that may not be left; the debt is never more than that one.
    pub(super) fn charge(self, bucket: &AtomicU64, now: Duration) {
        let now = nanoseconds(now);
        let end = now + (self.many + 1) * self.step;
        let charged = |full_at: u64| Some((full_at.max(now) + self.step).min(end));
        // It always has something to put there.
        let _ = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged);
    }

    fn standing(self, full_at: u64, now: u64, wait: Option<Duration>) -> Standing {
        let missing = full_at.saturating_sub(now);
        let left = (self.many * self.step).saturating_sub(missing) / self.step;
        Standing {
            quota: self.many,
            left,
            full_in: Duration::from_nanos(missing),
            wait,
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_bucket_empties_and_fills_again_step_by_step() {
        let quota = Quota::per_minute(6).unwrap();
        let bucket = AtomicU64::default();
        for left in (0..6).rev() {
            let standing = quota.take(&bucket, 1, at(100));
            assert_eq!((standing.left, standing.wait), (left, None));
        }
        let refused = quota.take(&bucket, 1, at(100));
        assert_eq!((refused.left, refused.wait), (0, Some(at(10))));
        assert_eq!(refused.full_in, at(60));
        // To be refused takes nothing.
        assert_eq!(quota.take(&bucket, 1, at(109)).wait, Some(at(1)));
        assert_eq!(quota.take(&bucket, 1, at(110)).wait, None);
        let standing = quota.take(&bucket, 2, at(140));
        assert_eq!((standing.left, standing.full_in), (1, at(50)));
        assert_eq!(quota.take(&bucket, 6, at(10_000)).left, 0);
    }

    #[test]
    fn more_than_a_bucket_holds_is_a_full_bucket() {
        let quota = Quota::per_minute(6).unwrap();
        let bucket = AtomicU64::default();
        assert_eq!(quota.take(&bucket, 50, at(0)).wait, None);
        assert_eq!(quota.take(&bucket, 50, at(0)).wait, Some(at(60)));
    }

    #[test]
    fn what_has_happened_is_charged_and_no_debt_grows() {
        let quota = Quota::per_minute(2).unwrap();
        let bucket = AtomicU64::default();
        for _ in 0..100 {
            quota.charge(&bucket, at(0));
        }
        assert_eq!(quota.look(&bucket, at(0)).wait, Some(at(60)));
        assert_eq!(quota.look(&bucket, at(60)).wait, None);
        quota.charge(&bucket, at(60));
        assert_eq!(quota.look(&bucket, at(60)).wait, Some(at(30)));
    }

    #[test]
    fn no_quota_is_no_limit() {
        assert!(Quota::per_minute(0).is_none());
        let quota = Quota::per_minute(1_000_000).unwrap();
        assert!(quota.take(&AtomicU64::default(), 1, at(0)).wait.is_none());
    }
}
