//! An answer on its way out, in pieces, so that it is known when a client has taken how much of it,
//! and when nothing of it lies in memory any more.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::activity::Exchange;
use super::buffers::Room;

/// Bytes of a piece: one frame of HTTP/2.
const PIECE: usize = 16 * 1024;

/// The body of an answer.
pub(super) struct Outgoing {
    held: Arc<Held>,
    /// What is ready and was not sent yet.
    rest: Bytes,
    body: Body,
}

/// What lasts until the last piece is gone.
struct Held {
    exchange: Exchange,
    _request: Arc<Mutex<Room>>,
    // Freed before the bytes that it stands for: they may not lie elsewhere meanwhile.
    _answer: Option<Room>,
}

/// A piece, until it was written.
struct Piece {
    held: Arc<Held>,
    bytes: Bytes,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.held.exchange.sends();
    }
}

/// The part of a body that is there already, which is all of it where it was written at once.
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

impl Outgoing {
    /// The body of an answer, after the part of it that is ready; `room` is that part's.
    pub(super) fn new(
        exchange: Exchange,
        request: Arc<Mutex<Room>>,
        ready: Bytes,
        room: Option<Room>,
        body: Body,
    ) -> Self {
        exchange.sends();
        let held = Held {
            exchange,
            _request: request,
            _answer: room,
        };
        Self {
            held: Arc::new(held),
            rest: ready,
            body,
        }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let bytes = this.rest.split_to(this.rest.len().min(PIECE));
        let piece = Piece {
            held: Arc::clone(&this.held),
            bytes,
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (body, mut hint) = (self.body.size_hint(), SizeHint::new());
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        // The upper bound first: the lower one may not be above it.
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(body.lower().saturating_add(rest));
        hint
    }
}

/// The body of a request, whose bytes are counted as they arrive.
pub(super) struct Arriving {
    body: hyper::body::Incoming,
    room: Arc<Mutex<Room>>,
}

impl Arriving {
    /// A body that is counted as part of this room.
    pub(super) fn new(body: hyper::body::Incoming, room: Arc<Mutex<Room>>) -> Self {
        Self { body, room }
    }
}

impl HttpBody for Arriving {
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
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.grow(bytes)?;
        drop(room);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
