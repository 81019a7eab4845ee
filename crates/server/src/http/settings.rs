//! The limits of the HTTP server: the number of connections, their timeouts, and the memory they use.

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::Cors;
use khabar_service::rate_limit::RateLimits;

/// The settings of the HTTP server. The limits per address do not apply to the proxies listed in
/// `auth.trusted_proxies`, because many clients share the connections of a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Maximum time in milliseconds for the headers of a request to arrive, and for an HTTP/1 keep-alive
    /// connection to be used again. HTTP/2 peers are pinged at this interval and have the same time to
    /// answer.
    ///
    /// Defaults to 15 seconds. `axum::serve` would wait for ever, and a silent connection costs a socket.
    pub header_timeout_ms: u64,
    /// Maximum time in milliseconds that a connection stays open without a request in flight.
    ///
    /// Defaults to 60 seconds, as browsers and proxies expect. Opening another connection costs them a
    /// round trip.
    pub idle_timeout_ms: u64,
    /// Maximum age of a connection in milliseconds. An older connection is closed as soon as its requests
    /// in flight are answered.
    ///
    /// Defaults to one hour. Reconnecting spreads clients over the nodes of a fleet again, and a client
    /// that sends requests just often enough cannot keep a connection open for ever.
    pub max_connection_age_ms: u64,
    /// Maximum time in milliseconds for a client to read the next 16 KiB of a response, or the rest of it.
    /// Slower clients are disconnected.
    ///
    /// Defaults to 20 seconds, which is less than a kilobyte per second. No usable network is slower.
    pub write_timeout_ms: u64,
    /// Maximum time in milliseconds for a graceful shutdown. Requests in flight have four fifths of it to
    /// finish.
    ///
    /// Defaults to 25 seconds, because orchestrators kill the process after 30.
    pub shutdown_grace_ms: u64,
    /// Maximum number of open connections. Further connections are answered with 503. The limit on open
    /// files may allow fewer.
    ///
    /// Defaults to 8,192: far more than a node can serve at once, at a cost of some hundred megabytes in
    /// the worst case.
    pub connections: usize,
    /// Maximum number of open connections per client address. IPv6 addresses are counted per /64 network.
    ///
    /// Defaults to 512: enough for a whole office or a mobile network's gateway, and a sixteenth of the
    /// default total.
    pub max_connections_per_address: usize,
    /// Maximum number of concurrent HTTP/2 requests per connection.
    ///
    /// Defaults to 100, the minimum that RFC 9113 recommends.
    pub max_concurrent_streams: u32,
    /// Maximum memory in bytes for requests in flight and unread responses, over all clients. Requests
    /// beyond it are answered with 503. A response that is sent to several clients counts once. Each
    /// address may use a quarter of the limit.
    ///
    /// Defaults to 64 MiB: some hundred of the largest responses, or thousands of typical ones.
    pub buffer_bytes: usize,
    /// The CORS policy: the other origins whose pages may use the API.
    pub cors: Cors,
    /// The rate limits: how much a client may send per minute.
    pub rate_limits: RateLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_timeout_ms: 15_000,
            idle_timeout_ms: 60_000,
            max_connection_age_ms: 3_600_000,
            write_timeout_ms: 20_000,
            shutdown_grace_ms: 25_000,
            connections: 8_192,
            max_connections_per_address: 512,
            max_concurrent_streams: 100,
            buffer_bytes: 64 * 1024 * 1024,
            cors: Cors::default(),
            rate_limits: RateLimits::default(),
        }
    }
}

/// The minimum of [`Settings::buffer_bytes`]. A request with the largest body and its response must fit
/// into the share of one address.
const LEAST_BUFFER_BYTES: usize = 8 * 1024 * 1024;

impl Settings {
    /// Returns an error for settings with which no request could be answered.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (name, value) in [
            ("http.header_timeout_ms", self.header_timeout_ms),
            ("http.idle_timeout_ms", self.idle_timeout_ms),
            ("http.max_connection_age_ms", self.max_connection_age_ms),
            ("http.write_timeout_ms", self.write_timeout_ms),
            ("http.shutdown_grace_ms", self.shutdown_grace_ms),
            (
                "http.max_concurrent_streams",
                self.max_concurrent_streams.into(),
            ),
        ] {
            ensure!(value > 0, "{name} is 0: nothing could ever be answered");
        }
        for (name, value) in [
            ("http.connections", self.connections),
            (
                "http.max_connections_per_address",
                self.max_connections_per_address,
            ),
        ] {
            ensure!(value > 0, "{name} is 0: nobody could ever connect");
        }
        ensure!(
            self.buffer_bytes >= LEAST_BUFFER_BYTES,
            "http.buffer_bytes is {}: below {LEAST_BUFFER_BYTES} a single request may not fit",
            self.buffer_bytes
        );
        self.cors.check()?;
        self.rate_limits.check()
    }
}
