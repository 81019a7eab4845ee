//! How many connections there may be, how long they may keep the server waiting, and how much may lie
//! in memory on their account.

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::Cors;
use crate::rate_limit::RateLimits;

/// The limits of connections. Requests behind a proxy that `auth.trusted_proxies` names share its
/// connections, so the limits per address do not hold for such a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds for a request's headers to arrive, and for a kept HTTP/1 connection to be used
    /// again. HTTP/2 peers are pinged this often and have as long to answer.
    ///
    /// 15 seconds: `axum::serve` would wait for ever, and a silent connection costs a socket.
    pub header_ms: u64,
    /// Milliseconds that a connection is kept without a request in flight.
    ///
    /// 60 seconds: what browsers and proxies expect; opening another costs them a round trip.
    pub idle_ms: u64,
    /// Milliseconds after which a connection is closed as soon as its requests are answered.
    ///
    /// One hour: connections spread over the nodes of a fleet again, and none is kept for ever by a
    /// client that asks just often enough.
    pub max_age_ms: u64,
    /// Milliseconds for a client to take the next 16 KiB of an answer, or the rest of it. Who does
    /// not read is cut off.
    ///
    /// 20 seconds: less than a kilobyte a second, which no usable network is slower than.
    pub write_timeout_ms: u64,
    /// Milliseconds within which the server has ended after it was told to stop: requests in flight
    /// have four fifths of it to finish.
    ///
    /// 25 seconds: orchestrators kill after 30.
    pub shutdown_ms: u64,
    /// Connections in all. Those beyond are answered 503. The limit of open files may allow fewer.
    ///
    /// 8,192: far more than a node can answer at once, for some hundred megabytes at the very worst.
    pub connections: usize,
    /// Connections of one address (of one /64 network where it is IPv6).
    ///
    /// 512: a whole office or a mobile network's gateway, and a sixteenth of all.
    pub connections_per_address: usize,
    /// HTTP/2 requests in flight on one connection.
    ///
    /// 100: what RFC 9113 recommends not to go below.
    pub streams_per_connection: u32,
    /// Bytes that requests in flight and answers that were not read yet may take, of all clients
    /// together. Those beyond are answered 503. An answer that is sent to many counts once.
    ///
    /// 64 MiB: some hundred of the largest answers, thousands of usual ones. One address may have a
    /// quarter of it.
    pub buffer_bytes: usize,
    /// Which pages of other origins may use the API.
    pub cors: Cors,
    /// How much a client may send in a minute.
    pub rate_limits: RateLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_ms: 15_000,
            idle_ms: 60_000,
            max_age_ms: 3_600_000,
            write_timeout_ms: 20_000,
            shutdown_ms: 25_000,
            connections: 8_192,
            connections_per_address: 512,
            streams_per_connection: 100,
            buffer_bytes: 64 * 1024 * 1024,
            cors: Cors::default(),
            rate_limits: RateLimits::default(),
        }
    }
}

/// A request with the largest body and its answer must fit into one address's part of the buffers.
const LEAST_BUFFER_BYTES: usize = 8 * 1024 * 1024;

impl Settings {
    /// Refuses what could never answer anything.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (name, value) in [
            ("http.header_ms", self.header_ms),
            ("http.idle_ms", self.idle_ms),
            ("http.max_age_ms", self.max_age_ms),
            ("http.write_timeout_ms", self.write_timeout_ms),
            ("http.shutdown_ms", self.shutdown_ms),
            (
                "http.streams_per_connection",
                self.streams_per_connection.into(),
            ),
        ] {
            ensure!(value > 0, "{name} is 0: nothing could ever be answered");
        }
        for (name, value) in [
            ("http.connections", self.connections),
            ("http.connections_per_address", self.connections_per_address),
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
