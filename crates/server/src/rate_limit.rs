//! Rate limits: how many requests, mutations and errors a client may send in a minute.
//!
//! A client is the account of its token, or else the network of its address. What it has left is kept
//! in this node's memory alone: a fleet of three lets through up to three times as much.

mod bucket;
mod meter;
mod settings;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use khabar_domain::{AccountId, Network};
use moka::sync::Cache;

use self::bucket::Quota;
pub use self::bucket::Standing;
pub use self::meter::{Limited, Meter, metered};
pub use self::settings::{RateLimits, Rates};

/// How many buckets are kept: 10 MB or so. A client that is forgotten begins anew, and the least used
/// are forgotten first, so somebody with a million addresses gains nothing for any one of them.
const BUCKETS: u64 = 65_536;

/// A bucket that was left alone for so long is full again, and as good as none.
const IDLE: Duration = Duration::from_secs(2 * bucket::WINDOW.as_secs());

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// GraphQL requests.
    Requests,
    /// Fields at the root of mutations.
    Mutations,
    /// Requests that were answered with an error of the client's.
    Errors,
}

impl Counted {
    /// The name of its policy.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Mutations => "mutations",
            Self::Errors => "errors",
        }
    }
}

/// Who is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// Whoever brings a token of this account.
    Account(AccountId),
    /// Whoever brings none, by where they are.
    Network(Network),
}

/// What each client has left.
#[derive(Debug)]
pub struct Limiter {
    limits: RateLimits,
    buckets: Cache<(Counted, Client), Arc<AtomicU64>>,
    begun: Instant,
}

impl Limiter {
    /// Everybody has everything left; none where nothing is limited.
    pub fn new(limits: RateLimits) -> Option<Self> {
        limits.limits_anything().then(|| Self {
            limits,
            buckets: Cache::builder()
                .max_capacity(BUCKETS)
                .time_to_idle(IDLE)
                .build(),
            begun: Instant::now(),
        })
    }

    /// Takes so many from what a client has left; none where it is not limited. What it has not left
    /// is not taken.
    fn take(&self, counted: Counted, client: Client, many: u64) -> Option<Standing> {
        let (quota, bucket) = self.bucket(counted, client)?;
        Some(quota.take(&bucket, many, self.begun.elapsed()))
    }

    /// Where a client stands, of which nothing is taken; none where it is not limited.
    fn look(&self, counted: Counted, client: Client) -> Option<Standing> {
        let (quota, bucket) = self.bucket(counted, client)?;
        Some(quota.look(&bucket, self.begun.elapsed()))
    }

    /// Takes one whether or not it is left: what is counted has happened.
    fn charge(&self, counted: Counted, client: Client) {
        if let Some((quota, bucket)) = self.bucket(counted, client) {
            quota.charge(&bucket, self.begun.elapsed());
        }
    }

    fn bucket(&self, counted: Counted, client: Client) -> Option<(Quota, Arc<AtomicU64>)> {
        let quota = Quota::per_minute(self.limits.of(counted, client))?;
        let bucket = self.buckets.get_with((counted, client), Arc::default);
        Some((quota, bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let mut limits = RateLimits::default();
        limits.requests.address_per_minute = 5;
        let limiter = Limiter::new(limits).unwrap();
        let mut greedy = 0;
        for number in 0..300_000_u32 {
            let client = |number: u32| {
                let address = std::net::Ipv4Addr::from(number);
                Client::Network(Network::of(address.into()))
            };
            limiter.take(Counted::Requests, client(number + 10), 1);
            // One who asks all the time is not forgotten for the sake of those who ask once.
            if number % 1_000 == 0 {
                let standing = limiter.take(Counted::Requests, client(1), 1).unwrap();
                greedy += u32::from(standing.wait.is_none());
            }
        }
        limiter.buckets.run_pending_tasks();
        assert!(limiter.buckets.entry_count() <= BUCKETS);
        assert!(greedy < 20, "{greedy}");
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_limited() {
        let none = Rates::default();
        let limits = RateLimits {
            requests: none,
            mutations: none,
            errors: none,
        };
        assert!(Limiter::new(limits).is_none());
        assert!(Limiter::new(RateLimits::default()).is_some());
    }
}
