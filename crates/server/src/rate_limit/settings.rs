//! The settings of rate limits.

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::{Client, Counted};

/// How much a client may send in a minute; 0: as much as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// GraphQL requests of any kind.
    ///
    /// Unlimited: a kept answer costs less than to count it, and limits of their own hold what a query
    /// may cost. To be set where a reader's app is not to be scraped.
    pub requests: Rates,
    /// Fields at the root of mutations.
    ///
    /// 6,000 for a token, which an import by the API does not reach; 120 for an address without one:
    /// strangers write comments alone, of which `comments` allows fewer, and telephones share addresses.
    pub mutations: Rates,
    /// Requests that are answered with an error of the client's: a token that does not count, a document
    /// that is refused, something that is not there.
    ///
    /// Unlimited: behind a proxy that `auth.trusted_proxies` does not name, all readers share an address,
    /// and one app with a mistake would shut out the others.
    pub errors: Rates,
}

/// How many, for each kind of client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// From the tokens of one account.
    pub token_per_minute: u32,
    /// Without a token from one address, or one IPv6 /64.
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

/// More could not be told from no limit at all.
const MOST: u32 = 1_000_000;

impl RateLimits {
    /// Refuses what cannot be counted.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (counted, rates) in self.all() {
            for (client, per_minute) in [
                ("token", rates.token_per_minute),
                ("address", rates.address_per_minute),
            ] {
                let name = counted.name();
                ensure!(
                    per_minute <= MOST,
                    "http.rate_limits.{name}.{client}_per_minute is {per_minute}: it may be 0, for no limit, \
                     to {MOST}"
                );
            }
        }
        Ok(())
    }

    /// How many of these a client may send in a minute; 0: as many as it likes.
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
