//! Meters: counting a request against the quotas of its client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use khabar_domain::{AccountId, Network};

use super::{Client, Counted, Limiter, QuotaState};

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
    quota_states: Mutex<Vec<(Counted, QuotaState)>>,
}

impl Meter {
    /// Creates a meter for a request from this network, if the network is known.
    pub fn new(limiter: Arc<Limiter>, network: Option<Network>) -> Self {
        Self {
            limiter,
            network,
            account: OnceLock::new(),
            is_counted: AtomicBool::new(false),
            quota_states: Mutex::default(),
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
        let quota_state = |client| self.limiter.look(Counted::Errors, client);
        self.note(Counted::Errors, self.client().and_then(quota_state))?;
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
        let quota_state = |client| self.limiter.take(counted, client, many);
        self.note(counted, self.client().and_then(quota_state))
    }

    fn note(&self, counted: Counted, quota_state: Option<QuotaState>) -> Result<(), Limited> {
        let Some(quota_state) = quota_state else {
            return Ok(());
        };
        self.quota_states().push((counted, quota_state));
        match quota_state.wait_seconds() {
            None => Ok(()),
            Some(retry_after) => Err(Limited {
                counted: counted.name(),
                quota: quota_state.quota,
                retry_after,
            }),
        }
    }

    fn client(&self) -> Option<Client> {
        let account = self.account.get().copied().map(Client::Account);
        account.or(self.network.map(Client::Network))
    }

    fn quota_states(&self) -> MutexGuard<'_, Vec<(Counted, QuotaState)>> {
        self.quota_states
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the quotas that were counted, in order, to `report`.
    pub fn report(&self, report: impl FnOnce(&[(Counted, QuotaState)])) {
        report(&self.quota_states());
    }
}
