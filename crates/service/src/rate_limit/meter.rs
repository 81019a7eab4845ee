//! Meters: counting a request against the quotas of its client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use khabar_domain::{AccountId, Network};

use super::{Client, Counted, Limiter, Standing};

/// A rate limit that a client has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The name of the policy: `requests`, `mutations` or `errors`.
    pub counted: &'static str,
    /// The number allowed per minute.
    pub quota: u64,
    /// The number of seconds until the client may try again.
    pub retry_after: u64,
}

/// Counts a single request against the quotas of its client.
#[derive(Debug)]
pub struct Meter {
    limiter: Arc<Limiter>,
    network: Option<Network>,
    account: OnceLock<AccountId>,
    is_counted: AtomicBool,
    standings: Mutex<Vec<(Counted, Standing)>>,
}

impl Meter {
    /// Creates a meter for a request from this network, if the network is known.
    pub fn new(limiter: Arc<Limiter>, network: Option<Network>) -> Self {
        Self {
            limiter,
            network,
            account: OnceLock::new(),
            is_counted: AtomicBool::new(false),
            standings: Mutex::default(),
        }
    }

    /// Counts the request for the account of its token instead of its network.
    pub fn is_of(&self, account: AccountId) {
        self.account.get_or_init(|| account);
    }

    /// Counts the request. Further calls have no effect.
    pub fn request(&self) -> Result<(), Limited> {
        if self.is_counted.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        // A client with too many errors has to wait, whatever the outcome of this request.
        let standing = |client| self.limiter.look(Counted::Errors, client);
        self.note(Counted::Errors, self.client().and_then(standing))?;
        self.take(Counted::Requests, 1)
    }

    /// Counts `many` mutations.
    pub fn mutations(&self, many: u64) -> Result<(), Limited> {
        self.take(Counted::Mutations, many)
    }

    /// Counts a client error.
    pub fn error(&self) {
        if let Some(client) = self.client() {
            self.limiter.charge(Counted::Errors, client);
        }
    }

    fn take(&self, counted: Counted, many: u64) -> Result<(), Limited> {
        let standing = |client| self.limiter.take(counted, client, many);
        self.note(counted, self.client().and_then(standing))
    }

    fn note(&self, counted: Counted, standing: Option<Standing>) -> Result<(), Limited> {
        let Some(standing) = standing else {
            return Ok(());
        };
        self.standings().push((counted, standing));
        match standing.wait_seconds() {
            None => Ok(()),
            Some(retry_after) => Err(Limited {
                counted: counted.name(),
                quota: standing.quota,
                retry_after,
            }),
        }
    }

    fn client(&self) -> Option<Client> {
        let account = self.account.get().copied().map(Client::Account);
        account.or(self.network.map(Client::Network))
    }

    fn standings(&self) -> MutexGuard<'_, Vec<(Counted, Standing)>> {
        self.standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the quotas that were counted, in order, to `report`.
    pub fn report(&self, report: impl FnOnce(&[(Counted, Standing)])) {
        report(&self.standings());
    }
}
