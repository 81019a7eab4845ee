//! Rate limits: the number of requests, mutations and errors allowed for each client per minute.
//!
//! A client is identified by the account of its token, or otherwise by the network of its address. The
//! quotas are stored in the memory of each node, so a fleet of three nodes allows up to three times as much.

mod bucket;
mod meter;
mod settings;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use khabar_domain::{AccountId, Network};
use moka::sync::Cache;

use self::bucket::Quota;
pub use self::bucket::{QuotaState, WINDOW};
pub use self::meter::{Limited, Meter};
pub use self::settings::{RateLimits, Rates};

/// Maximum number of buckets in memory: about 10 MB. A client whose bucket is evicted starts with a full
/// quota. The least used buckets are evicted first, so a client with a million addresses gains nothing
/// for any one of them.
const BUCKETS: u64 = 65_536;

/// Time after which an unused bucket is evicted. By then it is full again, so nothing is lost.
const IDLE: Duration = Duration::from_secs(2 * WINDOW.as_secs());

/// The events that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// GraphQL requests.
    Requests,
    /// Root fields of mutations.
    Mutations,
    /// Requests that were answered with a client error.
    Errors,
}

impl Counted {
    /// Returns the name of the rate limit policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Mutations => "mutations",
            Self::Errors => "errors",
        }
    }
}

/// The client to which a quota applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// All requests with a token of this account.
    Account(AccountId),
    /// All requests without a token from this network.
    Network(Network),
}

/// The remaining quotas of all clients.
#[derive(Debug)]
pub struct Limiter {
    limits: RateLimits,
    buckets: Cache<(Counted, Client), Arc<AtomicU64>>,
    begun: Instant,
}

impl Limiter {
    /// Creates a limiter with full quotas. Returns `None` if nothing is limited.
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

    /// Takes `many` from a client's quota. Takes nothing if fewer are left. Returns `None` if the client is
    /// not limited.
    fn take(&self, counted: Counted, client: Client, many: u64) -> Option<QuotaState> {
        let (quota, bucket) = self.bucket(counted, client)?;
        Some(quota.take(&bucket, many, self.begun.elapsed()))
    }

    /// Returns the state of a client's quota without taking anything, or `None` if the client is not limited.
    fn look(&self, counted: Counted, client: Client) -> Option<QuotaState> {
        let (quota, bucket) = self.bucket(counted, client)?;
        Some(quota.look(&bucket, self.begun.elapsed()))
    }

    /// Takes one from a client's quota even if none is left, because the event has already happened.
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
    fn the_number_of_rate_limit_buckets_is_bounded() {
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
            // A client that asks all the time is not evicted in favour of clients that ask once.
            if number % 1_000 == 0 {
                let quota_state = limiter.take(Counted::Requests, client(1), 1).unwrap();
                greedy += u32::from(quota_state.wait.is_none());
            }
        }
        limiter.buckets.run_pending_tasks();
        assert!(limiter.buckets.entry_count() <= BUCKETS);
        assert!(greedy < 20, "{greedy}");
    }

    #[test]
    fn no_buckets_are_created_without_limits() {
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
