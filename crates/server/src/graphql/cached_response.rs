//! A complete answer as bytes, ready to be sent repeatedly: uncompressed, and in each content coding
//! once a client has asked for that coding.

use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderValue;
use chrono::{DateTime, TimeDelta, Utc};
use khabar_graphql::response::Answer;
use khabar_persistence::cache::{CacheTag, Dependencies};
use tokio::sync::OnceCell;

use super::content_encoding::ContentEncoding;
use super::etag::{self, Digest};
use super::execute::OperationInfo;
use super::media_type::ResponseType;

/// An answer without errors.
pub(super) struct CachedResponse {
    pub(super) about: OperationInfo,
    body: Bytes,
    digest: OnceLock<Digest>,
    /// The compressed bodies, indexed by [`ContentEncoding`].
    coded: [OnceCell<Bytes>; ContentEncoding::ALL.len()],
    /// The number of bytes that may still be used for compressed bodies.
    room: AtomicUsize,
    made: Option<ComputedFrom>,
    /// The time at which the answer expires, even if nothing is written.
    until: Option<DateTime<Utc>>,
}

/// The reason why a compressed body was not stored.
enum Uncoded {
    NotKept(Bytes),
    Failed(std::io::Error),
}

/// The data that the answer was made from.
struct ComputedFrom {
    keys: Vec<CacheTag>,
    personal: bool,
}

impl CachedResponse {
    /// Creates an answer as of the given time. `hold` limits how long it may be cached. `recorded`
    /// lists what it was read from. Without that, the answer's lifetime is unknown.
    pub(super) fn new(
        answer: Answer,
        about: OperationInfo,
        as_of: DateTime<Utc>,
        hold: Option<Duration>,
        recorded: Option<Dependencies>,
    ) -> Self {
        let hold = hold.and_then(|hold| TimeDelta::from_std(hold).ok());
        let changes = recorded.as_ref().and_then(|recorded| recorded.until);
        let until = hold.map(|hold| as_of + hold).into_iter().chain(changes);
        // A boxed slice drops the spare capacity of the growing buffer, which would be retained
        // otherwise.
        let body = Bytes::from(answer.into_json().into_boxed_slice());
        Self {
            about,
            room: AtomicUsize::new(body.len()),
            body,
            digest: OnceLock::new(),
            coded: Default::default(),
            until: until.min(),
            made: recorded.map(|recorded| ComputedFrom {
                keys: recorded.keys,
                personal: recorded.personal,
            }),
        }
    }

    /// Returns the reading keys that the answer was made from, if known. The answer is current until a
    /// write touches one of them.
    pub(super) fn keys(&self) -> Option<&[CacheTag]> {
        self.made.as_ref().map(|made| made.keys.as_slice())
    }

    /// Whether the answer may differ for another viewer. True if that is unknown.
    pub(super) fn is_personal(&self) -> bool {
        self.made.as_ref().is_none_or(|made| made.personal)
    }

    /// Whether the answer has not yet expired at the given time. Writes are not considered.
    pub(super) fn holds_at(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Returns how long caches may hold the answer, counted from the given time. `None` means without
    /// limit.
    pub(super) fn hold_from(&self, now: DateTime<Utc>) -> Option<Duration> {
        let until = self.until?;
        Some((until - now).to_std().unwrap_or_default())
    }

    /// Returns the maximum memory that the answer may take, in bytes: its body, and as much again for
    /// compressed bodies.
    pub(super) fn bytes(&self) -> usize {
        let keys = self.keys().map_or(0, size_of_val);
        size_of::<Self>() + self.body.len() * 2 + keys
    }

    /// Returns the uncompressed JSON body.
    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the entity tag of the uncompressed body for a media type.
    pub(super) fn tag(&self, media: ResponseType) -> Option<HeaderValue> {
        let digest = self.digest.get_or_init(|| Digest::of(&self.body));
        etag::of(media, digest)
    }

    /// Returns the body in a content coding. The result is stored while there is room, which may run
    /// out if the body barely compresses.
    pub(super) async fn coded(&self, coding: ContentEncoding) -> std::io::Result<Bytes> {
        let kept = &self.coded[coding as usize];
        let coded = kept.get_or_try_init(|| async {
            let coded = coding.code(&self.body).await.map_err(Uncoded::Failed)?;
            let coded = Bytes::from(coded.into_boxed_slice());
            let taken = self
                .room
                .fetch_update(Relaxed, Relaxed, |room| room.checked_sub(coded.len()));
            match taken {
                Ok(_) => Ok(coded),
                Err(_) => Err(Uncoded::NotKept(coded)),
            }
        });
        match coded.await {
            Ok(coded) => Ok(coded.clone()),
            Err(Uncoded::NotKept(coded)) => Ok(coded),
            Err(Uncoded::Failed(error)) => Err(error),
        }
    }
}
