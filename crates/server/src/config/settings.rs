//! All settings of the server, with their defaults and the reasons for them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use khabar_graphql::limit::Limits;
use khabar_service::auth;

use super::{Cache, Comments, DatabaseTimeouts};
use crate::graphql;
use crate::http;
use crate::maintenance;
use crate::purge::Targets;

/// The settings of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address to listen on. Defaults to `127.0.0.1:4000`, which only this machine can reach.
    pub listen: SocketAddr,
    /// The URL of the database: `sqlite:PATH` or `postgres://…`. Defaults to `sqlite:khabar.db`.
    pub database: String,
    /// URLs of the read replicas of a PostgreSQL database. Defaults to none.
    pub replicas: Vec<String>,
    /// Number of database connections for reading. Must be at least 1.
    pub read_connections: u32,
    /// Number of database connections for writing (PostgreSQL). Must be at least 1.
    pub write_connections: u32,
    /// Time-outs of the database connections.
    pub database_timeouts: DatabaseTimeouts,
    /// Whether `/playground` is served. Defaults to true.
    pub playground: bool,
    /// Whether `/metrics` is served. Defaults to true. The endpoint requires no authentication: use a proxy
    /// or `metrics_listen` to keep it from the public.
    pub metrics: bool,
    /// The address of a separate listener for `/metrics` and `/health/…`. Metrics are then not served on the
    /// public listener, and health checks succeed even if clients use up all public connections. Has no
    /// effect unless `metrics` is true. Defaults to the empty string: no separate listener.
    pub metrics_listen: String,
    /// Settings of the log.
    pub log: Log,
    /// Settings of the HTTP server, such as connection limits and time-outs.
    pub http: http::Settings,
    /// Settings of the GraphQL endpoint, such as the time and size limits of a request.
    pub graphql: graphql::Settings,
    /// Authentication of clients, in addition to the server's own API tokens.
    pub auth: auth::Settings,
    /// Limits on the size and complexity of a GraphQL operation.
    pub limits: Limits,
    /// Rate limits and other limits on readers' comments.
    pub comments: Comments,
    /// Retention of network addresses in the audit log.
    pub audit: Audit,
    /// Settings of the in-memory cache.
    pub cache: Cache,
    /// Retention of the change feed.
    pub feed: maintenance::FeedRetention,
    /// The caches in front of the server that receive purge requests, by name.
    pub purge: Targets,
    /// Settings of imports.
    pub import: Import,
}

impl Default for Settings {
    fn default() -> Self {
        let options = khabar_persistence::Options::new("");
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            database: DATABASE.to_owned(),
            replicas: Vec::new(),
            read_connections: options.read_connections,
            write_connections: options.write_connections,
            database_timeouts: DatabaseTimeouts::default(),
            playground: true,
            metrics: true,
            metrics_listen: String::new(),
            log: Log::default(),
            http: http::Settings::default(),
            graphql: graphql::Settings::default(),
            auth: auth::Settings::default(),
            limits: Limits::default(),
            comments: Comments::default(),
            audit: Audit::default(),
            cache: Cache::default(),
            feed: maintenance::FeedRetention::default(),
            purge: Targets::new(),
            import: Import::default(),
        }
    }
}

/// The URL of the embedded default database: a file in the working directory of the server.
const DATABASE: &str = "sqlite:khabar.db";

impl Settings {
    /// Whether the database is the embedded default, which the server migrates automatically.
    pub fn is_embedded(&self) -> bool {
        self.database == DATABASE
    }

    /// Returns the address of the separate metrics listener, if one is configured. Fails if the setting is
    /// not a valid address.
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

    /// Returns the retention periods of clients' network addresses.
    pub fn addresses(&self) -> maintenance::Addresses {
        maintenance::Addresses {
            readers: TimeDelta::hours(self.comments.address_hours.into()),
            staff: TimeDelta::days(self.audit.address_days.into()),
        }
    }

    /// Checks all values, and returns an error for the first that has the right type but cannot work.
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
        ensure!(
            self.read_connections > 0,
            "read_connections is 0: nothing could ever be read"
        );
        ensure!(
            self.write_connections > 0,
            "write_connections is 0: nothing could ever be written"
        );
        for (name, target) in &self.purge {
            target.check(name)?;
            let headers = &self.graphql.cache.surrogate;
            if let Some(header) = target.reads() {
                ensure!(
                    headers.contains(&header),
                    "purge.{name} finds answers by a header that graphql.cache.surrogate lacks: {}",
                    header.name()
                );
            }
        }
        ensure!(
            self.cache.lease_ms > 0,
            "cache.lease_ms is 0: nothing could be answered from the cache; cache.max_bytes = 0 switches it off"
        );
        self.database_timeouts.check()?;
        self.http.check()?;
        self.graphql.operations.check()?;
        self.metrics_listener()?;
        self.comments.check()?;
        ensure!(
            (1..=LONGEST_ADDRESS).contains(&self.audit.address_days),
            "audit.address_days is {}; it must be from 1 to {LONGEST_ADDRESS}",
            self.audit.address_days
        );
        self.auth.check()
    }
}

/// Retention of network addresses in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Days for which the network addresses of newsroom members are retained: 1 to 3,650. Defaults to 90, a
    /// quarter, so that the use of a stolen token can be investigated. Readers' addresses are removed after
    /// `comments.address_hours`.
    pub address_days: u32,
}

/// Maximum of `address_days`: ten years.
const LONGEST_ADDRESS: u32 = 3_650;

impl Default for Audit {
    fn default() -> Self {
        Self { address_days: 90 }
    }
}

/// Settings of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The format of log lines. Defaults to text.
    pub format: LogFormat,
    /// The minimum level to log, optionally by module: `info`, `khabar=debug,info`. Defaults to `info`.
    pub filter: String,
    /// Maximum size in bytes of the log lines that wait to be written. Further lines are dropped and counted,
    /// so that the log never blocks the server.
    ///
    /// Defaults to 4 MiB: some ten thousand lines, enough for a disk that stalls briefly.
    pub buffer_bytes: usize,
}

impl Default for Log {
    fn default() -> Self {
        // Migrations need no filter here: the command that runs them reports them in its output.
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
            buffer_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human-readable text.
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

/// Settings of imports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Import {
    /// The kinds of stories whose titles do not reveal it, by title. Each is `running`, `show` or `rubric`.
    pub story_kinds: BTreeMap<String, String>,
}
