//! Buckets: the remaining quota of a client, by the generic cell rate algorithm (ITU-T I.371).
//!
//! A bucket is a single number: the time at which it is full again, in nanoseconds since the limiter was
//! created. Taking from the bucket moves this time forward. The quota is exceeded if the time would move
//! further ahead than the window.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The period to which a quota applies.
pub const WINDOW: Duration = Duration::from_mins(1);

/// The capacity of a bucket, and the rate at which it refills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    many: u64,
    /// Nanoseconds in which one unit refills.
    step: u64,
}

/// The state of a client's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaState {
    /// The number allowed within the window.
    pub quota: u64,
    /// The number that is left.
    pub remaining: u64,
    /// The time until the full quota is available again.
    pub full_in: Duration,
    /// The time to wait before trying again, if not enough was left.
    pub wait: Option<Duration>,
}

impl QuotaState {
    /// Returns the seconds until the full quota is available again, rounded up.
    pub fn full_in_seconds(&self) -> u64 {
        seconds(self.full_in)
    }

    /// Returns the seconds to wait before trying again, at least 1. `None` if enough was left.
    pub fn wait_seconds(&self) -> Option<u64> {
        self.wait.map(|wait| seconds(wait).max(1))
    }
}

/// Rounds a duration up to whole seconds.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl Quota {
    /// Creates a quota of `many` per minute. Returns `None` if `many` is 0.
    pub(super) fn per_minute(many: u32) -> Option<Self> {
        let step = nanoseconds(WINDOW).checked_div(many.into())?;
        Some(Self {
            many: many.into(),
            step: step.max(1),
        })
    }

    /// Takes `many` if that many are left. A number above the capacity takes a full bucket.
    pub(super) fn take(self, bucket: &AtomicU64, many: u64, now: Duration) -> QuotaState {
        let now = nanoseconds(now);
        let taken = many.min(self.many) * self.step;
        let end = now + self.many * self.step;
        let moved = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now) + taken;
            (full_at <= end).then_some(full_at)
        });
        match moved {
            Ok(before) => self.quota_state(before.max(now) + taken, now, None),
            Err(full_at) => {
                let wait = (full_at.max(now) + taken).saturating_sub(end);
                self.quota_state(full_at, now, Some(Duration::from_nanos(wait)))
            }
        }
    }

    /// Returns the state of the quota without taking anything. Sets `wait` if none is left.
    pub(super) fn look(self, bucket: &AtomicU64, now: Duration) -> QuotaState {
        let now = nanoseconds(now);
        let full_at = bucket.load(Ordering::Relaxed).max(now);
        let wait = (full_at + self.step).saturating_sub(now + self.many * self.step);
        let wait = (wait > 0).then(|| Duration::from_nanos(wait));
        self.quota_state(full_at, now, wait)
    }

    /// Takes one even if none is left. The debt never exceeds one.
    pub(super) fn charge(self, bucket: &AtomicU64, now: Duration) {
        let now = nanoseconds(now);
        let end = now + (self.many + 1) * self.step;
        let charged = |full_at: u64| Some((full_at.max(now) + self.step).min(end));
        // The closure always returns a value, so the update cannot fail.
        let _ = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged);
    }

    fn quota_state(self, full_at: u64, now: u64, wait: Option<Duration>) -> QuotaState {
        let missing = full_at.saturating_sub(now);
        let remaining = (self.many * self.step).saturating_sub(missing) / self.step;
        QuotaState {
            quota: self.many,
            remaining,
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
    fn a_bucket_empties_and_refills_gradually() {
        let quota = Quota::per_minute(6).unwrap();
        let bucket = AtomicU64::default();
        for remaining in (0..6).rev() {
            let quota_state = quota.take(&bucket, 1, at(100));
            assert_eq!((quota_state.remaining, quota_state.wait), (remaining, None));
        }
        let refused = quota.take(&bucket, 1, at(100));
        assert_eq!((refused.remaining, refused.wait), (0, Some(at(10))));
        assert_eq!(refused.full_in, at(60));
        // A refused attempt takes nothing.
        assert_eq!(quota.take(&bucket, 1, at(109)).wait, Some(at(1)));
        assert_eq!(quota.take(&bucket, 1, at(110)).wait, None);
        let quota_state = quota.take(&bucket, 2, at(140));
        assert_eq!((quota_state.remaining, quota_state.full_in), (1, at(50)));
        assert_eq!(quota.take(&bucket, 6, at(10_000)).remaining, 0);
    }

    #[test]
    fn a_bucket_never_exceeds_its_capacity() {
        let quota = Quota::per_minute(6).unwrap();
        let bucket = AtomicU64::default();
        assert_eq!(quota.take(&bucket, 50, at(0)).wait, None);
        assert_eq!(quota.take(&bucket, 50, at(0)).wait, Some(at(60)));
    }

    #[test]
    fn later_charges_empty_the_bucket_without_debt() {
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
    fn without_a_quota_there_is_no_limit() {
        assert!(Quota::per_minute(0).is_none());
        let quota = Quota::per_minute(1_000_000).unwrap();
        assert!(quota.take(&AtomicU64::default(), 1, at(0)).wait.is_none());
    }
}
