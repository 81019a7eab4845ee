//! The issuer's keys: given in the configuration, read from a file, or fetched from the issuer's JWK set
//! URL. Fetched keys are refreshed when they are stale or a token names an unknown key.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;

use super::Settings;
use super::jwt::ALGORITHMS;

/// Downloads the issuer's JWK set from its URL.
pub type FetchKeys = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<Bytes>> + Send + Sync>;

/// A key and the only algorithm that it may be used with.
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) secret_or_public: DecodingKey,
}

/// The source of the keys.
pub(super) enum Keys {
    Static(Vec<Arc<Key>>),
    RemoteKeys(Box<RemoteKeys>),
}

impl Keys {
    /// Loads the keys as configured. A key file is read immediately. A JWK set URL is fetched when it is
    /// first needed.
    pub(super) fn of(settings: &Settings, fetch: Option<FetchKeys>) -> anyhow::Result<Self> {
        if !settings.key.is_empty() {
            return Ok(Self::Static(vec![Arc::new(Key {
                id: None,
                algorithm: Algorithm::HS256,
                secret_or_public: DecodingKey::from_secret(settings.key.as_bytes()),
            })]));
        }
        if !settings.jwks_url.is_empty() {
            let fetch = fetch.context("auth.jwks_url is set, and this process fetches no keys")?;
            return Ok(Self::RemoteKeys(Box::new(RemoteKeys::new(settings, fetch))));
        }
        let file = &settings.key_file;
        let text =
            std::fs::read_to_string(file).with_context(|| format!("could not read {file}"))?;
        let keys = read(&text).with_context(|| format!("could not use the keys in {file}"))?;
        Ok(Self::Static(keys))
    }

    /// Returns the keys that a token with this `kid` may be signed with.
    pub(super) async fn of_id(&self, id: Option<&str>, now: DateTime<Utc>) -> Vec<Arc<Key>> {
        match self {
            Self::Static(keys) => matching(keys, id),
            Self::RemoteKeys(published) => published.of_id(id, now).await,
        }
    }
}

/// Returns the keys that match a key id. A key without an id matches every token, and a token without a
/// key id matches every key.
fn matching(keys: &[Arc<Key>], id: Option<&str>) -> Vec<Arc<Key>> {
    let may = |key: &&Arc<Key>| match (&key.id, id) {
        (Some(has), Some(id)) => has == id,
        _ => true,
    };
    keys.iter().filter(may).cloned().collect()
}

/// Parses a PEM key or a JWK set.
fn read(text: &str) -> anyhow::Result<Vec<Arc<Key>>> {
    ensure!(
        !text.contains("PRIVATE KEY"),
        "it holds a private key: only the issuer should have that"
    );
    if text.contains("-----BEGIN") {
        return Ok(vec![Arc::new(pem(text)?)]);
    }
    let set: JwkSet = serde_json::from_str(text).context("it is neither a PEM nor a JWK set")?;
    let keys = of_set(&set, true);
    ensure!(
        !keys.is_empty(),
        "it has no key for {ALGORITHMS:?}, which are the algorithms that count"
    );
    Ok(keys)
}

/// The length of an uncompressed P-256 point in bytes: a format byte and two coordinates.
const P256_POINT: usize = 1 + 2 * 32;

fn pem(text: &str) -> anyhow::Result<Key> {
    let bytes = text.as_bytes();
    let tried = [
        (Algorithm::RS256, DecodingKey::from_rsa_pem(bytes)),
        (Algorithm::ES256, DecodingKey::from_ec_pem(bytes)),
        (Algorithm::EdDSA, DecodingKey::from_ed_pem(bytes)),
    ];
    for (algorithm, key) in tried {
        if let Ok(key) = key {
            // A point of another length belongs to another curve.
            let point = key.try_get_as_bytes().map_or(0, <[u8]>::len);
            if algorithm == Algorithm::ES256 && point != P256_POINT {
                break;
            }
            return Ok(Key {
                id: None,
                algorithm,
                secret_or_public: key,
            });
        }
    }
    bail!("the PEM holds no public key of RSA, P-256 or Ed25519")
}

/// Returns the keys of a set that are suitable for verifying tokens. Other keys are ignored, as RFC 7517
/// §5 requires. Symmetric keys are accepted only if `secret` is true, which means that the set is not
/// public.
fn of_set(set: &JwkSet, secret: bool) -> Vec<Arc<Key>> {
    let good = |jwk: &Jwk| {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            AlgorithmParameters::OctetKey(_) if secret => Algorithm::HS256,
            _ => return None,
        };
        let says = jwk.common.key_algorithm;
        let other = says.is_some_and(|says| says != algorithm.into());
        let encrypts = jwk.common.public_key_use == Some(PublicKeyUse::Encryption);
        if other || encrypts {
            return None;
        }
        Some(Arc::new(Key {
            id: jwk.common.key_id.clone(),
            algorithm,
            secret_or_public: DecodingKey::from_jwk(jwk).ok()?,
        }))
    };
    set.keys.iter().filter_map(good).collect()
}

/// The keys that an issuer publishes at a URL.
pub(super) struct RemoteKeys {
    url: String,
    fetch: FetchKeys,
    max_age: TimeDelta,
    state: RwLock<State>,
    /// A lock held during a fetch, so that only one runs at a time.
    fetching: Mutex<()>,
}

#[derive(Clone, Default)]
struct State {
    keys: Vec<Arc<Key>>,
    fetched_at: Option<DateTime<Utc>>,
    tried_at: Option<DateTime<Utc>>,
}

/// The minimum time between two fetches. Otherwise, made-up key ids would cause one request to the issuer
/// each.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// The minimum time between two fetches while there are no keys. It is shorter, so that an issuer that
/// was unavailable at first does not lock out everybody for long.
const PAUSE_WITHOUT_KEYS: TimeDelta = TimeDelta::seconds(5);
/// The timeout of a fetch.
const TIMEOUT: Duration = Duration::from_secs(5);

impl State {
    fn has_key(&self, id: Option<&str>) -> bool {
        !matching(&self.keys, id).is_empty()
    }

    fn is_fresh(&self, now: DateTime<Utc>, max_age: TimeDelta) -> bool {
        self.fetched_at.is_some_and(|at| now - at < max_age)
    }

    fn may_try(&self, now: DateTime<Utc>) -> bool {
        let pause = if self.keys.is_empty() {
            PAUSE_WITHOUT_KEYS
        } else {
            PAUSE
        };
        self.tried_at.is_none_or(|at| now - at >= pause)
    }
}

impl RemoteKeys {
    fn new(settings: &Settings, fetch: FetchKeys) -> Self {
        let seconds = i64::try_from(settings.jwks_max_age_s).unwrap_or(i64::MAX);
        Self {
            url: settings.jwks_url.clone(),
            fetch,
            max_age: TimeDelta::try_seconds(seconds).unwrap_or(TimeDelta::MAX),
            state: RwLock::default(),
            fetching: Mutex::default(),
        }
    }

    async fn of_id(&self, id: Option<&str>, now: DateTime<Utc>) -> Vec<Arc<Key>> {
        let state = self.state();
        if state.has_key(id) {
            // While another task fetches, the current keys are used.
            if !state.is_fresh(now, self.max_age)
                && state.may_try(now)
                && let Ok(_alone) = self.fetching.try_lock()
            {
                self.refresh(now).await;
            }
        } else {
            let _alone = self.fetching.lock().await;
            let state = self.state();
            if !state.has_key(id) && state.may_try(now) {
                self.refresh(now).await;
            }
        }
        matching(&self.state().keys, id)
    }

    /// Fetches the JWK set. On failure, the current keys stay in use and a warning is logged.
    async fn refresh(&self, now: DateTime<Utc>) {
        let fetched = tokio::time::timeout(TIMEOUT, self.fetch()).await;
        let fetched = fetched
            .context("the issuer did not answer in time")
            .flatten();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.tried_at = Some(now);
        match fetched {
            Ok(keys) => {
                state.keys = keys;
                state.fetched_at = Some(now);
            }
            Err(error) => {
                tracing::warn!(url = %self.url, error = format!("{error:#}"), "jwks_fetch_failed");
            }
        }
    }

    async fn fetch(&self) -> anyhow::Result<Vec<Arc<Key>>> {
        let body = (self.fetch)().await?;
        let set: JwkSet = serde_json::from_slice(&body).context("it is no JWK set")?;
        let keys = of_set(&set, false);
        ensure!(!keys.is_empty(), "it has no key that could have signed");
        Ok(keys)
    }

    fn state(&self) -> State {
        let state = self.state.read();
        state.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
