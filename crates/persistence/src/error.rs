//! What went wrong while reading or writing, as the end of the sentence "could not …".

use khabar_domain::Invalid;
use sea_orm::sqlx::Error as Driver;
use sea_orm::{DbErr, RuntimeErr};

use crate::broken::BrokenRow;

/// A read or a write that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused, or could not be reached.
    #[error("could not {doing}: {source}")]
    Database {
        /// What was being done.
        doing: String,
        /// What the database said.
        source: DbErr,
    },
    /// A transaction was about to be committed, and nobody heard how that went.
    #[error("could not learn whether the write was committed: {source}")]
    OutcomeUnknown {
        /// What the database said last, or that it said nothing.
        source: DbErr,
    },
    /// A stored row does not hold what its table promises.
    #[error("could not read {0}")]
    BrokenRow(Box<BrokenRow>),
    /// A value was refused before it was written.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The address of a database cannot be used.
    #[error("could not use the database address {url:?}: {problem}")]
    Address {
        /// The address, without a password.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The tables of the database are not such as this program can bring up to date by itself.
    #[error("could not migrate the database: {0}")]
    Migration(String),
    /// A reader of the change feed has missed rows that are gone, or has a place that it never had.
    #[error(
        "could not read the change feed after {after}: it is kept from {oldest} to {head}; read what you keep of the newsroom anew, then go on after {head}"
    )]
    Missed {
        /// Where they wanted to go on.
        after: i64,
        /// The oldest row that is kept.
        oldest: i64,
        /// The last row: who knows the newsroom as it is now goes on after it.
        head: i64,
        /// The epoch of that row.
        epoch: i64,
    },
}

impl Error {
    /// Whether the database does not answer, or has no time: the same may succeed in a moment.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Database { source, .. } if is_unavailable(source))
    }

    /// Whether the same write may well succeed when it is tried again: another writer was in the way.
    pub fn is_passing(&self) -> bool {
        let Self::Database { source, .. } = self else {
            return false;
        };
        let code = code(source);
        // PostgreSQL: a deadlock, a failed serialisation, two that added the same row, a reference to
        // what another has just taken away. SQLite: busy, or a row that is there already.
        code.is_some_and(|code| {
            matches!(
                code.as_str(),
                "40P01" | "40001" | "23505" | "23503" | "5" | "517" | "1555" | "2067"
            )
        })
    }
}

/// The driver's error below one of SeaORM's.
fn driver(error: &DbErr) -> Option<&Driver> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause))
        | DbErr::Conn(RuntimeErr::SqlxError(cause)) => Some(cause),
        _ => None,
    }
}

/// The database's own code of an error: an SQLSTATE, or SQLite's result code.
fn code(error: &DbErr) -> Option<String> {
    let error = driver(error)?.as_database_error()?;
    Some(error.code()?.into_owned())
}

/// Whether an error says that the database cannot be reached, does not answer in time, or is busy with
/// something else: the fault of no statement.
pub(crate) fn is_unavailable(error: &DbErr) -> bool {
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return true;
    }
    match (code(error), driver(error)) {
        (Some(code), _) if code.len() == 5 => {
            // PostgreSQL: a broken connection (08), no resources (53), ended by a time-out or an
            // administrator (57), the system's own failure (58), a lock that was not free in time, a
            // server that only reads, a transaction that was idle for too long.
            ["08", "53", "57", "58"].contains(&&code[..2])
                || matches!(code.as_str(), "55P03" | "25006" | "25P03")
        }
        (Some(code), _) => {
            // SQLite: busy, interrupted, a failed read or write, a full disk, a file that cannot be
            // opened; above the lowest byte stands the cause.
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

/// A read or a write, or why it failed.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names what was being done when the database failed.
pub trait Doing<T> {
    /// Finishes the sentence "could not …".
    fn doing(self, doing: &str) -> Result<T>;
}

impl<T> Doing<T> for Result<T, DbErr> {
    fn doing(self, doing: &str) -> Result<T> {
        self.map_err(|source| Error::Database {
            doing: doing.to_owned(),
            source,
        })
    }
}
