//! How the server knows who asks, besides by its own tokens.

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Who may vouch for a viewer, and who may tell where one is. Empty words are as good as unsaid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The issuer whose JWTs count: what `iss` has to be. JWTs are refused while there is none.
    pub issuer: String,
    /// Whom they have to be meant for: what `aud` has to be, or to hold.
    pub audience: String,
    /// The secret that they are signed with (HS256): at least 32 bytes.
    pub key: String,
    /// The file with the issuer's public keys: a PEM (RS256, ES256 or `EdDSA`) or a JWK set.
    pub key_file: String,
    /// Where the issuer publishes its JWK set: `https`, or `http` on this machine.
    pub jwks_url: String,
    /// Seconds for which a fetched JWK set counts as fresh.
    ///
    /// Ten minutes: a key that an issuer takes back counts no longer than that. A new key is
    /// fetched as soon as a token names it, at most once a minute.
    pub jwks_max_age_s: u64,
    /// The claim that holds the viewer's role, or a list of which the highest counts; dots lead into
    /// objects. Who has none of our roles is a reader.
    pub role_claim: String,
    /// What begins the words of the claim `scope` that are meant for us: `khabar:write`. A token
    /// that has any allows no more than those.
    pub scope_prefix: String,
    /// Seconds by which the issuer's clock may differ from ours.
    pub leeway_s: u64,
    /// The proxies that are trusted to tell where a client is, for the audit log, the paces of comments
    /// and rate limits: addresses, or networks such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// The header in which they tell it: `x-forwarded-for`, `forwarded` (RFC 7239), or one of a proxy's
    /// own. It has to be one that they set whatever a client sends. With the default, `Forwarded` is read
    /// from those that send no `X-Forwarded-For`.
    pub address_header: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            key: String::new(),
            key_file: String::new(),
            jwks_url: String::new(),
            jwks_max_age_s: 600,
            role_claim: "role".to_owned(),
            scope_prefix: "khabar:".to_owned(),
            leeway_s: 30,
            trusted_proxies: Vec::new(),
            address_header: "x-forwarded-for".to_owned(),
        }
    }
}

/// HS256 is no stronger than its secret, and half of one can be guessed.
const LEAST_KEY: usize = 32;

/// A larger difference would keep tokens alive that have ended.
const MOST_LEEWAY: u64 = 300;

impl Settings {
    /// Refuses what is of the right type and cannot work.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let sources = [&self.key, &self.key_file, &self.jwks_url];
        let given = sources.iter().filter(|source| !source.is_empty()).count();
        if self.issuer.is_empty() {
            ensure!(
                given == 0,
                "auth.issuer is empty: say whose tokens the keys are for"
            );
            return Ok(());
        }
        ensure!(
            !self.audience.is_empty(),
            "auth.audience is empty: tokens that were meant for others would count"
        );
        ensure!(
            given == 1,
            "auth needs exactly one of auth.key, auth.key_file and auth.jwks_url"
        );
        ensure!(
            self.key.is_empty() || self.key.len() >= LEAST_KEY,
            "auth.key is shorter than {LEAST_KEY} bytes"
        );
        ensure!(
            self.leeway_s <= MOST_LEEWAY,
            "auth.leeway_s is {}: it may be 0 to {MOST_LEEWAY}",
            self.leeway_s
        );
        ensure!(
            self.jwks_url.is_empty() || is_safe(&self.jwks_url),
            "auth.jwks_url is {:?}: keys are fetched by https, or by http on this machine",
            self.jwks_url
        );
        Ok(())
    }
}

/// Whether nobody on the way can put other keys into the answer.
fn is_safe(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        ("http", Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings {
            issuer: "https://issuer.example".to_owned(),
            audience: "khabar".to_owned(),
            key: "k".repeat(32),
            ..Settings::default()
        };
        change(&mut settings);
        settings
            .check()
            .map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_cannot_work_is_named() {
        assert!(Settings::default().check().is_ok());
        assert_eq!(problem(|_| ()), "");
        assert!(problem(|it| it.issuer.clear()).contains("auth.issuer"));
        assert!(problem(|it| it.audience.clear()).contains("auth.audience"));
        assert!(problem(|it| it.key.clear()).contains("exactly one"));
        assert!(problem(|it| it.key_file = "x.pem".to_owned()).contains("exactly one"));
        assert!(problem(|it| it.key.truncate(31)).contains("auth.key"));
        assert!(problem(|it| it.leeway_s = 301).contains("auth.leeway_s"));
        for (url, safe) in [
            ("https://issuer.example/keys", true),
            ("http://127.0.0.1:8/keys", true),
            ("http://[::1]/keys", true),
            ("http://localhost/keys", true),
            ("http://issuer.example/keys", false),
            ("http://localhost.example/keys", false),
            ("file:///keys", false),
            ("keys", false),
        ] {
            assert_eq!(is_safe(url), safe, "{url}");
        }
    }
}
