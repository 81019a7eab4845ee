//! Request logging: one log line for each request, and a request id shared by that line, the response
//! and all log entries in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tracing::Instrument as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of a request id accepted from a client. Longer ids would fill the log.
const LONGEST_ID: usize = 64;

/// The HTTP methods that are logged by name.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"];

/// Generates request ids for requests that arrive without one: the mark of this process, and a counter.
#[derive(Debug)]
pub struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Creates a generator for this process. `process` distinguishes it from others behind the same
    /// proxy.
    pub fn new(process: u64) -> Self {
        Self {
            process,
            next: AtomicU64::new(1),
        }
    }

    fn mint(&self) -> String {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}-{count}", self.process)
    }

    /// Returns the id that the client or a proxy sent, if it is safe to log. Otherwise generates a new
    /// one.
    fn of(&self, request: &Request) -> String {
        request
            .headers()
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .filter(|id| (1..=LONGEST_ID).contains(&id.len()))
            .filter(|id| {
                id.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            })
            .map_or_else(|| self.mint(), str::to_owned)
    }
}

/// Adds request ids and request logging to every route of this router.
pub fn logged(router: Router, ids: RequestIds) -> Router {
    let ids = Arc::new(ids);
    router.layer(from_fn(move |request: Request, next: Next| {
        let ids = Arc::clone(&ids);
        async move {
            let id = ids.of(&request);
            log(request, next, id).await
        }
    }))
}

async fn log(request: Request, next: Next, id: String) -> Response {
    let begun = Instant::now();
    let span = tracing::info_span!("request", id);
    // HTTP allows any token as a method, so an unknown one may be arbitrarily long.
    let method = request.method().as_str();
    let method = if METHODS.contains(&method) {
        method
    } else {
        "other"
    };
    let method = method.to_owned();
    // The route is logged instead of the URL, which can contain a whole document.
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unknown", MatchedPath::as_str)
        .to_owned();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let micros = begun.elapsed().as_micros();
    tracing::info!(parent: &span, method, path, status, micros, "request");
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn name(ids: &RequestIds, sent: &'static str) -> String {
        let request = Request::builder().header(REQUEST_ID, sent);
        ids.of(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn a_valid_request_id_of_a_proxy_is_kept() {
        let ids = RequestIds::new(10);
        assert_eq!(name(&ids, "edge-7.a_B"), "edge-7.a_B");
        assert_eq!(name(&ids, "two words"), "000000000000000a-1");
        assert_eq!(name(&ids, ""), "000000000000000a-2");
        let long: &'static str = "x".repeat(65).leak();
        assert_eq!(name(&ids, long), "000000000000000a-3");
    }
}
