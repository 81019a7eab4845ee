//! A cache before the server that only writes down how it is called, and fails when it is told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::serve::Listener;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long something is waited for before a test gives up: it is not what is tested.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How it was answered.
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
    /// How many calls are still answered 503.
    failing: AtomicUsize,
    /// How many connections are still closed at once.
    dropping: AtomicUsize,
}

/// The cache, until it is dropped.
pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes one from a count, unless it is zero.
fn take(count: &AtomicUsize) -> bool {
    let taken = count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
        count.checked_sub(1)
    });
    taken.is_ok()
}

/// A listener that hangs up on some.
struct Moody(TcpListener, Arc<Inner>);

impl Listener for Moody {
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

impl Edge {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inner));
        let listener = Moody(listener, Arc::clone(&inner));
        let task = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            inner,
            task,
        })
    }

    /// Answers so many calls with 503, after hanging up on so many.
    pub(crate) fn fail(&self, calls: usize, connections: usize) {
        self.inner.failing.store(calls, Ordering::Release);
        self.inner.dropping.store(connections, Ordering::Release);
    }

    /// Whether it has hung up on as many as it was told to.
    pub(crate) fn has_dropped(&self) -> bool {
        self.inner.dropping.load(Ordering::Acquire) == 0
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.inner.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a call is of this kind.
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
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        seen.with_context(|| format!("it was only called so: {:#?}", self.calls()))
    }
}

impl Edge {
    /// Waits until it was called more often than that.
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
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        seen.with_context(|| format!("it was called {} times", self.calls().len()))
    }
}

async fn answer(
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
    // Each call is a connection of its own, so that each can be hung up on.
    (status, [("connection", "close")])
}
