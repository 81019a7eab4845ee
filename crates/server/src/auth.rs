//! Authentication: identifies the viewer of a request from its credentials.
//!
//! The `Authorization: Bearer …` header holds an API token of this server (`khb_…`) or a JWT of the
//! configured issuer. The `Khabar-Preview` header holds a preview token (`khp_…`). A request with
//! neither is anonymous. A request with an invalid token is refused and never treated as anonymous: an
//! app must learn that its token has expired instead of continuing with fewer rights than it expects.

mod client_ip;
mod issue;
mod jwks;
mod jwt;
mod settings;

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::{ArticleId, Credential, Scope, TokenId, Viewer};
use khabar_graphql::mutate::Random;
use khabar_persistence::account::Account;
use khabar_persistence::{BatchKey, Db, ReadSession, preview, secret, token};
use moka::sync::Cache;

use self::client_ip::Proxies;
use self::jwt::Jwt;
use crate::graphql::ContextError;

pub use client_ip::Peer;
pub use issue::{Issue, Issued, issue};
pub use settings::Settings;

/// The request header that holds a preview token.
pub const PREVIEW: HeaderName = HeaderName::from_static("khabar-preview");

/// The time for which a token lookup is cached. A burst of requests from a client then costs one
/// lookup. A revocation on another node may take this long to have an effect.
const REMEMBERED: TimeDelta = TimeDelta::seconds(5);

/// Maximum number of cached tokens: far more than a newsroom has, in a megabyte or two.
const MOST_REMEMBERED: u64 = 10_000;

/// The time after which cache entries are evicted to free memory. Their validity is checked separately,
/// by the clock of the request.
const KEPT: Duration = Duration::from_mins(2);

/// Identifies the viewer of each request.
pub struct Identity {
    db: Db,
    jwt: Option<Jwt>,
    proxies: Proxies,
    tokens: Cache<String, Remembered>,
    /// The time at which this process last recorded the use of each token.
    noted: Cache<TokenId, DateTime<Utc>>,
    /// The tokens revoked through this process. They are refused even if a lookup is cached or in
    /// progress. Entries are retained for longer than cached lookups are valid.
    revoked: Cache<TokenId, ()>,
}

#[derive(Clone)]
struct Remembered {
    named: Arc<token::TokenOfAccount>,
    at: DateTime<Utc>,
}

/// The credentials and the client address of a request, not yet verified.
pub struct PresentedCredentials {
    bearer: Option<String>,
    preview: Option<String>,
    address: Option<String>,
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

impl Identity {
    /// Creates an authenticator for this newsroom's API tokens and, if an issuer is configured, for its
    /// JWTs.
    pub fn new(settings: &Settings, db: Db) -> anyhow::Result<Self> {
        Ok(Self {
            db,
            jwt: Jwt::of(settings)?,
            proxies: Proxies::of(settings)?,
            tokens: remembered(),
            noted: remembered(),
            revoked: remembered(),
        })
    }

    /// Marks a token as revoked. Requests with it are refused from now on.
    pub fn forget(&self, token: TokenId) {
        self.revoked.insert(token, ());
    }

    /// Extracts the credentials and the client address of a request. Returns an error if a credential
    /// header is malformed.
    pub fn presented(&self, parts: &Parts) -> Result<PresentedCredentials, ContextError> {
        Ok(PresentedCredentials {
            bearer: bearer(&parts.headers)?,
            preview: only(&parts.headers, &PREVIEW)?.map(str::to_owned),
            address: self
                .address(&parts.headers, &parts.extensions)
                .map(|address| address.to_string()),
        })
    }

    /// Returns the IP address of the client, or `None` if the request did not arrive over a connection.
    pub fn address(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let peer = extensions.get::<Peer>().copied();
        peer.map(|peer| self.proxies.client(peer, headers))
    }

    /// Verifies the credentials of a request at this time and returns its sender. Returns an error if a
    /// token is unknown, expired or revoked.
    pub async fn know(
        &self,
        presented: PresentedCredentials,
        now: DateTime<Utc>,
    ) -> Result<Principal, ContextError> {
        let mut known = match presented.bearer {
            None => anonymous(),
            Some(bearer) if Credential::is_meant(&bearer) => self.by_token(&bearer, now).await?,
            Some(bearer) => match &self.jwt {
                Some(jwt) => jwt.know(&bearer, now).await?,
                None => {
                    return Err(ContextError::unauthenticated(
                        "The token is not one of this newsroom's.",
                    ));
                }
            },
        };
        if let Some(preview) = presented.preview {
            let opened = self.previewed(&preview, now).await?;
            let Some(opened) = opened else {
                let message = "The preview token has expired, was revoked, or is not one that this newsroom gave out.";
                return Err(ContextError::unauthenticated(message));
            };
            known.viewer.preview = Some(opened);
        }
        known.address = presented.address;
        Ok(known)
    }

    async fn by_token(&self, text: &str, now: DateTime<Utc>) -> Result<Principal, ContextError> {
        let refuse = || {
            let message = "The token has expired, was revoked, or is not one of this newsroom's.";
            ContextError::unauthenticated(message)
        };
        let hash = Credential::parse(text).map_err(|_| refuse())?.hash();
        let remembered = self.tokens.get(&hash);
        let remembered =
            remembered.filter(|it| (TimeDelta::zero()..REMEMBERED).contains(&(now - it.at)));
        let named = if let Some(remembered) = remembered {
            remembered.named
        } else {
            let key = token::ByHash(hash.clone());
            let mut found = token::ByHash::fetch(&self.primary(now), std::slice::from_ref(&key))
                .await
                .map_err(|error| ContextError::of(&error))?;
            let named = Arc::new(found.remove(&key).ok_or_else(refuse)?);
            let remembered = Remembered {
                named: Arc::clone(&named),
                at: now,
            };
            self.tokens.insert(hash, remembered);
            named
        };
        if !named.token.counts(now) || self.revoked.contains_key(&named.token.id) {
            return Err(refuse());
        }
        self.note_use(&named.token, now);
        Ok(Principal {
            viewer: named.token.viewer(),
            name: named.name.as_str().to_owned(),
            address: None,
            newcomer: None,
        })
    }

    /// Records the use of a token in a background task, so that the response does not wait for it.
    fn note_use(&self, token: &token::Token, now: DateTime<Utc>) {
        let last = self.noted.get(&token.id).max(token.last_used_at);
        let seen = token::Token {
            last_used_at: last,
            ..token.clone()
        };
        if !seen.is_use_to_note(now) {
            return;
        }
        self.noted.insert(token.id, now);
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
fn remembered<K, V>() -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(MOST_REMEMBERED)
        .time_to_live(KEPT)
        .build()
}

/// Returns a function that tells whether an address belongs to a trusted proxy. A proxy carries the
/// requests of many clients over few connections.
pub(crate) fn trusted_proxies(
    settings: &Settings,
) -> anyhow::Result<impl Fn(IpAddr) -> bool + Send + Sync + use<>> {
    let proxies = Proxies::of(settings)?;
    Ok(move |address| proxies.trusts(address))
}

/// Returns the sender of a request without credentials.
fn anonymous() -> Principal {
    Principal {
        viewer: Viewer::anonymous(),
        name: "anonymous".to_owned(),
        address: None,
        newcomer: None,
    }
}

/// Whether a request with these headers has credentials. Its response is then private, and no shared
/// cache may store it.
pub(crate) fn is_private(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key(PREVIEW)
}

/// Returns the token of the `Authorization: Bearer …` header (RFC 6750 §2.1), or `None` without one.
fn bearer(headers: &HeaderMap) -> Result<Option<String>, ContextError> {
    let Some(value) = only(headers, &header::AUTHORIZATION)? else {
        return Ok(None);
    };
    let token = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty());
    match token {
        Some(token) => Ok(Some(token.to_owned())),
        None => Err(ContextError::unauthenticated(
            "The header `Authorization` is to hold `Bearer` and a token.",
        )),
    }
}

/// Returns the single value of a header. Returns an error if the header occurs twice or is not text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ContextError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(ContextError::unauthenticated(format!(
            "The header `{name}` is to be there once, with one token."
        ))),
    }
}

/// Returns a generator of random numbers for ids and keys. The randomness comes from the operating
/// system.
pub fn random() -> Random {
    Arc::new(|| u128::from_be_bytes(bits()))
}

/// Returns this number of random bytes from the operating system. Aborts the process if it has none.
pub(crate) fn bits<const BYTES: usize>() -> [u8; BYTES] {
    let mut bits = [0; BYTES];
    if let Err(error) = getrandom::fill(&mut bits) {
        // Without randomness, ids and keys could be guessed.
        tracing::error!(%error, "randomness_unavailable");
        std::process::abort();
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(HeaderName, &str)]) -> Result<Option<String>, ContextError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        bearer(&map)
    }

    #[test]
    fn a_bearer_is_read_or_refused() {
        let authorization = header::AUTHORIZATION;
        assert_eq!(read(&[]).unwrap(), None);
        for good in ["Bearer x.y", "bearer  x.y ", "BEARER x.y"] {
            let token = read(&[(authorization.clone(), good)]).unwrap();
            assert_eq!(token.as_deref(), Some("x.y"), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", "Basic eDp5", "x.y"] {
            assert!(read(&[(authorization.clone(), bad)]).is_err(), "{bad}");
        }
        let twice = (authorization, "Bearer x.y");
        assert!(read(&[twice.clone(), twice]).is_err());
    }

    #[test]
    fn randomness_is_random() {
        let random = random();
        assert_ne!(random(), random());
    }
}
