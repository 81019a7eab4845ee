//! Documents by name: what an app asks for without sending it, so that the request is small enough for
//! a URL, and a CDN can keep its answer.
//!
//! A name is that of a trusted document, which was registered with the app's build (`khabar trust`), or
//! the hash of one that some client has sent with its hash before (Apollo's automatic persisted
//! queries). What is trusted is read as everything else is, through the cache, which keeps also that a
//! name is nobody's, and hears of a registration by the change feed.

use std::borrow::Cow;
use std::sync::Arc;

use khabar_graphql::answer::Data;
use khabar_graphql::document::{Incoming, Named};
use khabar_graphql::error::{Code, Error};
use khabar_graphql::scope::trusted_document;
use khabar_persistence::trusted_document::hash;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};

/// Which documents run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// Whatever the limits allow.
    #[default]
    Any,
    /// Trusted documents alone, whether they are named or sent.
    Trusted,
}

/// How documents are named and which run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which documents run.
    pub run: Run,
    /// Bytes of documents that this node remembers by their hash, for clients that send only that the
    /// next time; 0: none. What is trusted is kept besides.
    ///
    /// 8 MiB: some thousand operations of large applications.
    pub remembered_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            run: Run::Any,
            remembered_bytes: 8 * 1024 * 1024,
        }
    }
}

/// What a remembered document takes besides its text: its hash and its place.
const ENTRY: usize = 256;

/// A request with its document's text.
pub(super) struct Found<'a> {
    pub(super) incoming: Cow<'a, Incoming>,
    /// Whether the document is known to be a registered one: its names are its app's, and nobody
    /// else's.
    pub(super) is_registered: bool,
}

/// The documents that can be named.
pub(super) struct Documents {
    run: Run,
    /// By hash; none where none are remembered.
    remembered: Option<Cache<String, Arc<str>>>,
}

impl Documents {
    pub(super) fn new(settings: &Settings) -> Self {
        // Where nothing runs that was not registered there is nothing to remember.
        let remembers = settings.remembered_bytes > 0 && settings.run == Run::Any;
        let remembered = remembers.then(|| {
            Cache::builder()
                .max_capacity(settings.remembered_bytes)
                // What is new is what a client is about to ask for.
                .eviction_policy(EvictionPolicy::lru())
                .weigher(|_, text: &Arc<str>| u32::try_from(text.len() + ENTRY).unwrap_or(u32::MAX))
                .build()
        });
        Self {
            run: settings.run,
            remembered,
        }
    }

    /// The request with its document's text. Refused: a name that nothing has here, a hash of another
    /// text, and what does not run here.
    pub(super) async fn find<'a>(
        &self,
        data: &Data,
        incoming: &'a Incoming,
    ) -> Result<Found<'a>, Error> {
        let (incoming, is_registered) = match (&incoming.query, &incoming.named) {
            (Some(text), named) => {
                self.sent(data, text, named.as_ref()).await?;
                (Cow::Borrowed(incoming), self.run == Run::Trusted)
            }
            (None, Some(named)) => {
                let (text, is_registered) = self.named(data, named).await?;
                let incoming = Incoming {
                    query: Some(text.as_ref().to_owned()),
                    ..incoming.clone()
                };
                (Cow::Owned(incoming), is_registered)
            }
            // The gate says what is missing.
            (None, None) => (Cow::Borrowed(incoming), false),
        };
        Ok(Found {
            incoming,
            is_registered,
        })
    }

    /// Remembers the document that was sent with its hash, now that it was found valid.
    pub(super) fn remember(&self, incoming: &Incoming) {
        if let (Some(remembered), Some(text), Some(Named::Hash(hash))) =
            (&self.remembered, &incoming.query, &incoming.named)
            && !remembered.contains_key(hash)
        {
            remembered.insert(hash.clone(), text.as_str().into());
            // Some hundred insertions would else wait to be counted.
            remembered.run_pending_tasks();
        }
    }

    async fn sent(&self, data: &Data, text: &str, named: Option<&Named>) -> Result<(), Error> {
        let is_checked = named.is_some() || self.run == Run::Trusted;
        if !is_checked {
            return Ok(());
        }
        let hash = hash(text);
        if self.run == Run::Trusted {
            // It may be called something else; the name of another is not enough.
            let trusted = trusted_document(data, &hash).await?;
            if trusted.as_deref() != Some(text) {
                return Err(Error::new(
                    Code::DocumentNotTrusted,
                    "This server runs only documents that were registered with `khabar trust`; \
                     this is none of them.",
                ));
            }
        } else if named.is_some_and(|named| named.as_str() != hash) {
            return Err(Error::new(
                Code::PersistedQueryHashMismatch,
                "The SHA-256 of the document is another than `extensions.persistedQuery` says.",
            ));
        }
        Ok(())
    }

    /// The text of a named document, and whether it is a registered one.
    async fn named(&self, data: &Data, named: &Named) -> Result<(Arc<str>, bool), Error> {
        let name = named.as_str();
        let hash = match named {
            Named::Hash(hash) => Some(hash.as_str()),
            Named::Id(id) => id.strip_prefix("sha256:"),
        };
        let remembered = self.remembered.as_ref();
        if let (Some(remembered), Some(hash)) = (remembered, hash)
            && let Some(text) = remembered.get(hash)
        {
            return Ok((text, false));
        }
        if let Some(text) = trusted_document(data, name).await? {
            return Ok((text, true));
        }
        Err(match named {
            // Apollo's clients go by these words as they are.
            Named::Hash(_) if remembered.is_some() || self.run == Run::Trusted => {
                Error::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound")
            }
            Named::Hash(_) => Error::new(
                Code::PersistedQueryNotSupported,
                "PersistedQueryNotSupported",
            ),
            Named::Id(_) => Error::new(
                Code::PersistedQueryNotFound,
                "No document of this name is registered here.",
            ),
        })
    }
}
