//! A request's meter: what it counts as, and what its client is told of what is left.

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

/// What a client has sent too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Of what.
    pub counted: &'static str,
    /// How many it may send in a minute.
    pub quota: u64,
    /// Seconds until it may send the next.
    pub retry_after: u64,
}

/// Counts one request.
#[derive(Debug)]
pub struct Meter {
    limiter: Arc<Limiter>,
    network: Option<Network>,
    account: OnceLock<AccountId>,
    is_counted: AtomicBool,
    standings: Mutex<Vec<(Counted, Standing)>>,
}

impl Meter {
    /// A meter for a request from this network, where that is known.
    pub(crate) fn new(limiter: Arc<Limiter>, network: Option<Network>) -> Self {
        Self {
            limiter,
            network,
            account: OnceLock::new(),
            is_counted: AtomicBool::new(false),
            standings: Mutex::default(),
        }
    }

    /// It brought a token of this account, which counts.
    pub(crate) fn is_of(&self, account: AccountId) {
        self.account.get_or_init(|| account);
    }

    /// Counts the request, once, however often it is looked at.
    pub(crate) fn request(&self) -> Result<(), Limited> {
        if self.is_counted.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        // Whoever has sent too many errors waits, whatever this one would become.
        let standing = |client| self.limiter.look(Counted::Errors, client);
        self.note(Counted::Errors, self.client().and_then(standing))?;
        self.take(Counted::Requests, 1)
    }

    /// Counts so many mutations.
    pub(crate) fn mutations(&self, many: u64) -> Result<(), Limited> {
        self.take(Counted::Mutations, many)
    }

    /// Counts an error of the client's.
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

    /// Tells a client what it has left (draft-ietf-httpapi-ratelimit-headers-10).
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

/// Whole seconds, of which the last has begun.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Gives a request its meter, and tells its client what is left. What a shared cache may hold says
/// nothing of one client to the others.
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
