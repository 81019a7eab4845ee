//! The authentication settings for JWTs and for trusted proxies.

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The issuer that authenticates viewers, and the proxies that give client addresses. An empty string
/// means that a setting is not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The issuer whose JWTs are accepted: the required value of the `iss` claim. JWTs are refused if it
    /// is not set.
    pub issuer: String,
    /// The audience that the JWTs must be issued for: the required value, or list item, of the `aud`
    /// claim.
    pub audience: String,
    /// The shared secret that the JWTs are signed with (HS256). At least 32 bytes.
    pub key: String,
    /// The path of a file with the issuer's public keys: a PEM (RS256, ES256 or `EdDSA`) or a JWK set.
    pub key_file: String,
    /// The URL of the issuer's JWK set: `https`, or `http` on the local machine.
    pub jwks_url: String,
    /// The number of seconds for which a fetched JWK set is fresh.
    ///
    /// Defaults to ten minutes. A key that the issuer has withdrawn is accepted for no longer than that,
    /// unless the set cannot be fetched. A new key is fetched as soon as a token names it, at most once a
    /// minute.
    pub jwks_max_age_s: u64,
    /// The name of the claim that holds the viewer's role, or a list of roles of which the highest
    /// applies. Dots address the members of nested objects. A viewer without a known role is a reader.
    /// Defaults to `role`.
    pub role_claim: String,
    /// The prefix of the words in the `scope` claim that are meant for this server, as in `khabar:write`.
    /// A token with any such words is restricted to the rights they name. Defaults to `khabar:`.
    pub scope_prefix: String,
    /// The tolerated difference in seconds between the issuer's clock and the server's clock. Defaults to
    /// 30; at most 300.
    pub leeway_s: u64,
    /// The proxies that are trusted to give the client address: addresses, or networks such as
    /// `10.0.0.0/8`. The address is used for the audit log, comment paces and rate limits.
    pub trusted_proxies: Vec<String>,
    /// The header in which the trusted proxies give the client address: `x-forwarded-for`, `forwarded`
    /// (RFC 7239), or a proxy's own header. The proxies must always set it, whatever a client sends.
    /// Defaults to `x-forwarded-for`. In this case, `Forwarded` is read if a proxy sends no
    /// `X-Forwarded-For`.
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

/// Minimum length of the HS256 secret in bytes. HS256 is no stronger than its secret, and a shorter one
/// is easier to guess.
const LEAST_KEY: usize = 32;

/// Maximum clock tolerance in seconds. A larger one would accept tokens long after they have expired.
const MOST_LEEWAY: u64 = 300;

impl Settings {
    /// Returns an error for values that have the right type but cannot work.
    pub fn check(&self) -> anyhow::Result<()> {
        let sources = [&self.key, &self.key_file, &self.jwks_url];
        let configured = sources.iter().filter(|source| !source.is_empty()).count();
        if self.issuer.is_empty() {
            ensure!(
                configured == 0,
                "auth.issuer is empty: say whose tokens the keys are for"
            );
            return Ok(());
        }
        ensure!(
            !self.audience.is_empty(),
            "auth.audience is empty: tokens that were meant for others would count"
        );
        ensure!(
            configured == 1,
            "auth needs exactly one of auth.key, auth.key_file and auth.jwks_url"
        );
        ensure!(
            self.key.is_empty() || self.key.len() >= LEAST_KEY,
            "auth.key is shorter than {LEAST_KEY} bytes"
        );
        ensure!(
            self.leeway_s <= MOST_LEEWAY,
            "auth.leeway_s is {}; it must be from 0 to {MOST_LEEWAY}",
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

/// Whether the keys are protected against tampering on the network: the URL uses `https`, or `http` on
/// the local machine.
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
    fn invalid_settings_are_named() {
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
