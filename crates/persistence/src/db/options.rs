//! How a database is opened: its address, the sizes of its pools, and how long it may keep the program
//! waiting.

use std::time::Duration;

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Read replicas of a PostgreSQL database; readers take them in turn. None: the primary.
    pub replicas: Vec<String>,
    /// The connections that read for requests, on each server.
    pub readers: u32,
    /// The connections that write for requests; SQLite always has one.
    pub writers: u32,
    /// Whether a SQLite file is made when there is none.
    pub create: bool,
    /// How long the database may keep the program waiting.
    pub timeouts: Timeouts,
}

impl Options {
    /// The usual pools for this address: a file that is not there is an error.
    pub fn new(url: impl Into<String>) -> Self {
        // Eight readers keep two cores busy while others wait for the disk; PostgreSQL's default
        // of 100 connections then carries a fleet of five.
        Self {
            url: url.into(),
            replicas: Vec::new(),
            readers: 8,
            writers: 4,
            create: false,
            timeouts: Timeouts::default(),
        }
    }

    /// These options, for a database that is made if it is a SQLite file that is not there.
    #[must_use]
    pub fn create(self) -> Self {
        Self {
            create: true,
            ..self
        }
    }
}

/// How long the database may keep the program waiting. On PostgreSQL, `read`, `write`, `lock` and
/// `idle_in_transaction` are settings of the session as well, so that a node that is frozen or cut off
/// keeps nobody else waiting for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The time to open a connection.
    pub connect: Duration,
    /// The time to wait for a free connection of a pool.
    pub acquire: Duration,
    /// The time for a statement that reads; none: no limit.
    pub read: Option<Duration>,
    /// The time for a statement of a write; none: no limit.
    pub write: Option<Duration>,
    /// The time to wait for a lock that another transaction holds; none: no limit.
    pub lock: Option<Duration>,
    /// The time for which a transaction may send nothing before PostgreSQL ends its session; none: no
    /// limit.
    pub idle_in_transaction: Option<Duration>,
    /// The time after which PostgreSQL gives up a peer that acknowledges no packets
    /// (`tcp_user_timeout`, and its keep-alives); none: the operating system's, often two hours.
    pub dead_peer: Option<Duration>,
}

impl Default for Timeouts {
    /// For a server. A page is read in milliseconds: five seconds are a database in trouble. Writes may
    /// have much to move (a section with all of its articles), and end before the fifteen seconds that a
    /// request may take.
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
    /// For a command that a person waits for: a migration, an import, a restored archive may take as
    /// long as they take.
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
