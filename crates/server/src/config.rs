//! Configuration of the server from a file, the environment and command-line flags.
//!
//! In increasing order of precedence: defaults, the file, `KHABAR_…` variables, flags.

mod cache;
mod comments;
mod settings;
mod source;
mod timeouts;

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, anyhow};
use config::{Config, Source, Value, ValueKind};

pub use cache::Cache;
pub use comments::Comments;
pub use settings::{Audit, Import, Log, LogFormat, Settings};
use source::{Environment, Flags};
pub use timeouts::DatabaseTimeouts;

/// The effective configuration, with the origin of each value.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The effective settings.
    pub settings: Settings,
    origins: Vec<Entry>,
}

/// An effective value with its key and origin.
#[derive(Clone, Debug)]
struct Entry {
    key: String,
    value: String,
    origin: String,
}

/// The configuration file that is read by default, if it exists.
pub const FILE: &str = "khabar.toml";

/// Whether the value of this key is a secret, which must not be displayed.
fn is_secret(key: &str) -> bool {
    key == "auth.key" || (key.starts_with("purge.") && key.ends_with(".secret"))
}

impl Configuration {
    /// Reads and checks the configuration. `environment` holds the environment variables, and `flags` the
    /// keys and values from the command line.
    ///
    /// # Errors
    ///
    /// Fails if `file` is given but does not exist, if a source cannot be parsed, or if a value is invalid.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let defaults =
            Config::try_from(&Settings::default()).context("the default configuration")?;
        let known: Vec<_> = entries(&defaults)?
            .into_iter()
            .map(|entry| entry.key)
            .collect();
        let mut builder = Config::builder().add_source(defaults);
        let path = file.unwrap_or(Path::new(FILE));
        if file.is_some() || path.exists() {
            let text = std::fs::read_to_string(path).with_context(|| {
                format!("could not read the configuration file {}", path.display())
            })?;
            // Parsed here as well, because this parser reports the position of an error.
            toml::from_str::<toml::Table>(&text).map_err(|error| {
                // The line itself is omitted, because it may contain a password.
                let at = error.span().map_or(0, |span| span.start);
                let before = text.get(..at).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                let problem = error.message();
                anyhow!(
                    "the configuration file {} is not TOML: line {line}: {problem}",
                    path.display()
                )
            })?;
            builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
        }
        let merged = builder
            .add_source(Environment::new(environment, &known))
            .add_source(Flags(flags))
            .build()
            .context("could not read the configuration")?;
        let origins = entries(&merged)?;
        let settings: Settings = merged
            .try_deserialize()
            .context("the configuration cannot be used")?;
        settings.check()?;
        Ok(Self { settings, origins })
    }

    /// Formats every effective value with its origin, one per line, in aligned columns. Passwords and
    /// secrets are masked.
    pub fn describe(&self) -> String {
        let shown = |entry: &Entry| {
            if is_secret(&entry.key) && !entry.value.is_empty() {
                return "***".to_owned();
            }
            khabar_persistence::db::without_password(&entry.value)
        };
        let key = self
            .origins
            .iter()
            .map(|entry| entry.key.len())
            .max()
            .unwrap_or(0);
        let value = self
            .origins
            .iter()
            .map(|entry| shown(entry).chars().count())
            .max()
            .unwrap_or(0);
        let mut out = String::new();
        for entry in &self.origins {
            let Entry {
                key: name, origin, ..
            } = entry;
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{name:key$}  {:value$}  # {origin}", shown(entry));
        }
        out
    }
}

/// Returns every value of a configuration with its dotted key, sorted by key.
fn entries(config: &Config) -> anyhow::Result<Vec<Entry>> {
    // Deserialising the configuration would lose the origin of each value.
    let table = config
        .collect()
        .context("the configuration is not a table")?;
    let mut found = Vec::new();
    for (key, value) in table {
        flatten(key, value, &mut found);
    }
    found.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(found)
}

fn flatten(key: String, value: Value, found: &mut Vec<Entry>) {
    let origin = value.origin().unwrap_or("default").to_owned();
    match value.kind {
        ValueKind::Table(table) if !table.is_empty() => {
            for (inner, value) in table {
                flatten(format!("{key}.{inner}"), value, found);
            }
        }
        ValueKind::Table(_) => found.push(Entry {
            key,
            value: "{}".to_owned(),
            origin,
        }),
        ValueKind::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|item| khabar_persistence::db::without_password(&item.to_string()))
                .collect();
            found.push(Entry {
                key,
                value: format!("[{}]", items.join(", ")),
                origin,
            });
        }
        kind => found.push(Entry {
            key,
            value: kind.to_string(),
            origin,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn later_config_sources_take_precedence() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\ndatabase = \"postgres://a:secret@h/db\"\n[graphql]\nrequest_timeout_ms = 7\n[auth]\nissuer = \"i\"\naudience = \"a\"\nkey = \"secret secret secret secret secret\"\n").unwrap();
        let environment = pairs(&[
            ("KHABAR_LISTEN", "127.0.0.1:2"),
            ("KHABAR_GRAPHQL__BODY_TIMEOUT_MS", "9"),
            ("KHABAR_AUTH__TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.1"),
            ("KHABAR_SHARED", "x"),
        ]);
        let read = Configuration::read(
            Some(&file),
            environment,
            vec![("listen", "127.0.0.1:3".to_owned())],
        )
        .unwrap();
        assert_eq!(read.settings.listen.to_string(), "127.0.0.1:3");
        assert_eq!(read.settings.graphql.request_timeout_ms, 7);
        assert_eq!(read.settings.graphql.body_timeout_ms, 9);
        assert_eq!(read.settings.auth.trusted_proxies.len(), 2);
        let described = read.describe();
        let line = |key: &str| {
            described
                .lines()
                .find(|line| line.starts_with(key))
                .unwrap()
                .to_owned()
        };
        assert!(line("listen").ends_with("# flag --listen"), "{described}");
        assert!(
            line("graphql.body_timeout_ms").ends_with("# variable KHABAR_GRAPHQL__BODY_TIMEOUT_MS")
        );
        assert!(line("graphql.request_timeout_ms").contains("k.toml"));
        assert!(line("http.header_timeout_ms").ends_with("# default"));
        assert!(line("auth.key ").contains("***"), "{described}");
        assert!(!described.contains("secret"));
    }

    #[test]
    fn purge_targets_are_configured_by_name_with_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k.toml");
        let toml = "[purge.edge-1]\nkind = \"varnish-xkey\"\nurl = \"http://edge:6081/\"\n\
            [purge.cdn]\nkind = \"fastly\"\nservice = \"SU1Z0\"\n\
            [graphql.cache]\nsurrogate = [\"xkey\", \"surrogate-key\"]";
        std::fs::write(&file, toml).unwrap();
        let secret = pairs(&[("KHABAR_PURGE__CDN__SECRET", "hush")]);
        let read = Configuration::read(Some(&file), secret, vec![]).unwrap();
        let names: Vec<_> = read.settings.purge.keys().collect();
        assert_eq!(names, ["cdn", "edge-1"]);
        assert_eq!(read.settings.graphql.cache.surrogate.len(), 2);
        let described = read.describe();
        assert!(!described.contains("hush"), "{described}");
        assert!(described.contains("purge.cdn.secret"), "{described}");
        assert!(!format!("{:?}", read.settings).contains("hush"));
        // The header by which a target finds answers must be among the surrogate headers.
        std::fs::write(&file, toml.replace(", \"surrogate-key\"", "")).unwrap();
        let secret = pairs(&[("KHABAR_PURGE__CDN__SECRET", "hush")]);
        let lacking = Configuration::read(Some(&file), secret, vec![]).unwrap_err();
        assert!(lacking.to_string().contains("surrogate-key"), "{lacking:#}");
        // Without its secret, the target cannot be called.
        let missing = Configuration::read(Some(&file), [], vec![]).unwrap_err();
        assert!(format!("{missing:#}").contains("secret"), "{missing:#}");
    }

    #[test]
    fn unknown_settings_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k.toml");
        let problem = |text: &str| {
            std::fs::write(&file, text).unwrap();
            format!(
                "{:#}",
                Configuration::read(Some(&file), [], vec![]).unwrap_err()
            )
        };
        assert!(problem("lisen = 1").contains("lisen"));
        assert!(problem("listen = \"nowhere\"").contains("listen"));
        assert!(problem("listen = ").contains("line 1"));
        let secret = problem("metrics = true\ndatabase = \"postgres://u:hush@h/db\nlisten = 1");
        assert!(
            secret.contains("line 2") && !secret.contains("hush"),
            "{secret}"
        );
        assert!(problem("[auth]\nkey = \"x\"").contains("auth.issuer"));
        assert!(
            problem("[graphql]\nrequest_timeout_ms = 0").contains("graphql.request_timeout_ms")
        );
        assert!(problem("[comments]\nposts_per_minute = 0").contains("comments.posts_per_minute"));
        assert!(problem("[comments]\nedit_minute = 5").contains("edit_minute"));
        let missing =
            Configuration::read(Some(&dir.path().join("none.toml")), [], vec![]).unwrap_err();
        assert!(format!("{missing:#}").contains("none.toml"));
    }
}
