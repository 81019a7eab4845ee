//! The rules of JWTs, with keys of every algorithm (`keys/`, made for these tests by `openssl
//! genpkey`) and an issuer in this process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use bytes::Bytes;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{EncodingKey, Header};
use khabar_domain::Right;
use serde_json::json;

use super::*;

const SECRET: &str = "an issuer's secret of 32 bytes and more";
const RSA: &[u8] = include_bytes!("keys/rsa.pem");
const P256: &[u8] = include_bytes!("keys/p256.pem");
const ED25519: &[u8] = include_bytes!("keys/ed25519.pem");

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn settings() -> Settings {
    Settings {
        issuer: "https://issuer.example".to_owned(),
        audience: "khabar".to_owned(),
        key: SECRET.to_owned(),
        ..Settings::default()
    }
}

/// With a file of keys.
fn of_file(text: &str) -> anyhow::Result<Jwt> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("keys");
    std::fs::write(&file, text)?;
    let settings = Settings {
        key: String::new(),
        key_file: file.display().to_string(),
        ..settings()
    };
    Ok(Jwt::of(&settings, None)?.unwrap())
}

fn by_secret() -> Jwt {
    Jwt::of(&settings(), None).unwrap().unwrap()
}

/// Good claims of an editor.
fn claims() -> Value {
    json!({
        "iss": "https://issuer.example", "sub": "user-7", "aud": "khabar",
        "exp": now().timestamp() + 60, "nbf": now().timestamp() - 60,
        "name": "ليلى", "role": "editor",
    })
}

/// Good claims, but for some; null takes one away.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what is passed is written on the spot"
)]
fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    let known = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            known.remove(name);
        } else {
            known.insert(name.clone(), value.clone());
        }
    }
    claims
}

fn keys() -> [(Algorithm, EncodingKey); 4] {
    [
        (
            Algorithm::HS256,
            EncodingKey::from_secret(SECRET.as_bytes()),
        ),
        (Algorithm::RS256, EncodingKey::from_rsa_pem(RSA).unwrap()),
        (Algorithm::ES256, EncodingKey::from_ec_pem(P256).unwrap()),
        (Algorithm::EdDSA, EncodingKey::from_ed_pem(ED25519).unwrap()),
    ]
}

fn signed(algorithm: Algorithm, key: &EncodingKey, id: Option<&str>, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

fn by_hs256(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    signed(Algorithm::HS256, &key, None, claims)
}

async fn refused(jwt: &Jwt, token: &str) -> String {
    match jwt.verify(token, now()).await {
        Err(ContextError::Unauthenticated(why)) => why,
        other => panic!("it was not refused: {other:?}"),
    }
}

/// A set of these keys, under their ids.
fn set(keys: &[(&str, Algorithm, &EncodingKey)]) -> String {
    let keys = keys.iter().map(|(id, algorithm, key)| {
        let mut jwk = Jwk::from_encoding_key(key, *algorithm).unwrap();
        jwk.common.key_id = Some((*id).to_owned());
        jwk
    });
    let set = JwkSet {
        keys: keys.collect(),
    };
    serde_json::to_string(&set).unwrap()
}

#[tokio::test]
async fn each_algorithm_is_accepted_only_with_its_own_key() {
    let sources = [
        by_secret(),
        of_file(include_str!("keys/rsa.pub.pem")).unwrap(),
        of_file(include_str!("keys/p256.pub.pem")).unwrap(),
        of_file(include_str!("keys/ed25519.pub.pem")).unwrap(),
    ];
    for (at, jwt) in sources.iter().enumerate() {
        for (signer, (algorithm, key)) in keys().iter().enumerate() {
            let token = signed(*algorithm, key, Some("any"), &claims());
            let known = jwt.verify(&token, now()).await;
            if at == signer {
                let known = known.unwrap();
                assert_eq!(known.name, "ليلى");
                assert_eq!(known.viewer.role, Role::Editor);
                assert_eq!(known.viewer.rights, Role::Editor.rights());
            } else {
                assert!(known.is_err(), "{algorithm:?} by key {at}");
            }
        }
    }
}

#[tokio::test]
async fn a_public_key_is_not_accepted_as_an_hmac_secret() {
    // The old trick: the issuer's public key, which everybody has, as the secret of HS256.
    for public in [
        include_str!("keys/rsa.pub.pem"),
        include_str!("keys/p256.pub.pem"),
        include_str!("keys/ed25519.pub.pem"),
    ] {
        let jwt = of_file(public).unwrap();
        let key = EncodingKey::from_secret(public.as_bytes());
        let why = refused(&jwt, &signed(Algorithm::HS256, &key, None, &claims())).await;
        assert!(why.contains("not the issuer's"), "{why}");
    }
}

#[tokio::test]
async fn invalid_signatures_are_rejected() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let jwt = by_secret();
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let said = part(&claims().to_string());
    let none =
        |algorithm: &str| format!("{}.{said}.", part(&format!(r#"{{"alg":"{algorithm}"}}"#)));
    let good = by_hs256(&claims());
    let (head, _) = good.rsplit_once('.').unwrap();
    let other = EncodingKey::from_secret(b"another secret of 32 bytes and more");
    let hs384 = EncodingKey::from_secret(SECRET.as_bytes());
    for token in [
        none("none"),
        none("None"),
        none("HS256"),
        format!("{head}."),
        format!("{head}.AAAA"),
        good.replacen('.', ".e30.", 1),
        signed(Algorithm::HS256, &other, None, &claims()),
        signed(Algorithm::HS384, &hs384, None, &claims()),
        String::new(),
        "x".to_owned(),
        "x.y.z".to_owned(),
        "é.é.é".to_owned(),
        format!(
            "{}.{said}.x",
            part(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#)
        ),
        "a".repeat(LONGEST + 1),
    ] {
        let why = refused(&jwt, &token).await;
        assert!(!why.contains("ليلى"), "{why}");
    }
}

#[tokio::test]
async fn issuer_audience_and_expiry_are_checked() {
    let jwt = by_secret();
    let at = now().timestamp();
    for (changes, why) in [
        (json!({"exp": at - 31}), "expired"),
        (json!({"exp": null}), "cannot be read"),
        (json!({"exp": (at + 60).to_string()}), "cannot be read"),
        (json!({"nbf": at + 31}), "not count yet"),
        (json!({"nbf": "soon"}), "cannot be read"),
        (json!({"iss": "https://other.example"}), "another issuer"),
        (json!({"iss": null}), "cannot be read"),
        (json!({"aud": "shop"}), "another audience"),
        (json!({"aud": ["shop", "mail"]}), "another audience"),
        (json!({"aud": null}), "cannot be read"),
        (json!({"sub": ""}), "no subject"),
        (json!({"sub": "x".repeat(256)}), "no subject"),
        (json!({"sub": null}), "cannot be read"),
        (
            json!({"sub": "a\u{202e}b", "name": null}),
            "cannot be read|nor|neither",
        ),
        (json!({"name": 7}), "cannot be read"),
    ] {
        let said = refused(&jwt, &by_hs256(&claims_with(changes.clone()))).await;
        assert!(
            why.split('|').any(|why| said.contains(why)),
            "{changes}: {said}"
        );
    }
    // Clocks differ a little.
    for changes in [
        json!({"exp": at - 29}),
        json!({"nbf": at + 29}),
        json!({"nbf": null}),
        json!({"aud": ["shop", "khabar"]}),
        json!({"exp": f64::from(i32::MAX) + 0.5}),
    ] {
        let token = by_hs256(&claims_with(changes.clone()));
        assert!(jwt.verify(&token, now()).await.is_ok(), "{changes}");
    }
}

#[tokio::test]
async fn the_role_is_read_from_the_configured_claim() {
    for (claim, changes, role) in [
        ("role", json!({}), Role::Editor),
        ("role", json!({"role": null}), Role::Reader),
        ("role", json!({"role": "owner"}), Role::Reader),
        ("role", json!({"role": 7}), Role::Reader),
        (
            "roles",
            json!({"roles": ["staff", "contributor", "admin", "reader"]}),
            Role::Admin,
        ),
        (
            "realm.roles",
            json!({"realm": {"roles": ["moderator"]}}),
            Role::Moderator,
        ),
        (
            "https://k.example/role",
            json!({"https://k.example/role": "contributor"}),
            Role::Contributor,
        ),
    ] {
        let settings = Settings {
            role_claim: claim.to_owned(),
            ..settings()
        };
        let jwt = Jwt::of(&settings, None).unwrap().unwrap();
        let known = jwt
            .verify(&by_hs256(&claims_with(changes.clone())), now())
            .await
            .unwrap();
        assert_eq!(known.viewer.role, role, "{claim} {changes}");
    }
}

#[tokio::test]
async fn scopes_can_only_reduce_rights() {
    let jwt = by_secret();
    for (scope, rights) in [
        ("openid profile", Role::Editor.rights()),
        (
            "openid khabar:write khabar:audit",
            Rights::of(&[Right::Write]),
        ),
        ("khabar:everything", Rights::of(&[])),
    ] {
        let token = by_hs256(&claims_with(json!({"scope": scope})));
        let known = jwt.verify(&token, now()).await.unwrap();
        assert_eq!(known.viewer.rights, rights, "{scope}");
    }
}

#[tokio::test]
async fn one_subject_is_always_one_account() {
    let jwt = by_secret();
    let know = async |changes| {
        let known = jwt.verify(&by_hs256(&claims_with(changes)), now()).await;
        known.unwrap()
    };
    let (one, again) = (
        know(json!({})).await,
        know(json!({"name": "ليلى حداد"})).await,
    );
    assert_eq!(one.viewer.account, again.viewer.account);
    assert_ne!(
        one.viewer.account,
        know(json!({"sub": "user-8"})).await.viewer.account
    );
    let newcomer = one.newcomer.unwrap();
    assert_eq!(Some(newcomer.id), one.viewer.account);
    assert_eq!(newcomer.subject.unwrap().subject, "user-7");
    // A name that could not be shown is not shown.
    let nameless = know(json!({"name": "a\u{202e}b"})).await;
    assert_eq!(nameless.name, "user-7");
}

#[test]
fn key_files_without_usable_keys_are_rejected() {
    let [_, (_, rsa), ..] = keys();
    let mut encrypts = Jwk::from_encoding_key(&rsa, Algorithm::RS256).unwrap();
    encrypts.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Encryption);
    let mut other = Jwk::from_encoding_key(&rsa, Algorithm::RS256).unwrap();
    other.common.key_algorithm = Some(jsonwebtoken::jwk::KeyAlgorithm::RS512);
    let set = |keys| serde_json::to_string(&JwkSet { keys }).unwrap();
    for (text, why) in [
        (String::from_utf8(RSA.to_vec()).unwrap(), "private key"),
        ("nonsense".to_owned(), "neither"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
            "no public key",
        ),
        (
            include_str!("keys/p384.pub.pem").to_owned(),
            "no public key",
        ),
        (r#"{"keys": []}"#.to_owned(), "no key"),
        (set(vec![encrypts]), "no key"),
        (set(vec![other]), "no key"),
    ] {
        let error = of_file(&text).map(|_| ()).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{why}: {error:#}");
    }
}

#[tokio::test]
async fn a_key_file_can_contain_a_jwks() {
    let [_, (_, rsa), (_, p256), (_, ed)] = keys();
    let jwt = of_file(&set(&[
        ("r", Algorithm::RS256, &rsa),
        ("p", Algorithm::ES256, &p256),
        ("e", Algorithm::EdDSA, &ed),
    ]))
    .unwrap();
    for (algorithm, key, id, good) in [
        (Algorithm::RS256, &rsa, Some("r"), true),
        (Algorithm::ES256, &p256, Some("p"), true),
        (Algorithm::EdDSA, &ed, None, true),
        (Algorithm::RS256, &rsa, Some("p"), false),
        (Algorithm::RS256, &rsa, Some("x"), false),
    ] {
        let token = signed(algorithm, key, id, &claims());
        assert_eq!(
            jwt.verify(&token, now()).await.is_ok(),
            good,
            "{algorithm:?} {id:?}"
        );
    }
}

/// An issuer in this process: what it publishes, and how often it was asked.
struct Issuer {
    jwt: Jwt,
    publishes: Arc<Mutex<Option<String>>>,
    fetch_count: Arc<AtomicUsize>,
}

impl Issuer {
    fn new(publishes: Option<String>) -> Self {
        let publishes = Arc::new(Mutex::new(publishes));
        let fetch_count = Arc::new(AtomicUsize::new(0));
        let (shown, count) = (Arc::clone(&publishes), Arc::clone(&fetch_count));
        let fetch: FetchKeys = Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            let set = shown.lock().unwrap().clone().map(Bytes::from);
            Box::pin(async move { set.context("the issuer is away") })
        });
        let settings = Settings {
            key: String::new(),
            jwks_url: "https://issuer.example/keys".to_owned(),
            ..settings()
        };
        settings.check().unwrap();
        Self {
            jwt: Jwt::of(&settings, Some(fetch)).unwrap().unwrap(),
            publishes,
            fetch_count,
        }
    }

    fn publish(&self, set: Option<String>) {
        *self.publishes.lock().unwrap() = set;
    }

    fn fetch_count(&self) -> usize {
        self.fetch_count.load(Ordering::Relaxed)
    }

    /// Whether a token of this key counts, so many seconds later.
    async fn counts(&self, after: i64, key: &EncodingKey, id: &str) -> bool {
        let claims = claims_with(json!({"exp": now().timestamp() + 100_000}));
        let token = signed(Algorithm::ES256, key, Some(id), &claims);
        let at = now() + chrono::TimeDelta::seconds(after);
        self.jwt.verify(&token, at).await.is_ok()
    }
}

/// Another key of the same kind than that of the file.
fn another() -> EncodingKey {
    EncodingKey::from_ec_pem(include_bytes!("keys/p256.next.pem")).unwrap()
}

#[tokio::test]
async fn jwks_are_refetched_for_unknown_key_ids_but_rarely() {
    let (old, new) = (EncodingKey::from_ec_pem(P256).unwrap(), another());
    let issuer = Issuer::new(Some(set(&[("old", Algorithm::ES256, &old)])));
    assert!(issuer.counts(0, &old, "old").await);
    assert!(issuer.counts(1, &old, "old").await);
    assert_eq!(issuer.fetch_count(), 1);

    // Rotation: both are published, and the new one is used.
    issuer.publish(Some(set(&[
        ("new", Algorithm::ES256, &new),
        ("old", Algorithm::ES256, &old),
    ])));
    assert!(
        !issuer.counts(30, &new, "new").await,
        "it was asked for within the minute"
    );
    assert_eq!(issuer.fetch_count(), 1);
    assert!(issuer.counts(60, &new, "new").await);
    assert!(issuer.counts(61, &old, "old").await);
    assert_eq!(issuer.fetch_count(), 2);
    // Whoever makes ids up makes us ask once a minute and no more.
    for made_up in ["a", "b", "c"] {
        assert!(!issuer.counts(62, &old, made_up).await);
    }
    assert_eq!(issuer.fetch_count(), 2);
    for made_up in ["a", "b", "c"] {
        assert!(!issuer.counts(120, &old, made_up).await);
    }
    assert_eq!(issuer.fetch_count(), 3);
    // The id of one key does not make another count.
    assert!(!issuer.counts(121, &old, "new").await);

    // The old key is taken back: it counts until the set that was fetched has aged.
    issuer.publish(Some(set(&[("new", Algorithm::ES256, &new)])));
    assert!(issuer.counts(719, &old, "old").await);
    assert_eq!(issuer.fetch_count(), 3);
    assert!(!issuer.counts(720, &old, "old").await);
    assert!(issuer.counts(720, &new, "new").await);
    assert_eq!(issuer.fetch_count(), 4);
}

#[tokio::test]
async fn keys_remain_usable_while_the_issuer_is_down() {
    let old = EncodingKey::from_ec_pem(P256).unwrap();
    let good = set(&[("old", Algorithm::ES256, &old)]);
    let issuer = Issuer::new(None);
    // Nothing is known yet, so it is asked again soon.
    assert!(!issuer.counts(0, &old, "old").await);
    assert!(!issuer.counts(4, &old, "old").await);
    assert_eq!(issuer.fetch_count(), 1);
    issuer.publish(Some(good.clone()));
    assert!(issuer.counts(5, &old, "old").await);
    assert_eq!(issuer.fetch_count(), 2);
    // Away, or saying what is no set: the keys that there were go on to count.
    for (after, said) in [
        (700, None),
        (800, Some("<html>".to_owned())),
        (900, Some(r#"{"keys":[]}"#.to_owned())),
    ] {
        issuer.publish(said);
        assert!(issuer.counts(after, &old, "old").await);
    }
    assert_eq!(issuer.fetch_count(), 5);
    // It is not asked for every request meanwhile.
    assert!(issuer.counts(901, &old, "old").await);
    assert_eq!(issuer.fetch_count(), 5);
}
