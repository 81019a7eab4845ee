//! Meters: counting a request, and reporting the remaining quota to its client.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use khabar_domain::{AccountId, Network};

use super::{Client, Counted, Limiter, Standing, bucket};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

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
    pub(crate) fn new(limiter: Arc<Limiter>, network: Option<Network>) -> Self {
        Self {
            limiter,
            network,
            account: OnceLock::new(),
            is_counted: AtomicBool::new(false),
            standings: Mutex::default(),
        }
    }

    /// Counts the request for the account of its token instead of its network.
    pub(crate) fn is_of(&self, account: AccountId) {
        self.account.get_or_init(|| account);
    }

    /// Counts the request. Further calls have no effect.
    pub(crate) fn request(&self) -> Result<(), Limited> {
        if self.is_counted.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        // A client with too many errors has to wait, whatever the outcome of this request.
        let standing = |client| self.limiter.look(Counted::Errors, client);
        self.note(Counted::Errors, self.client().and_then(standing))?;
        self.take(Counted::Requests, 1)
    }

    /// Counts `many` mutations.
    pub(crate) fn mutations(&self, many: u64) -> Result<(), Limited> {
        self.take(Counted::Mutations, many)
    }

    /// Counts a client error.
    pub(crate) fn error(&self) {
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
        match standing.wait {
            None => Ok(()),
            Some(wait) => Err(Limited {
                counted: counted.name(),
                quota: standing.quota,
                retry_after: seconds(wait).max(1),
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

    /// Reports the remaining quotas in response headers (draft-ietf-httpapi-ratelimit-headers-10).
    fn tell(&self, headers: &mut HeaderMap) {
        let standings = self.standings();
        if standings.is_empty() {
            return;
        }
        let (mut policies, mut left) = (String::new(), String::new());
        for (counted, standing) in standings.iter() {
            let name = counted.name();
            let comma = if policies.is_empty() { "" } else { ", " };
            let Standing {
                quota, left: rest, ..
            } = standing;
            let (window, full) = (bucket::WINDOW.as_secs(), seconds(standing.full_in));
            // Writing to a String cannot fail.
            let _ = write!(policies, "{comma}\"{name}\";q={quota};w={window}");
            let _ = write!(left, "{comma}\"{name}\";r={rest};t={full}");
        }
        for (name, value) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        if let Some(wait) = standings.iter().find_map(|(_, standing)| standing.wait) {
            headers.insert(header::RETRY_AFTER, seconds(wait).max(1).into());
        }
    }
}

/// Rounds a duration up to whole seconds.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Attaches a meter to a request, and adds the rate limit headers to its response. Omits them from
/// responses that a shared cache may store, because they would reveal one client's quota to others.
pub async fn metered(meter: Meter, mut request: Request, next: Next) -> Response {
    let meter = Arc::new(meter);
    request.extensions_mut().insert(Arc::clone(&meter));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let cached = headers.get(header::CACHE_CONTROL);
    if !cached.is_some_and(|value| value.as_bytes().starts_with(b"public")) {
        meter.tell(headers);
    }
    response
}
