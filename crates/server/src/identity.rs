//! Identity: who sends a request, by what they bring with it.
//!
//! `Authorization: Bearer …` holds an API token of ours (`khb_…`) or an issuer's JWT;
//! `Khabar-Preview` holds a preview token (`khp_…`). Who brings neither is anonymous; who brings one
//! that does not count is refused, never taken for anonymous: an app must learn that its token has
//! ended, and not go on with less than it thinks it has.

mod address;
mod issue;
mod jwt;
mod keys;
mod settings;

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use chrono::{DateTime, TimeDelta, Utc};
use khabar_domain::{ArticleId, Credential, Scope, TokenId, Viewer};
use khabar_graphql::write::Random;
use khabar_persistence::account::Account;
use khabar_persistence::{BatchKey, Db, Reader, preview, secret, token};
use moka::sync::Cache;

use self::address::Proxies;
use self::jwt::Jwt;
use crate::graphql::Refused;

pub use address::Peer;
pub use issue::{Issue, Issued, issue};
pub use settings::Settings;

/// The header that brings a preview token.
pub const PREVIEW: HeaderName = HeaderName::from_static("khabar-preview");

/// How long a token that was looked up counts without being looked up again: what a revocation on
/// another node may take. A client's burst of requests then costs one look-up.
const REMEMBERED: TimeDelta = TimeDelta::seconds(5);

/// How many tokens are remembered: far more than a newsroom has, and a megabyte or two.
const MOST_REMEMBERED: u64 = 10_000;

/// What is remembered is let go after this. Whether it still counts is a matter of the clock that the
/// request goes by; this frees the memory.
const KEPT: Duration = Duration::from_mins(2);

/// Knows who sends a request.
pub struct Identity {
    db: Db,
    jwt: Option<Jwt>,
    proxies: Proxies,
    tokens: Cache<String, Remembered>,
    /// When the use of a token was last written down by this process.
    noted: Cache<TokenId, DateTime<Utc>>,
    /// What was taken back through this process: it counts no more, whatever is remembered of it or
    /// is being looked up meanwhile. Kept for longer than anything is remembered.
    revoked: Cache<TokenId, ()>,
}

#[derive(Clone)]
struct Remembered {
    named: Arc<token::Named>,
    at: DateTime<Utc>,
}

/// What a request brings along.
pub struct Brought {
    bearer: Option<String>,
    preview: Option<String>,
    address: Option<String>,
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What they may see and do.
    pub viewer: Viewer,
    /// How they are called.
    pub name: String,
    /// Where they are.
    pub address: Option<String>,
    /// The account that is added at their first write: an issuer vouches for it.
    pub newcomer: Option<Account>,
}

impl Identity {
    /// Knows the bearers of this newsroom's tokens, and those that the configured issuer vouches for.
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

    /// Forgets a token that was taken back: who brings it is refused from now on.
    pub fn forget(&self, token: TokenId) {
        self.revoked.insert(token, ());
    }

    /// What a request brings along; refused is what cannot be read.
    pub fn brought(&self, parts: &Parts) -> Result<Brought, Refused> {
        Ok(Brought {
            bearer: bearer(&parts.headers)?,
            preview: only(&parts.headers, &PREVIEW)?.map(str::to_owned),
            address: self
                .address(&parts.headers, &parts.extensions)
                .map(|address| address.to_string()),
        })
    }

    /// Where a request's client is, if it came by a connection.
    pub fn address(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let peer = extensions.get::<Peer>().copied();
        peer.map(|peer| self.proxies.client(peer, headers))
    }

    /// Who brings this, as of now.
    pub async fn know(&self, brought: Brought, now: DateTime<Utc>) -> Result<Known, Refused> {
        let mut known = match brought.bearer {
            None => anonymous(),
            Some(bearer) if Credential::is_meant(&bearer) => self.by_token(&bearer, now).await?,
            Some(bearer) => match &self.jwt {
                Some(jwt) => jwt.know(&bearer, now).await?,
                None => {
                    return Err(Refused::unauthenticated(
                        "The token is not one of this newsroom's.",
                    ));
                }
            },
        };
        if let Some(preview) = brought.preview {
            let opened = self.previewed(&preview, now).await?;
            let Some(opened) = opened else {
                let message = "The preview token has expired, was revoked, or is not one that this newsroom gave out.";
                return Err(Refused::unauthenticated(message));
            };
            known.viewer.preview = Some(opened);
        }
        known.address = brought.address;
        Ok(known)
    }

    async fn by_token(&self, text: &str, now: DateTime<Utc>) -> Result<Known, Refused> {
        let refuse = || {
            let message = "The token has expired, was revoked, or is not one of this newsroom's.";
            Refused::unauthenticated(message)
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
                .map_err(|error| Refused::of(&error))?;
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
        Ok(Known {
            viewer: named.token.viewer(),
            name: named.name.as_str().to_owned(),
            address: None,
            newcomer: None,
        })
    }

    /// Writes down that a token was used, beside the request and not before its answer.
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
                tracing::warn!(%error, "the use of a token was not noted");
            }
        });
    }

    /// The article that a preview token opens, as of now; none if it counts no more. Previews are few,
    /// so what they go by is read each time: a key that was replaced and previews that were taken back
    /// count at once, on every node.
    async fn previewed(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ArticleId>, Refused> {
        let failed = |error| Refused::of(&error);
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

    /// What was just revoked may not have reached a replica.
    fn primary(&self, now: DateTime<Utc>) -> Reader {
        self.db.primary(&self.db.reader(Scope::reader(now)))
    }
}

/// What is remembered for a while.
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

/// Whether an address is one of the proxies that are trusted to tell where a client is: those bring
/// many clients by few connections.
pub(crate) fn trusted_proxies(
    settings: &Settings,
) -> anyhow::Result<impl Fn(IpAddr) -> bool + Send + Sync + use<>> {
    let proxies = Proxies::of(settings)?;
    Ok(move |address| proxies.trusts(address))
}

/// Nobody in particular.
fn anonymous() -> Known {
    Known {
        viewer: Viewer::anonymous(),
        name: "anonymous".to_owned(),
        address: None,
        newcomer: None,
    }
}

/// Whether an answer is its asker's alone, so that no cache may keep it.
pub(crate) fn is_private(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key(PREVIEW)
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<Option<String>, Refused> {
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
        None => Err(Refused::unauthenticated(
            "The header `Authorization` is to hold `Bearer` and a token.",
        )),
    }
}

/// The one value of a header; refused is a header that is there twice, or is no text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(Refused::unauthenticated(format!(
            "The header `{name}` is to be there once, with one token."
        ))),
    }
}

/// The system's randomness, for ids and keys.
pub fn random() -> Random {
    Arc::new(|| u128::from_be_bytes(bits()))
}

/// So many random bytes of the system's.
pub(crate) fn bits<const BYTES: usize>() -> [u8; BYTES] {
    let mut bits = [0; BYTES];
    if let Err(error) = getrandom::fill(&mut bits) {
        // Whatever went on without it would give out ids and keys that can be guessed.
        tracing::error!(%error, "the system has no randomness");
        std::process::abort();
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(HeaderName, &str)]) -> Result<Option<String>, Refused> {
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
