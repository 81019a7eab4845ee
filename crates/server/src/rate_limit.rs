//! The rate limits of HTTP requests: a meter for each request, and headers with its client's quotas.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use khabar_service::rate_limit::{Counted, Meter, QuotaState, WINDOW};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Attaches a meter to a request, and adds the rate limit headers to its response. Omits them from
/// responses that a shared cache may store, because they would reveal one client's quota to others.
pub(crate) async fn metered(meter: Meter, mut request: Request, next: Next) -> Response {
    let meter = Arc::new(meter);
    request.extensions_mut().insert(Arc::clone(&meter));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let cached = headers.get(header::CACHE_CONTROL);
    if !cached.is_some_and(|value| value.as_bytes().starts_with(b"public")) {
        meter.report(|quota_states| insert_headers(headers, quota_states));
    }
    response
}

/// Adds the remaining quotas to response headers (draft-ietf-httpapi-ratelimit-headers-10).
fn insert_headers(headers: &mut HeaderMap, quota_states: &[(Counted, QuotaState)]) {
    if quota_states.is_empty() {
        return;
    }
    let (mut policies, mut limits) = (String::new(), String::new());
    for (counted, quota_state) in quota_states {
        let name = counted.name();
        let comma = if policies.is_empty() { "" } else { ", " };
        let QuotaState {
            quota, remaining, ..
        } = quota_state;
        let (window, full) = (WINDOW.as_secs(), quota_state.full_in_seconds());
        // Writing to a String cannot fail.
        let _ = write!(policies, "{comma}\"{name}\";q={quota};w={window}");
        let _ = write!(limits, "{comma}\"{name}\";r={remaining};t={full}");
    }
    for (name, value) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, limits)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    let mut waits = quota_states.iter();
    if let Some(wait) = waits.find_map(|(_, quota_state)| quota_state.wait_seconds()) {
        headers.insert(header::RETRY_AFTER, wait.into());
    }
}
