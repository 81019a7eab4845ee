//! Time-outs of the database connections.

use std::time::Duration;

use anyhow::ensure;
use khabar_persistence::Timeouts;
use serde::{Deserialize, Serialize};

/// Time-outs of the database connections, in milliseconds. Each is from 1 to 3,600,000, an hour. On
/// PostgreSQL, the time-outs of statements, locks and idle transactions are also set on the session, so
/// that they apply even while this process is frozen or disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseTimeouts {
    /// Maximum time to open a connection.
    ///
    /// Defaults to 5 seconds. Even across networks, a connection takes about a tenth of a second.
    pub connect_ms: u64,
    /// Maximum time to wait for a free connection of a pool.
    ///
    /// Defaults to 5 seconds. After that, the client receives `UNAVAILABLE` and can retry later.
    pub acquire_ms: u64,
    /// Maximum time for a statement of a read (`statement_timeout`).
    ///
    /// Defaults to 5 seconds. Reading a page takes milliseconds.
    pub read_ms: u64,
    /// Maximum time for a statement of a write (`statement_timeout`).
    ///
    /// Defaults to 12 seconds, less than the default of `graphql.request_timeout_ms`, so that a slow write
    /// is refused rather than left with an unknown outcome.
    pub write_ms: u64,
    /// Maximum time to wait for a lock that another transaction holds (`lock_timeout`, or `busy_timeout` on
    /// SQLite).
    ///
    /// Defaults to 5 seconds.
    pub lock_ms: u64,
    /// Maximum time for which a transaction may be idle before PostgreSQL ends its session
    /// (`idle_in_transaction_session_timeout`).
    ///
    /// Defaults to 5 seconds, after which the locks of a frozen node are released.
    pub idle_in_transaction_ms: u64,
    /// Time after which PostgreSQL drops the connection of a peer that acknowledges no packets
    /// (`tcp_user_timeout`, `tcp_keepalives_…`).
    ///
    /// Defaults to 10 seconds. The operating system's default is often two hours.
    pub dead_peer_ms: u64,
}

impl Default for DatabaseTimeouts {
    fn default() -> Self {
        let Timeouts {
            connect,
            acquire,
            read,
            write,
            lock,
            idle_in_transaction,
            dead_peer,
        } = Timeouts::default();
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let maybe = |time: Option<Duration>| time.map_or(0, ms);
        Self {
            connect_ms: ms(connect),
            acquire_ms: ms(acquire),
            read_ms: maybe(read),
            write_ms: maybe(write),
            lock_ms: maybe(lock),
            idle_in_transaction_ms: maybe(idle_in_transaction),
            dead_peer_ms: maybe(dead_peer),
        }
    }
}

impl DatabaseTimeouts {
    /// Checks that every time-out is from 1 ms to an hour.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (name, value) in [
            ("connect_ms", self.connect_ms),
            ("acquire_ms", self.acquire_ms),
            ("read_ms", self.read_ms),
            ("write_ms", self.write_ms),
            ("lock_ms", self.lock_ms),
            ("idle_in_transaction_ms", self.idle_in_transaction_ms),
            ("dead_peer_ms", self.dead_peer_ms),
        ] {
            ensure!(
                (1..=3_600_000).contains(&value),
                "database_timeouts.{name} is {value}: it must be from 1 to 3600000"
            );
        }
        Ok(())
    }

    /// Returns these time-outs in the form that opening a database takes.
    pub fn timeouts(&self) -> Timeouts {
        let ms = Duration::from_millis;
        Timeouts {
            connect: ms(self.connect_ms),
            acquire: ms(self.acquire_ms),
            read: Some(ms(self.read_ms)),
            write: Some(ms(self.write_ms)),
            lock: Some(ms(self.lock_ms)),
            idle_in_transaction: Some(ms(self.idle_in_transaction_ms)),
            dead_peer: Some(ms(self.dead_peer_ms)),
        }
    }
}
