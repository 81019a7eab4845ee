//! How long the database may keep the server waiting.

use std::time::Duration;

use anyhow::ensure;
use khabar_persistence::Timeouts;
use serde::{Deserialize, Serialize};

/// The time-outs of the database's connections, in milliseconds. On PostgreSQL those of a statement, a
/// lock and an idle transaction are the session's own settings, too: they hold while this process is
/// frozen or cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseTimeouts {
    /// The time to open a connection.
    ///
    /// 5 seconds: another network away it takes a tenth of one.
    pub connect_ms: u64,
    /// The time to wait for a free connection of a pool.
    ///
    /// 5 seconds: whoever waits for longer is told to come again (`UNAVAILABLE`).
    pub acquire_ms: u64,
    /// The time for a statement that reads (`statement_timeout`).
    ///
    /// 5 seconds: a page takes milliseconds.
    pub read_ms: u64,
    /// The time for a statement of a write (`statement_timeout`).
    ///
    /// 12 seconds: less than `graphql.request_timeout_ms`, so that a write is refused rather than left
    /// with an unknown outcome.
    pub write_ms: u64,
    /// The time to wait for a lock that another transaction holds (`lock_timeout`; SQLite's
    /// `busy_timeout`).
    ///
    /// 5 seconds.
    pub lock_ms: u64,
    /// The time for which a transaction may send nothing before PostgreSQL ends it
    /// (`idle_in_transaction_session_timeout`).
    ///
    /// 5 seconds: what a frozen node has locked is free again after that.
    pub idle_in_transaction_ms: u64,
    /// The time after which PostgreSQL gives up a peer that acknowledges no packets
    /// (`tcp_user_timeout`, `tcp_keepalives_…`).
    ///
    /// 10 seconds; the operating system's is two hours.
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
    /// Refuses what would let nothing through, or more than a request may take.
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

    /// These time-outs, as a database is opened with them.
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
