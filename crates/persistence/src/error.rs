//! Errors of reading and writing. Each message completes the sentence "could not …".

mod broken_row;

use khabar_domain::Invalid;
use sea_orm::sqlx::Error as Driver;
use sea_orm::{DbErr, RuntimeErr};

pub use self::broken_row::BrokenRow;

/// The reason why a read or a write failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement that the database rejected, or a database that could not be reached.
    #[error("could not {doing}: {source}")]
    Database {
        /// The operation that failed.
        doing: String,
        /// The error returned by the database.
        source: DbErr,
    },
    /// A commit that was never confirmed. The transaction may or may not have been committed.
    #[error("could not learn whether the write was committed: {source}")]
    OutcomeUnknown {
        /// The last error returned by the database or the connection.
        source: DbErr,
    },
    /// A stored row whose values are not valid for its table.
    #[error("could not read {0}")]
    BrokenRow(Box<BrokenRow>),
    /// A value that failed validation before it was written.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A database URL that cannot be used.
    #[error("could not use the database address {url:?}: {problem}")]
    Address {
        /// The URL, without passwords.
        url: String,
        /// The reason why the URL cannot be used.
        problem: String,
    },
    /// A database schema that this program cannot migrate by itself.
    #[error("could not migrate the database: {0}")]
    Migration(String),
    /// A position in the change feed from which reading cannot continue: rows after it have been
    /// deleted, or it does not belong to this feed.
    #[error(
        "could not read the change feed after {after}: it is kept from {oldest} to {head}; read what you keep of the newsroom anew, then go on after {head}"
    )]
    FeedGap {
        /// The position after which the reader wanted to continue.
        after: i64,
        /// The position of the oldest row still retained.
        oldest: i64,
        /// The position of the last row. A reader that has reloaded the current state continues after
        /// it.
        head: i64,
        /// The current epoch of the feed.
        epoch: i64,
    },
}

impl Error {
    /// The error of a query, by the query's stable id.
    pub(crate) fn query(id: &str, source: DbErr) -> Self {
        Self::Database {
            doing: format!("run the query {id}"),
            source,
        }
    }

    /// Whether the database is unreachable or busy. Retrying a moment later may succeed.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Database { source, .. } if is_unavailable(source))
    }

    /// Whether retrying the write is likely to succeed because it conflicted with another writer.
    pub fn is_retryable(&self) -> bool {
        let Self::Database { source, .. } = self else {
            return false;
        };
        let code = code(source);
        // PostgreSQL: a deadlock, a serialisation failure, a row that another writer has just inserted,
        // or a reference to a row that another writer has just deleted. SQLite: busy, or a row that
        // already exists.
        code.is_some_and(|code| {
            matches!(
                code.as_str(),
                "40P01" | "40001" | "23505" | "23503" | "5" | "517" | "1555" | "2067"
            )
        })
    }
}

/// Returns the driver's error inside a SeaORM error.
fn driver(error: &DbErr) -> Option<&Driver> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause))
        | DbErr::Conn(RuntimeErr::SqlxError(cause)) => Some(cause),
        _ => None,
    }
}

/// Returns the database's own error code: an SQLSTATE, or SQLite's result code.
fn code(error: &DbErr) -> Option<String> {
    let error = driver(error)?.as_database_error()?;
    Some(error.code()?.into_owned())
}

/// Whether an error means that the database is unreachable, slow to answer, or busy, so that the
/// statement itself is not at fault.
pub(crate) fn is_unavailable(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return true;
    }
    match (code(error), driver(error)) {
        (Some(code), _) if code.len() == 5 => {
            // PostgreSQL: a broken connection (08), insufficient resources (53), cancelled by a timeout
            // or an administrator (57), a system error (58), a lock timeout, a read-only server, or a
            // transaction that was idle for too long.
            ["08", "53", "57", "58"].contains(&&code[..2])
                || matches!(code.as_str(), "55P03" | "25006" | "25P03")
        }
        (Some(code), _) => {
            // SQLite: busy, interrupted, a failed read or write, a full disk, or a file that cannot be
            // opened. The lowest byte is the primary result code. The higher bytes give the cause.
            let code = code.parse().unwrap_or(0_u32);
            matches!(code & 0xff, 5 | 9 | 10 | 13 | 14)
        }
        (None, Some(cause)) => matches!(
            cause,
            Driver::Io(_)
                | Driver::Tls(_)
                | Driver::Protocol(_)
                | Driver::PoolTimedOut
                | Driver::PoolClosed
                | Driver::WorkerCrashed
        ),
        (None, None) => false,
    }
}

/// The result of a read or a write.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Adds a description of the failed operation to a database error.
pub trait Doing<T> {
    /// Attaches a description that completes the sentence "could not …".
    fn doing(self, doing: &str) -> Result<T>;

    /// Attaches the stable id of the query that failed, such as `article.by_id`.
    fn query(self, id: &str) -> Result<T>;
}

impl<T> Doing<T> for Result<T, DbErr> {
    fn doing(self, doing: &str) -> Result<T> {
        self.map_err(|source| Error::Database {
            doing: doing.to_owned(),
            source,
        })
    }

    fn query(self, id: &str) -> Result<T> {
        self.map_err(|source| Error::query(id, source))
    }
}
