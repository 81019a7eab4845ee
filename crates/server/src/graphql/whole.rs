//! A whole answer as bytes, ready to be sent again: plain, and in each content coding once somebody
//! has asked for it in that.

use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderValue;
use chrono::{DateTime, TimeDelta, Utc};
use khabar_graphql::answer::Answer;
use khabar_persistence::cache::{ReadingKey, Recorded};
use tokio::sync::OnceCell;

use super::coding::Coding;
use super::etag::{self, Digest};
use super::media::Media;
use super::run::About;

/// An answer without errors.
pub(super) struct Whole {
    pub(super) about: About,
    body: Bytes,
    digest: OnceLock<Digest>,
    /// In each [`Coding`], at its number.
    coded: [OnceCell<Bytes>; Coding::ALL.len()],
    /// The bytes that may still be kept in codings.
    room: AtomicUsize,
    made: Option<Made>,
    /// When it is no longer what would be answered, whatever is written.
    until: Option<DateTime<Utc>>,
}

/// Why a coding is not kept.
enum Uncoded {
    NotKept(Bytes),
    Failed(std::io::Error),
}

/// What it was made from.
struct Made {
    keys: Vec<ReadingKey>,
    personal: bool,
}

impl Whole {
    /// An answer as of a moment, which may be held for so long, made from this; without it, nobody
    /// knows for how long it is true.
    pub(super) fn new(
        answer: Answer,
        about: About,
        as_of: DateTime<Utc>,
        hold: Option<Duration>,
        recorded: Option<Recorded>,
    ) -> Self {
        let hold = hold.and_then(|hold| TimeDelta::from_std(hold).ok());
        let changes = recorded.as_ref().and_then(|recorded| recorded.until);
        let until = hold.map(|hold| as_of + hold).into_iter().chain(changes);
        // What it has grown by doubling would be kept as well.
        let body = Bytes::from(answer.into_json().into_boxed_slice());
        Self {
            about,
            room: AtomicUsize::new(body.len()),
            body,
            digest: OnceLock::new(),
            coded: Default::default(),
            until: until.min(),
            made: recorded.map(|recorded| Made {
                keys: recorded.keys,
                personal: recorded.personal,
            }),
        }
    }

    /// The reading keys that it was made from, where they are known: until one of them is touched, it
    /// is what would be answered.
    pub(super) fn keys(&self) -> Option<&[ReadingKey]> {
        self.made.as_ref().map(|made| made.keys.as_slice())
    }

    /// Whether it may be another for somebody else.
    pub(super) fn is_personal(&self) -> bool {
        self.made.as_ref().is_none_or(|made| made.personal)
    }

    /// Whether it still holds at a moment, as far as time goes.
    pub(super) fn holds_at(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// For how long caches may hold it from a moment on; none: as long as they like.
    pub(super) fn hold_from(&self, now: DateTime<Utc>) -> Option<Duration> {
        let until = self.until?;
        Some((until - now).to_std().unwrap_or_default())
    }

    /// How many bytes it may take: its text, and as many again in codings.
    pub(super) fn bytes(&self) -> usize {
        let keys = self.keys().map_or(0, size_of_val);
        size_of::<Self>() + self.body.len() * 2 + keys
    }

    /// Its text.
    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Its entity tag as this media type, before it is coded.
    pub(super) fn tag(&self, media: Media) -> Option<HeaderValue> {
        let digest = self.digest.get_or_init(|| Digest::of(&self.body));
        etag::of(media, digest)
    }

    /// Its text in a coding, which is kept where there is room: it is not where a text hardly becomes
    /// smaller.
    pub(super) async fn coded(&self, coding: Coding) -> std::io::Result<Bytes> {
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
