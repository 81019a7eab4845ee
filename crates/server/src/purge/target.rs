//! Targets of purges: the caches in front of the server, and how to call each of them.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::ensure;
use serde::{Deserialize, Serialize, Serializer};
use url::{Host, Url};

use crate::graphql::surrogate::Header;

/// The targets by name. A target's position in the change feed is stored under its name, so a renamed
/// target is treated as new.
pub type Targets = BTreeMap<String, Target>;

/// A cache that is purged when content changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Target {
    /// Varnish with the `xkey` module, configured as in `docs/varnish.vcl`.
    VarnishXkey {
        /// The URL that accepts purges, such as `http://varnish:6081/`.
        url: String,
    },
    /// Varnish without the `xkey` module. Compares the keys of cached objects with a pattern.
    VarnishBan {
        /// The URL that accepts bans, such as `http://varnish:6081/`.
        url: String,
    },
    /// A Fastly service.
    Fastly {
        /// The ID of the service.
        service: String,
        /// An API token that is permitted to purge the service.
        secret: Secret,
        /// The URL of the Fastly API. Defaults to `https://api.fastly.com`.
        #[serde(default = "fastly")]
        url: String,
    },
    /// A Cloudflare zone.
    Cloudflare {
        /// The ID of the zone.
        zone: String,
        /// An API token that is permitted to purge the zone.
        secret: Secret,
        /// The URL of the Cloudflare API. Defaults to `https://api.cloudflare.com/client/v4`.
        #[serde(default = "cloudflare")]
        url: String,
    },
    /// Any other receiver. The keys are sent by POST.
    Webhook {
        /// The URL that receives the keys.
        url: String,
        /// The key that signs each call with HMAC-SHA256. At least 32 bytes long.
        secret: Secret,
    },
}

fn fastly() -> String {
    "https://api.fastly.com".to_owned()
}

fn cloudflare() -> String {
    "https://api.cloudflare.com/client/v4".to_owned()
}

/// A secret that is masked in logs and in printed configuration.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Creates a secret from plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// Minimum length of a webhook's secret in bytes. A shorter one could be guessed from one signed call.
const LEAST_SECRET: usize = 32;

impl Target {
    /// Returns the URL to call.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::VarnishXkey { url }
            | Self::VarnishBan { url }
            | Self::Fastly { url, .. }
            | Self::Cloudflare { url, .. }
            | Self::Webhook { url, .. } => url,
        }
    }

    /// Returns the response header from which the target reads the keys, if it is known.
    pub(crate) fn reads(&self) -> Option<Header> {
        match self {
            Self::VarnishXkey { .. } | Self::VarnishBan { .. } => Some(Header::Xkey),
            Self::Fastly { .. } => Some(Header::SurrogateKey),
            Self::Cloudflare { .. } => Some(Header::CacheTag),
            Self::Webhook { .. } => None,
        }
    }

    /// Rejects values that have the right type but cannot work.
    pub(crate) fn check(&self, name: &str) -> anyhow::Result<()> {
        let is_word = |text: &str| {
            let mut bytes = text.bytes();
            !text.is_empty()
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        ensure!(
            is_word(name) && name.len() <= 64,
            "purge.{name}: a target's name is of letters, digits, - and _, 64 at most"
        );
        let url = Url::parse(self.url());
        let is_web = url
            .as_ref()
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
        ensure!(is_web, "purge.{name}.url is no address by http or https");
        let (id, secret) = match self {
            Self::VarnishXkey { .. } | Self::VarnishBan { .. } => return Ok(()),
            Self::Fastly {
                service, secret, ..
            } => (Some(("service", service)), secret),
            Self::Cloudflare { zone, secret, .. } => (Some(("zone", zone)), secret),
            Self::Webhook { secret, .. } => {
                ensure!(
                    secret.0.len() >= LEAST_SECRET,
                    "purge.{name}.secret is shorter than {LEAST_SECRET} bytes"
                );
                (None, secret)
            }
        };
        let is_visible = secret.0.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(
            is_visible && !secret.0.is_empty(),
            "purge.{name}.secret is empty, or not of visible characters"
        );
        if let Some((what, id)) = id {
            ensure!(
                is_word(id),
                "purge.{name}.{what} is empty, or not of letters and digits"
            );
            ensure!(
                url.is_ok_and(|url| is_private(&url)),
                "purge.{name}.url: a token is sent by https, or by http on this machine"
            );
        }
        Ok(())
    }
}

/// Whether nobody on the network can read what is sent to this URL.
fn is_private(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Target {
        toml::from_str(toml).unwrap()
    }

    fn problem(name: &str, toml: &str) -> String {
        let checked = read(toml).check(name);
        checked.map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn valid_targets_are_accepted_and_invalid_ones_named() {
        let word = "x".repeat(32);
        for toml in [
            "kind = \"varnish-xkey\"\nurl = \"http://varnish:6081/\"".to_owned(),
            "kind = \"varnish-ban\"\nurl = \"http://[::1]:6081\"".to_owned(),
            "kind = \"fastly\"\nservice = \"SU1Z0\"\nsecret = \"t\"".to_owned(),
            "kind = \"cloudflare\"\nzone = \"023e\"\nsecret = \"t\"".to_owned(),
            format!("kind = \"webhook\"\nurl = \"http://hook.example/\"\nsecret = \"{word}\""),
        ] {
            assert_eq!(problem("edge-1", &toml), "", "{toml}");
        }
        let varnish = "kind = \"varnish-xkey\"\nurl = \"http://varnish:6081/\"";
        assert!(problem("the edge", varnish).contains("a target's name"));
        for (toml, named) in [
            (
                "kind = \"varnish-ban\"\nurl = \"varnish:6081\"",
                "purge.edge.url",
            ),
            (
                "kind = \"varnish-ban\"\nurl = \"file:///x\"",
                "purge.edge.url",
            ),
            (
                "kind = \"fastly\"\nservice = \"a/b\"\nsecret = \"t\"",
                "purge.edge.service",
            ),
            (
                "kind = \"fastly\"\nservice = \"a\"\nsecret = \"\"",
                "purge.edge.secret",
            ),
            (
                "kind = \"fastly\"\nservice = \"a\"\nsecret = \"a\\nb\"",
                "purge.edge.secret",
            ),
            (
                "kind = \"cloudflare\"\nzone = \"a\"\nsecret = \"t\"\nurl = \"http://cdn.example\"",
                "by https",
            ),
            (
                "kind = \"webhook\"\nurl = \"http://a\"\nsecret = \"short\"",
                "purge.edge.secret",
            ),
        ] {
            assert!(problem("edge", toml).contains(named), "{toml}");
        }
        assert!(toml::from_str::<Target>("kind = \"akamai\"").is_err());
        assert!(toml::from_str::<Target>(&format!("{varnish}\nzone = \"a\"")).is_err());
    }

    #[test]
    fn secrets_are_redacted() {
        let target = read("kind = \"fastly\"\nservice = \"a\"\nsecret = \"hush\"");
        assert!(!format!("{target:?}").contains("hush"));
        assert!(!toml::to_string(&target).unwrap().contains("hush"));
    }
}
