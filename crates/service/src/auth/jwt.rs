//! JWTs (RFC 7519): verification of an issuer's tokens and of their claims about a viewer.
//!
//! The library parses tokens and verifies signatures. The claims are checked here, by the same clock as
//! everything else.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Validation};
use khabar_domain::{Name, Rights, Role, Viewer};
use khabar_persistence::account::{Account, Subject};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwks::{Key, Keys};
use super::{FetchKeys, Principal, Settings};
use crate::context::ContextError;

/// Identifies viewers by JWTs of the configured issuer.
pub(super) struct Jwt {
    settings: Settings,
    keys: Keys,
}

/// The claims of a token.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    name: Option<String>,
    scope: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The audience of a token. RFC 7519 allows a single value or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

/// Maximum length of a subject in characters, as in `OpenID` Connect.
const LONGEST_SUBJECT: usize = 255;

/// Maximum length of a token in bytes. Servers limit headers to 8 to 16 kB.
const LONGEST: usize = 16 * 1024;

impl Jwt {
    /// Creates the verifier. `fetch` downloads the issuer's JWK set. Returns `None` if no issuer is
    /// configured.
    pub(super) fn of(
        settings: &Settings,
        fetch: Option<FetchKeys>,
    ) -> anyhow::Result<Option<Self>> {
        if settings.issuer.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            settings: settings.clone(),
            keys: Keys::of(settings, fetch)?,
        }))
    }

    /// Verifies a token and returns its bearer.
    pub(super) async fn verify(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Principal, ContextError> {
        let claims = self.claims(token, now).await;
        let principal = claims.and_then(|claims| {
            self.check(&claims, now)?;
            self.read(claims)
        });
        principal.map_err(|problem| ContextError::unauthenticated(format!("The token {problem}.")))
    }

    /// Returns the claims of a token after verifying its signature.
    async fn claims(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, &'static str> {
        if token.len() > LONGEST {
            return Err("is too long");
        }
        // Unknown algorithms, including `none`, are rejected here.
        let header = jsonwebtoken::decode_header(token).map_err(|_| "cannot be read")?;
        if header.crit.is_some() {
            return Err("demands what this server does not know");
        }
        let keys = self.keys.of_id(header.kid.as_deref(), now).await;
        let fits = |key: &&Arc<Key>| key.algorithm == header.alg;
        // A key is valid only for its own algorithm, whatever the token claims. A public key must never
        // be used as an HS256 secret.
        if !keys.iter().any(|key| fits(&key)) {
            return Err("is signed by a key that is not the issuer's");
        }
        let claims = keys
            .iter()
            .filter(fits)
            .find_map(|key| verified(token, key).ok());
        claims
            .ok_or("has a signature that is not the issuer's, or claims that cannot be read")?
            .map_err(|_| "has claims that cannot be read")
    }

    /// Checks the issuer, the audience and the validity period. Returns the problem if a claim fails.
    fn check(&self, claims: &Claims, now: DateTime<Utc>) -> Result<(), &'static str> {
        if claims.iss != self.settings.issuer {
            return Err("is of another issuer");
        }
        if !claims.aud.has(&self.settings.audience) {
            return Err("is meant for another audience");
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds of this era are exact in 52 bits"
        )]
        let (now, leeway) = (now.timestamp() as f64, self.settings.leeway_s as f64);
        if claims.exp.is_nan() || claims.exp + leeway <= now {
            return Err("has expired");
        }
        if claims
            .nbf
            .is_some_and(|begins| begins.is_nan() || begins - leeway > now)
        {
            return Err("does not count yet");
        }
        Ok(())
    }

    /// Reads the bearer from the claims. The name defaults to the subject.
    fn read(&self, claims: Claims) -> Result<Principal, &'static str> {
        if claims.sub.is_empty() || claims.sub.chars().count() > LONGEST_SUBJECT {
            return Err("has no subject that could be somebody's");
        }
        let claimed_name = claims
            .name
            .as_deref()
            .and_then(|name| Name::parse(name).ok());
        let name = claimed_name.map_or_else(|| Name::parse(&claims.sub), Ok);
        let name = name.map_err(|_| "has neither a name nor a subject that can be shown")?;
        let role = self.role(&claims.others);
        let rights = self.scope(claims.scope.as_deref());
        let subject = Subject {
            issuer: claims.iss,
            subject: claims.sub,
        };
        let viewer = Viewer::of(subject.account(), role);
        Ok(Principal {
            viewer: rights.map_or(viewer, |rights| viewer.narrowed(rights)),
            name: name.as_str().to_owned(),
            address: None,
            newcomer: Some(Account {
                id: subject.account(),
                name,
                subject: Some(subject),
            }),
        })
    }

    /// Returns the highest role in the configured claim. Without a known role, the bearer is a reader.
    fn role(&self, claims: &Map<String, Value>) -> Role {
        let claim = &self.settings.role_claim;
        let mut path = claim.split('.');
        let found = claims.get(claim).or_else(|| {
            let first = claims.get(path.next()?)?;
            path.try_fold(first, |inside, name| inside.get(name))
        });
        let words = match found {
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(word)) => vec![word.as_str()],
            _ => Vec::new(),
        };
        let known = words.iter().filter_map(|word| Role::parse(word).ok());
        // `Role::ALL` is sorted from the lowest to the highest role.
        known
            .max_by_key(|role| Role::ALL.iter().position(|it| it == role))
            .unwrap_or_default()
    }

    /// Returns the rights that the `scope` claim (RFC 8693 §4.2) restricts the token to. Returns `None`
    /// if no word in it has our prefix, which means no restriction.
    fn scope(&self, scope: Option<&str>) -> Option<Rights> {
        let prefix = &self.settings.scope_prefix;
        let words = scope.unwrap_or_default().split_ascii_whitespace();
        let names: Vec<_> = words.filter_map(|word| word.strip_prefix(prefix)).collect();
        if names.is_empty() {
            return None;
        }
        // Unknown words grant nothing, and do not affect the other words.
        let known: Vec<_> = names
            .into_iter()
            .filter_map(|word| khabar_domain::Right::parse(word).ok())
            .collect();
        Some(Rights::of(&known))
    }
}

/// Verifies only the signature. The outer error is an invalid signature or token, and the inner error
/// means that the claims cannot be parsed.
fn verified(
    token: &str,
    key: &Key,
) -> Result<Result<Claims, serde_json::Error>, jsonwebtoken::errors::Error> {
    let mut only = Validation::new(key.algorithm);
    only.validate_exp = false;
    only.validate_nbf = false;
    only.validate_aud = false;
    only.required_spec_claims.clear();
    let read = jsonwebtoken::decode::<Value>(token, &key.secret_or_public, &only)?;
    Ok(serde_json::from_value(read.claims))
}

/// The supported signature algorithms.
pub(super) const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];
