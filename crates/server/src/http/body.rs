//! Message bodies with memory accounting. Responses are sent in pieces, to track how much the client
//! has read and when their memory is free again.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::activity::Exchange;
use super::buffer_budget::BufferPermit;

/// The size of a piece, in bytes: one HTTP/2 frame.
const CHUNK: usize = 16 * 1024;

/// The body of a response.
pub(super) struct ResponseBody {
    guard: Arc<ResponseGuard>,
    /// The bytes that are ready but not yet sent.
    pending: Bytes,
    body: Body,
}

/// The state retained until the last chunk has been written.
struct ResponseGuard {
    exchange: Exchange,
    _request: Arc<Mutex<BufferPermit>>,
    // Dropped before the bytes it accounts for: their address must not be reused while it is
    // registered.
    _response: Option<BufferPermit>,
}

/// A chunk of a response. Dropped once it has been written.
struct Chunk {
    guard: Arc<ResponseGuard>,
    bytes: Bytes,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.guard.exchange.sends();
    }
}

/// Returns the part of a body that is already available: all of it, if it was written at once.
pub(super) fn first(body: &mut Body) -> Bytes {
    let mut context = Context::from_waker(Waker::noop());
    if body.size_hint().exact().is_none_or(|bytes| bytes == 0) {
        return Bytes::new();
    }
    match Pin::new(body).poll_frame(&mut context) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    }
}

impl ResponseBody {
    /// Creates the body of a response. `ready` is its first part, and `permit` the memory reserved for
    /// that part.
    pub(super) fn new(
        exchange: Exchange,
        request: Arc<Mutex<BufferPermit>>,
        ready: Bytes,
        permit: Option<BufferPermit>,
        body: Body,
    ) -> Self {
        exchange.sends();
        let guard = ResponseGuard {
            exchange,
            _request: request,
            _response: permit,
        };
        Self {
            guard: Arc::new(guard),
            pending: ready,
            body,
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        while this.pending.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.pending = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let bytes = this.pending.split_to(this.pending.len().min(CHUNK));
        let piece = Chunk {
            guard: Arc::clone(&this.guard),
            bytes,
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.pending.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, mut hint) = (self.body.size_hint(), SizeHint::new());
        let pending = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        // The upper bound is set first because the lower bound must not exceed it.
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(pending));
        }
        hint.set_lower(body.lower().saturating_add(pending));
        hint
    }
}

/// The body of a request. Its bytes are accounted for as they arrive.
pub(super) struct RequestBody {
    body: hyper::body::Incoming,
    permit: Arc<Mutex<BufferPermit>>,
}

impl RequestBody {
    /// Creates a body whose bytes count towards this reservation.
    pub(super) fn new(body: hyper::body::Incoming, permit: Arc<Mutex<BufferPermit>>) -> Self {
        Self { body, permit }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let Some(frame) = frame else {
            return Poll::Ready(None);
        };
        let frame = frame?;
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        let mut permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        permit.grow(bytes)?;
        drop(permit);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
