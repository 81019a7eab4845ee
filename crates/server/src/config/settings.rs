//! The settings: every value that the server can be told, with its default and the reason for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use khabar_graphql::limit::Limits;

use super::{Cache, Comments, DatabaseTimeouts};
use crate::graphql;
use crate::http;
use crate::identity;
use crate::purge::Targets;
use crate::upkeep;

/// What the server is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address to listen on. The default is for this machine alone.
    pub listen: SocketAddr,
    /// `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// Read replicas of a PostgreSQL database.
    pub replicas: Vec<String>,
    /// Connections for reading.
    pub readers: u32,
    /// Connections for writing (PostgreSQL).
    pub writers: u32,
    /// How long the database may keep the server waiting.
    pub database_timeouts: DatabaseTimeouts,
    /// Whether `/playground` is served.
    pub playground: bool,
    /// Whether `/metrics` is served, to whoever asks: a proxy in front keeps the world from it.
    pub metrics: bool,
    /// The address of a listener of its own for `/metrics`, which is then not served to strangers,
    /// and for `/health/…`, which is then answered however many connections these have. Empty: none.
    pub metrics_listen: String,
    /// What is logged.
    pub log: Log,
    /// How many connections there may be, and how long they may keep the server waiting.
    pub http: http::Settings,
    /// How long and how large a GraphQL request may be.
    pub graphql: graphql::Settings,
    /// How the server knows who asks, besides by its own tokens.
    pub auth: identity::Settings,
    /// What one request may ask for.
    pub limits: Limits,
    /// How much readers may say how fast, and for how long they can change it.
    pub comments: Comments,
    /// How long the audit log keeps what it need not keep for ever.
    pub audit: Audit,
    /// How much of what was read is kept in memory.
    pub cache: Cache,
    /// How much of the change feed is kept.
    pub feed: upkeep::Feed,
    /// The caches before the server, by name, which are told what to let go of.
    pub purge: Targets,
    /// How imports understand what they find.
    pub import: Import,
}

impl Default for Settings {
    fn default() -> Self {
        let options = khabar_persistence::Options::new("");
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            database: DATABASE.to_owned(),
            replicas: Vec::new(),
            readers: options.readers,
            writers: options.writers,
            database_timeouts: DatabaseTimeouts::default(),
            playground: true,
            metrics: true,
            metrics_listen: String::new(),
            log: Log::default(),
            http: http::Settings::default(),
            graphql: graphql::Settings::default(),
            auth: identity::Settings::default(),
            limits: Limits::default(),
            comments: Comments::default(),
            audit: Audit::default(),
            cache: Cache::default(),
            feed: upkeep::Feed::default(),
            purge: Targets::new(),
            import: Import::default(),
        }
    }
}

/// The embedded default: a file in the folder where the server is started.
const DATABASE: &str = "sqlite:khabar.db";

impl Settings {
    /// Whether this is the embedded database, which the server migrates by itself.
    pub fn is_embedded(&self) -> bool {
        self.database == DATABASE
    }

    /// The listener of its own for metrics, if there is to be one.
    pub fn metrics_listener(&self) -> anyhow::Result<Option<SocketAddr>> {
        if self.metrics_listen.is_empty() {
            return Ok(None);
        }
        let address = self.metrics_listen.parse();
        let address = address.with_context(|| {
            let text = &self.metrics_listen;
            format!("metrics_listen: {text:?} is no address such as 127.0.0.1:9464")
        })?;
        Ok(Some(address))
    }

    /// How long the addresses of clients are kept.
    pub fn addresses(&self) -> upkeep::Addresses {
        upkeep::Addresses {
            readers: TimeDelta::hours(self.comments.address_hours.into()),
            staff: TimeDelta::days(self.audit.address_days.into()),
        }
    }

    /// Refuses what is of the right type and cannot work.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let waits = [
            ("graphql.body_timeout_ms", self.graphql.body_timeout_ms),
            (
                "graphql.request_timeout_ms",
                self.graphql.request_timeout_ms,
            ),
        ];
        for (name, value) in waits {
            ensure!(value > 0, "{name} is 0: nothing could ever be answered");
        }
        ensure!(self.readers > 0, "readers is 0: nothing could ever be read");
        ensure!(
            self.writers > 0,
            "writers is 0: nothing could ever be written"
        );
        for (name, target) in &self.purge {
            target.check(name)?;
            let told = &self.graphql.cache.surrogate;
            if let Some(header) = target.reads() {
                ensure!(
                    told.contains(&header),
                    "purge.{name} finds answers by a header that graphql.cache.surrogate lacks: {}",
                    header.name()
                );
            }
        }
        ensure!(
            self.cache.lease_ms > 0,
            "cache.lease_ms is 0: nothing could be answered from the cache; cache.bytes = 0 switches it off"
        );
        self.database_timeouts.check()?;
        self.http.check()?;
        self.graphql.operations.check()?;
        self.metrics_listener()?;
        self.comments.check()?;
        ensure!(
            (1..=LONGEST_ADDRESS).contains(&self.audit.address_days),
            "audit.address_days is {}: it may be 1 to {LONGEST_ADDRESS}",
            self.audit.address_days
        );
        self.auth.check()
    }
}

/// How long the audit log keeps what it need not keep for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Days for which it keeps the address from which a member of the newsroom wrote: 1 to 3,650. The
    /// default, a quarter, is for finding out what a stolen token did. Readers' addresses go after
    /// `comments.address_hours`.
    pub address_days: u32,
}

/// In days, ten years.
const LONGEST_ADDRESS: u32 = 3_650;

impl Default for Audit {
    fn default() -> Self {
        Self { address_days: 90 }
    }
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// In which form.
    pub format: LogFormat,
    /// From which level on, by module: `info`, `khabar=debug,info`.
    pub filter: String,
    /// Bytes of lines that wait to be written. Lines beyond are dropped and counted: nothing waits
    /// for the log.
    ///
    /// 4 MiB: some ten thousand lines, which a disk that stands still for a moment catches up with.
    pub buffer_bytes: usize,
}

impl Default for Log {
    fn default() -> Self {
        // Migrations say what they do in the answer of the command that runs them.
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
            buffer_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// How imports understand what they find.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Import {
    /// The kind of a story by its title, where the title does not say it: `running`, `show` or
    /// `rubric`.
    pub story_kinds: BTreeMap<String, String>,
}
