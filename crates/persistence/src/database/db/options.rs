//! Options for opening a database: its address, the sizes of its pools, and its time-outs.

use std::time::Duration;

/// Options for opening a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address: `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// The addresses of the read replicas of a PostgreSQL database, which are used in turn. If empty,
    /// readers use the primary.
    pub replicas: Vec<String>,
    /// The number of connections that read for requests, on each server.
    pub read_connections: u32,
    /// The number of connections that write for requests. SQLite always has one.
    pub write_connections: u32,
    /// Whether to create a SQLite file that does not exist.
    pub create: bool,
    /// The time-outs of the database.
    pub timeouts: Timeouts,
}

impl Options {
    /// Creates options with the default pool sizes for this address. A missing SQLite file is an error.
    pub fn new(url: impl Into<String>) -> Self {
        // Eight readers keep two cores busy while others wait for the disk. With these sizes,
        // PostgreSQL's default of 100 connections is enough for five nodes.
        Self {
            url: url.into(),
            replicas: Vec::new(),
            read_connections: 8,
            write_connections: 4,
            create: false,
            timeouts: Timeouts::default(),
        }
    }

    /// Creates the database if it is a SQLite file that does not exist.
    #[must_use]
    pub fn create(self) -> Self {
        Self {
            create: true,
            ..self
        }
    }
}

/// Time-outs of the database. On PostgreSQL, `read`, `write`, `lock` and `idle_in_transaction` are also
/// settings of the session, so that a frozen or disconnected node does not block others for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Maximum time to open a connection.
    pub connect: Duration,
    /// Maximum time to wait for a free connection of a pool.
    pub acquire: Duration,
    /// Maximum time for a statement that reads. `None` means no limit.
    pub read: Option<Duration>,
    /// Maximum time for a statement of a write transaction. `None` means no limit.
    pub write: Option<Duration>,
    /// Maximum time to wait for a lock that another transaction holds. `None` means no limit.
    pub lock: Option<Duration>,
    /// Maximum time that a transaction may stay idle before PostgreSQL ends its session. `None` means
    /// no limit.
    pub idle_in_transaction: Option<Duration>,
    /// Time after which PostgreSQL drops a peer that acknowledges no packets (`tcp_user_timeout` and
    /// TCP keep-alives). `None` uses the limit of the operating system, often two hours.
    pub dead_peer: Option<Duration>,
}

impl Default for Timeouts {
    /// Returns the time-outs for a server. A page is read in milliseconds, so five seconds mean a
    /// database in trouble. Writes may have much to move, such as a section with all of its articles.
    /// They end before the 15 seconds that a request may take.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            acquire: Duration::from_secs(5),
            read: Some(Duration::from_secs(5)),
            write: Some(Duration::from_secs(12)),
            lock: Some(Duration::from_secs(5)),
            idle_in_transaction: Some(Duration::from_secs(5)),
            dead_peer: Some(Duration::from_secs(10)),
        }
    }
}

impl Timeouts {
    /// Returns the time-outs for a command that a person waits for. Statements of a migration, an
    /// import or a restore have no time limit.
    pub fn patient() -> Self {
        Self {
            connect: Duration::from_secs(10),
            acquire: Duration::from_secs(30),
            read: None,
            write: None,
            lock: None,
            idle_in_transaction: None,
            dead_peer: Some(Duration::from_secs(30)),
        }
    }
}
