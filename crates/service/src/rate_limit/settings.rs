//! Settings of the rate limits.

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::{Client, Counted};

/// The number of requests, mutations and errors allowed per client and minute. 0 means unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// GraphQL requests of any kind.
    ///
    /// Unlimited by default: a cached response costs less than counting the request, and separate limits
    /// bound the cost of a query. Set a limit to prevent scraping.
    pub requests: Rates,
    /// Root fields of mutations.
    ///
    /// Defaults to 6,000 with a token, more than an import through the API reaches. Defaults to 120 for an
    /// address without a token: anonymous clients can only write comments, for which the `comments`
    /// settings have lower limits, and mobile devices share addresses.
    pub mutations: Rates,
    /// Requests that are answered with a client error, such as an invalid token, a rejected document or
    /// a missing object.
    ///
    /// Unlimited by default: behind a proxy that is not listed in `auth.trusted_proxies`, all readers share
    /// an address, and one faulty app would lock out the others.
    pub errors: Rates,
}

/// Limits per minute for each kind of client. 0 means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Limit for all tokens of one account together.
    pub token_per_minute: u32,
    /// Limit for one IPv4 address or IPv6 /64 network without a token.
    pub address_per_minute: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            requests: Rates::default(),
            mutations: Rates {
                token_per_minute: 6_000,
                address_per_minute: 120,
            },
            errors: Rates::default(),
        }
    }
}

/// Maximum value of a limit. A higher limit would be indistinguishable from none.
const MOST: u32 = 1_000_000;

impl RateLimits {
    /// Rejects limits that are too high to be counted.
    pub fn check(&self) -> anyhow::Result<()> {
        for (counted, rates) in self.all() {
            for (client, per_minute) in [
                ("token", rates.token_per_minute),
                ("address", rates.address_per_minute),
            ] {
                let name = counted.name();
                ensure!(
                    per_minute <= MOST,
                    "http.rate_limits.{name}.{client}_per_minute is {per_minute}; it must be from 0 (no limit) \
                     to {MOST}"
                );
            }
        }
        Ok(())
    }

    /// Returns the number allowed for this client per minute. 0 means unlimited.
    pub(super) fn of(&self, counted: Counted, client: Client) -> u32 {
        let rates = match counted {
            Counted::Requests => self.requests,
            Counted::Mutations => self.mutations,
            Counted::Errors => self.errors,
        };
        match client {
            Client::Account(_) => rates.token_per_minute,
            Client::Network(_) => rates.address_per_minute,
        }
    }

    pub(super) fn limits_anything(&self) -> bool {
        self.all()
            .iter()
            .any(|(_, rates)| *rates != Rates::default())
    }

    fn all(&self) -> [(Counted, Rates); 3] {
        [
            (Counted::Requests, self.requests),
            (Counted::Mutations, self.mutations),
            (Counted::Errors, self.errors),
        ]
    }
}
