//! A fake cache in front of the server. Records the calls it receives, and fails on request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::serve::Listener;
use khabar_tests::harness::MAX_WAIT;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A recorded call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The status returned to the caller.
    pub(crate) status: StatusCode,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap_or("?"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[derive(Default)]
struct Inner {
    calls: Mutex<Vec<Call>>,
    called: Notify,
    /// Number of further calls to answer with 503.
    failing: AtomicUsize,
    /// Number of further connections to close at once.
    dropping: AtomicUsize,
}

/// A running fake cache. Stops when dropped.
pub(crate) struct FakeCdn {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Drop for FakeCdn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Decrements a count. Returns `false` if it was zero already.
fn take(count: &AtomicUsize) -> bool {
    let taken = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
        count.checked_sub(1)
    });
    taken.is_ok()
}

/// A listener that closes some connections at once.
struct FaultyListener(TcpListener, Arc<Inner>);

impl Listener for FaultyListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let accepted = Listener::accept(&mut self.0).await;
            if !take(&self.1.dropping) {
                return accepted;
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl FakeCdn {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .fallback(response)
            .with_state(Arc::clone(&inner));
        let listener = FaultyListener(listener, Arc::clone(&inner));
        let task = tokio::spawn(async move {
            // Ends with the test, so the result is ignored.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            inner,
            task,
        })
    }

    /// Closes the next `connections` connections at once, then answers `calls` calls with 503.
    pub(crate) fn fail(&self, calls: usize, connections: usize) {
        self.inner.failing.store(calls, Ordering::Release);
        self.inner.dropping.store(connections, Ordering::Release);
    }

    /// Whether all connections requested by [`Self::fail`] have been closed.
    pub(crate) fn has_dropped(&self) -> bool {
        self.inner.dropping.load(Ordering::Acquire) == 0
    }

    /// Returns the calls received so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.inner.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a call that matches the predicate and returns the first one.
    pub(crate) async fn sees(
        &self,
        is_it: impl Fn(&Call) -> bool + Send + Sync,
    ) -> anyhow::Result<Call> {
        let seen = async {
            loop {
                let called = self.inner.called.notified();
                if let Some(call) = self.calls().into_iter().find(|call| is_it(call)) {
                    return call;
                }
                called.await;
            }
        };
        let seen = tokio::time::timeout(MAX_WAIT, seen).await;
        seen.with_context(|| format!("it was only called so: {:#?}", self.calls()))
    }
}

impl FakeCdn {
    /// Waits until more than `count` calls have been received.
    pub(crate) async fn sees_more_than(&self, count: usize) -> anyhow::Result<()> {
        let seen = async {
            loop {
                let called = self.inner.called.notified();
                if self.calls().len() > count {
                    return;
                }
                called.await;
            }
        };
        let seen = tokio::time::timeout(MAX_WAIT, seen).await;
        seen.with_context(|| format!("it was called {} times", self.calls().len()))
    }
}

async fn response(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let status = if take(&inner.failing) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let call = Call {
        method,
        path: uri.path().to_owned(),
        headers,
        body,
        status,
    };
    let calls = inner.calls.lock();
    calls.unwrap_or_else(PoisonError::into_inner).push(call);
    inner.called.notify_waiters();
    // One connection per call, so that each call can be dropped.
    (status, [("connection", "close")])
}
