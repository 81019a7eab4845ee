//! Authentication: identifies the viewer of a request from its credentials.
//!
//! A bearer token is an API token of this server (`khb_…`) or a JWT of the configured issuer. A preview
//! token (`khp_…`) gives access to one unpublished article. A request with neither is anonymous. A request
//! with an invalid token is refused and never treated as anonymous: an app must learn that its token has
//! expired instead of continuing with fewer rights than it expects.

mod issue;
mod jwks;
mod jwt;
mod settings;

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::{ArticleId, Credential, Scope, TokenId, Viewer};
use khabar_persistence::account::Account;
use khabar_persistence::{BatchKey, Db, ReadSession, preview, secret, token};
use moka::sync::Cache;

use self::jwt::Jwt;
use crate::context::ContextError;

pub use issue::{Issue, Issued, issue};
pub use jwks::FetchKeys;
pub use settings::Settings;

/// The time for which a token lookup is cached. A burst of requests from a client then costs one
/// lookup. A revocation on another node may take this long to have an effect.
const MAX_AGE: TimeDelta = TimeDelta::seconds(5);

/// Maximum number of cached tokens: far more than a newsroom has, in a megabyte or two.
const MAX_TOKENS: u64 = 10_000;

/// The time after which cache entries are evicted to free memory. Their validity is checked separately,
/// by the clock of the request.
const TIME_TO_LIVE: Duration = Duration::from_mins(2);

/// Identifies the viewer of each request.
pub struct Identity {
    db: Db,
    jwt: Option<Jwt>,
    tokens: Cache<String, CachedToken>,
    /// The time at which this process last recorded the use of each token.
    last_used: Cache<TokenId, DateTime<Utc>>,
    /// The tokens revoked through this process. They are refused even if a lookup is cached or in
    /// progress. Entries are retained for longer than cached lookups are valid.
    revoked: Cache<TokenId, ()>,
}

#[derive(Clone)]
struct CachedToken {
    token: Arc<token::TokenOfAccount>,
    at: DateTime<Utc>,
}

/// The credentials and the client address of a request, not yet verified. By default, those of an
/// anonymous reader. Not `Debug`, so that no log shows them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PresentedCredentials {
    /// The bearer token.
    pub bearer: Option<String>,
    /// The preview token.
    pub preview: Option<String>,
    /// The IP address of the client.
    pub address: Option<IpAddr>,
}

/// The verified sender of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The viewer, with the rights that decide what the request may see and do.
    pub viewer: Viewer,
    /// The display name of the sender.
    pub name: String,
    /// The IP address of the client.
    pub address: Option<String>,
    /// The account to create at the sender's first write. Present if the sender was authenticated by
    /// the issuer's JWT.
    pub newcomer: Option<Account>,
}

impl Principal {
    /// Returns the sender of a request without credentials.
    pub fn anonymous() -> Self {
        Self {
            viewer: Viewer::anonymous(),
            name: "anonymous".to_owned(),
            address: None,
            newcomer: None,
        }
    }
}

impl Identity {
    /// Creates an authenticator for this newsroom's API tokens and, if an issuer is configured, for its
    /// JWTs. `fetch` downloads the issuer's JWK set. It is required if the settings name its URL.
    pub fn new(settings: &Settings, db: Db, fetch: Option<FetchKeys>) -> anyhow::Result<Self> {
        Ok(Self {
            db,
            jwt: Jwt::of(settings, fetch)?,
            tokens: cache(),
            last_used: cache(),
            revoked: cache(),
        })
    }

    /// Marks a token as revoked. Requests with it are refused from now on.
    pub(crate) fn revoke(&self, token: TokenId) {
        self.revoked.insert(token, ());
    }

    /// Verifies the credentials of a request at this time and returns its sender. Returns an error if a
    /// token is unknown, expired or revoked.
    pub async fn verify(
        &self,
        presented: &PresentedCredentials,
        now: DateTime<Utc>,
    ) -> Result<Principal, ContextError> {
        let mut principal = match &presented.bearer {
            None => Principal::anonymous(),
            Some(bearer) if Credential::is_meant(bearer) => self.by_token(bearer, now).await?,
            Some(bearer) => match &self.jwt {
                Some(jwt) => jwt.verify(bearer, now).await?,
                None => {
                    return Err(ContextError::unauthenticated(
                        "The token is not one of this newsroom's.",
                    ));
                }
            },
        };
        if let Some(preview) = &presented.preview {
            let opened = self.previewed(preview, now).await?;
            let Some(opened) = opened else {
                let message = "The preview token has expired, was revoked, or is not one that this newsroom gave out.";
                return Err(ContextError::unauthenticated(message));
            };
            principal.viewer.preview = Some(opened);
        }
        principal.address = presented.address.map(|address| address.to_string());
        Ok(principal)
    }

    async fn by_token(&self, text: &str, now: DateTime<Utc>) -> Result<Principal, ContextError> {
        let refuse = || {
            let message = "The token has expired, was revoked, or is not one of this newsroom's.";
            ContextError::unauthenticated(message)
        };
        let hash = Credential::parse(text).map_err(|_| refuse())?.hash();
        let cached = self.tokens.get(&hash);
        let cached = cached.filter(|it| (TimeDelta::zero()..MAX_AGE).contains(&(now - it.at)));
        let found = if let Some(cached) = cached {
            cached.token
        } else {
            let key = token::ByHash(hash.clone());
            let mut found = token::ByHash::fetch(&self.primary(now), std::slice::from_ref(&key))
                .await
                .map_err(|error| ContextError::of(&error))?;
            let token = Arc::new(found.remove(&key).ok_or_else(refuse)?);
            let cached = CachedToken {
                token: Arc::clone(&token),
                at: now,
            };
            self.tokens.insert(hash, cached);
            token
        };
        if !found.token.counts(now) || self.revoked.contains_key(&found.token.id) {
            return Err(refuse());
        }
        self.record_use(&found.token, now);
        Ok(Principal {
            viewer: found.token.viewer(),
            name: found.name.as_str().to_owned(),
            address: None,
            newcomer: None,
        })
    }

    /// Records the use of a token in a background task, so that the response does not wait for it.
    fn record_use(&self, token: &token::Token, now: DateTime<Utc>) {
        let last = self.last_used.get(&token.id).max(token.last_used_at);
        let seen = token::Token {
            last_used_at: last,
            ..token.clone()
        };
        if !seen.is_use_to_note(now) {
            return;
        }
        self.last_used.insert(token.id, now);
        let (db, id) = (self.db.clone(), token.id);
        tokio::spawn(async move {
            let written = async {
                let writer = db.writer(now).await?;
                token::used(&writer, id).await?;
                writer.commit().await
            };
            if let Err(error) = written.await {
                tracing::warn!(%error, "token_use_not_recorded");
            }
        });
    }

    /// Returns the article that a preview token gives access to, or `None` if the token is invalid,
    /// expired or revoked. The key and the revocations are read for each request, because previews are
    /// rare. A replaced key or a revoked preview therefore takes effect at once on every node.
    async fn previewed(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ArticleId>, ContextError> {
        let failed = |error| ContextError::of(&error);
        let reader = self.primary(now);
        let keys = secret::OfPreviews::fetch(&reader, &[secret::OfPreviews]).await;
        let keys = keys.map_err(failed)?.remove(&secret::OfPreviews);
        let Some(opened) = keys.and_then(|keys| keys.open(token, now).ok()) else {
            return Ok(None);
        };
        let of = preview::GenerationOf(opened.article);
        let generations = preview::GenerationOf::fetch(&reader, &[of]).await;
        let generation = generations.map_err(failed)?.remove(&of).unwrap_or_default();
        Ok((opened.generation == generation).then_some(opened.article))
    }

    /// Returns a reader on the primary, because a recent revocation may not have reached a replica.
    fn primary(&self, now: DateTime<Utc>) -> ReadSession {
        self.db.primary(&self.db.reader(Scope::reader(now)))
    }
}

/// Creates a cache with the limits on size and age that all caches here share.
fn cache<K, V>() -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(MAX_TOKENS)
        .time_to_live(TIME_TO_LIVE)
        .build()
}
