//! Persisted documents: an app sends the name of a document instead of its text. The request then fits into
//! a URL, and a CDN can cache the response.
//!
//! A name identifies either a trusted document, registered with the app's build (`khabar documents register`), or a
//! document that a client has sent before together with its hash (Apollo's automatic persisted queries).
//! Trusted documents are read through the cache like all other data. The cache also stores that a name
//! is unknown, and the change feed invalidates this when the name is registered.

use std::borrow::Cow;
use std::sync::Arc;

use khabar_graphql::context::trusted_document;
use khabar_graphql::document::{DocumentId, OperationRequest};
use khabar_graphql::error::{Code, Error};
use khabar_graphql::response::Data;
use khabar_persistence::trusted_document::hash;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};

/// The documents that the server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Any document within the limits.
    #[default]
    Any,
    /// Trusted documents only, whether sent by name or as text.
    Trusted,
}

/// Settings for named documents, and for the documents that may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The documents that the server runs. Defaults to any document within the limits.
    pub mode: Mode,
    /// Memory for documents that this node remembers by hash, in bytes, so that clients can send only
    /// the hash next time. 0 disables it. Trusted documents are cached separately.
    ///
    /// Defaults to 8 MiB: some thousand operations of large applications.
    pub apq_cache_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Any,
            apq_cache_bytes: 8 * 1024 * 1024,
        }
    }
}

/// Estimated memory of a remembered document besides its text, in bytes: its hash and its cache entry.
const ENTRY: usize = 256;

/// A request that includes the text of its document.
pub(crate) struct Found<'a> {
    pub(crate) operation: Cow<'a, OperationRequest>,
    /// Whether the document is known to be registered. Its operation name then comes from an app and
    /// cannot be chosen freely by the client.
    pub(crate) is_registered: bool,
}

/// The documents that requests can refer to by name.
pub(crate) struct Documents {
    mode: Mode,
    /// Remembered documents by hash. `None` if documents are not remembered.
    remembered: Option<Cache<String, Arc<str>>>,
}

impl Documents {
    pub(crate) fn new(settings: &Settings) -> Self {
        // If only registered documents run, there is nothing to remember.
        let remembers = settings.apq_cache_bytes > 0 && settings.mode == Mode::Any;
        let remembered = remembers.then(|| {
            Cache::builder()
                .max_capacity(settings.apq_cache_bytes)
                // LRU admits every new document: it is the one that a client will request next.
                .eviction_policy(EvictionPolicy::lru())
                .weigher(|_, text: &Arc<str>| u32::try_from(text.len() + ENTRY).unwrap_or(u32::MAX))
                .build()
        });
        Self {
            mode: settings.mode,
            remembered,
        }
    }

    /// Returns the request with the text of its document. Fails if the name is unknown, if the hash does
    /// not match the text, or if the document may not run on this server.
    pub(crate) async fn find<'a>(
        &self,
        data: &Data,
        operation: &'a OperationRequest,
    ) -> Result<Found<'a>, Error> {
        let (operation, is_registered) = match (&operation.query, &operation.named) {
            (Some(text), document_id) => {
                self.check_sent(data, text, document_id.as_ref()).await?;
                (Cow::Borrowed(operation), self.mode == Mode::Trusted)
            }
            (None, Some(document_id)) => {
                let (text, is_registered) = self.find_text(data, document_id).await?;
                let operation = OperationRequest {
                    query: Some(text.as_ref().to_owned()),
                    ..operation.clone()
                };
                (Cow::Owned(operation), is_registered)
            }
            // The document gate reports what is missing.
            (None, None) => (Cow::Borrowed(operation), false),
        };
        Ok(Found {
            operation,
            is_registered,
        })
    }

    /// Remembers a document that was sent with its hash. Call this only when the document is valid.
    pub(crate) fn remember(&self, operation: &OperationRequest) {
        if let (Some(remembered), Some(text), Some(DocumentId::Hash(hash))) =
            (&self.remembered, &operation.query, &operation.named)
            && !remembered.contains_key(hash)
        {
            remembered.insert(hash.clone(), text.as_str().into());
            // Otherwise some hundred insertions would be pending before they count towards the capacity.
            remembered.run_pending_tasks();
        }
    }

    async fn check_sent(
        &self,
        data: &Data,
        text: &str,
        document_id: Option<&DocumentId>,
    ) -> Result<(), Error> {
        let is_checked = document_id.is_some() || self.mode == Mode::Trusted;
        if !is_checked {
            return Ok(());
        }
        let hash = hash(text);
        if self.mode == Mode::Trusted {
            // The lookup is by hash, because the document may be registered under any name. Sending the
            // name of another document does not make this one trusted.
            let trusted = trusted_document(data, &hash).await?;
            if trusted.as_deref() != Some(text) {
                return Err(Error::new(
                    Code::DocumentNotTrusted,
                    "This server runs only documents that were registered with `khabar documents register`; \
                     this is none of them.",
                ));
            }
        } else if document_id.is_some_and(|document_id| document_id.as_str() != hash) {
            return Err(Error::new(
                Code::PersistedQueryHashMismatch,
                "The SHA-256 of the document is another than `extensions.persistedQuery` says.",
            ));
        }
        Ok(())
    }

    /// Returns the text of a named document, and whether the document is known to be registered.
    async fn find_text(
        &self,
        data: &Data,
        document_id: &DocumentId,
    ) -> Result<(Arc<str>, bool), Error> {
        let name = document_id.as_str();
        let hash = match document_id {
            DocumentId::Hash(hash) => Some(hash.as_str()),
            DocumentId::Id(id) => id.strip_prefix("sha256:"),
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
        Err(match document_id {
            // Apollo clients rely on these exact messages.
            DocumentId::Hash(_) if remembered.is_some() || self.mode == Mode::Trusted => {
                Error::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound")
            }
            DocumentId::Hash(_) => Error::new(
                Code::PersistedQueryNotSupported,
                "PersistedQueryNotSupported",
            ),
            DocumentId::Id(_) => Error::new(
                Code::PersistedQueryNotFound,
                "No document of this name is registered here.",
            ),
        })
    }
}
