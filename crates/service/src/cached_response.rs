//! A complete response as bytes, ready to be sent repeatedly: uncompressed, and in each compressed form
//! once a client has asked for it.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use khabar_graphql::response::JsonResponse;
use khabar_persistence::cache::{CacheTag, Dependencies};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::compression::Compression;
use crate::facts::OperationInfo;

/// A response without errors.
pub struct CachedResponse {
    operation: OperationInfo,
    body: Bytes,
    digest: OnceLock<String>,
    /// The compressed bodies, indexed by [`Compression`].
    compressed: [OnceCell<Bytes>; Compression::ALL.len()],
    /// The number of bytes that may still be used for compressed bodies.
    room: AtomicUsize,
    computed_from: Option<ComputedFrom>,
    /// The time at which the response expires, even if nothing is written.
    expires_at: Option<DateTime<Utc>>,
}

/// The reason why a compressed body was not stored.
enum NotStored {
    NoRoom(Bytes),
    Failed(std::io::Error),
}

/// The data that the response was made from.
struct ComputedFrom {
    tags: Vec<CacheTag>,
    is_personal: bool,
}

/// Length of the hash in a digest, in bytes. With 128 bits, accidental collisions are negligible.
const DIGEST_BYTES: usize = 16;

impl CachedResponse {
    /// Creates a response as of the given time. `max_age` limits how long it may be cached. `dependencies`
    /// lists what it was read from. Without that, the response's lifetime is unknown.
    pub(crate) fn new(
        response: JsonResponse,
        operation: OperationInfo,
        as_of: DateTime<Utc>,
        max_age: Option<Duration>,
        dependencies: Option<Dependencies>,
    ) -> Self {
        let max_age = max_age.and_then(|max_age| TimeDelta::from_std(max_age).ok());
        let changes_at = dependencies.as_ref().and_then(|it| it.until);
        let expires_at = max_age
            .map(|max_age| as_of + max_age)
            .into_iter()
            .chain(changes_at);
        // A boxed slice drops the spare capacity of the growing buffer, which would be retained
        // otherwise.
        let body = Bytes::from(response.into_json().into_boxed_slice());
        Self {
            operation,
            room: AtomicUsize::new(body.len()),
            body,
            digest: OnceLock::new(),
            compressed: Default::default(),
            expires_at: expires_at.min(),
            computed_from: dependencies.map(|dependencies| ComputedFrom {
                tags: dependencies.keys,
                is_personal: dependencies.personal,
            }),
        }
    }

    /// Returns the operation that was executed.
    pub fn operation(&self) -> &OperationInfo {
        &self.operation
    }

    /// Returns the cache tags that the response was made from, if known. The response is current until a
    /// write touches one of them.
    pub fn tags(&self) -> Option<&[CacheTag]> {
        let computed_from = self.computed_from.as_ref();
        computed_from.map(|computed_from| computed_from.tags.as_slice())
    }

    /// Whether the response may differ for another viewer. True if that is unknown.
    pub fn is_personal(&self) -> bool {
        let computed_from = self.computed_from.as_ref();
        computed_from.is_none_or(|computed_from| computed_from.is_personal)
    }

    /// Whether the response has not yet expired at the given time. Writes are not considered.
    pub fn is_fresh_at(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// Returns how long caches may hold the response, counted from the given time. `None` means without
    /// limit.
    pub fn max_age_from(&self, now: DateTime<Utc>) -> Option<Duration> {
        let expires_at = self.expires_at?;
        Some((expires_at - now).to_std().unwrap_or_default())
    }

    /// Returns the maximum memory that the response may take, in bytes: its body, and as much again for
    /// compressed bodies.
    pub fn bytes(&self) -> usize {
        let tags = self.tags().map_or(0, size_of_val);
        size_of::<Self>() + self.body.len() * 2 + tags
    }

    /// Returns the uncompressed JSON body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns a truncated SHA-256 of the uncompressed body, in hexadecimal digits.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut digits = String::with_capacity(2 * DIGEST_BYTES);
            for byte in Sha256::digest(&self.body).iter().take(DIGEST_BYTES) {
                // Writing to a String cannot fail.
                let _ = write!(digits, "{byte:02x}");
            }
            digits
        })
    }

    /// Returns the body in a compressed form. The result is stored while there is room, which may run out
    /// if the body barely compresses.
    pub async fn compressed(&self, compression: Compression) -> std::io::Result<Bytes> {
        let cell = &self.compressed[compression as usize];
        let compressed = cell.get_or_try_init(|| async {
            let compressed = compression.compress(&self.body).await;
            let compressed = compressed.map_err(NotStored::Failed)?;
            let compressed = Bytes::from(compressed.into_boxed_slice());
            let taken = self
                .room
                .fetch_update(Relaxed, Relaxed, |room| room.checked_sub(compressed.len()));
            match taken {
                Ok(_) => Ok(compressed),
                Err(_) => Err(NotStored::NoRoom(compressed)),
            }
        });
        match compressed.await {
            Ok(compressed) => Ok(compressed.clone()),
            Err(NotStored::NoRoom(compressed)) => Ok(compressed),
            Err(NotStored::Failed(error)) => Err(error),
        }
    }
}
