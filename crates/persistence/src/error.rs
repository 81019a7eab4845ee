//! What went wrong while reading or writing, as the end of the sentence "could not …".

use khabar_domain::Invalid;
use sea_orm::DbErr;

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
    /// A stored row does not hold what its table promises.
    #[error("could not read table {table}, column {column}, row {row}: {problem}")]
    BrokenRow {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Which row: its id.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
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
    },
}

impl Error {
    /// Whether the same write may well succeed when it is tried again: another writer was in the way.
    pub fn is_passing(&self) -> bool {
        let Self::Database { source, .. } = self else {
            return false;
        };
        let (DbErr::Exec(cause) | DbErr::Query(cause)) = source else {
            return false;
        };
        let sea_orm::RuntimeErr::SqlxError(cause) = cause else {
            return false;
        };
        let code = cause
            .as_database_error()
            .and_then(sea_orm::sqlx::error::DatabaseError::code);
        // PostgreSQL: a deadlock, a failed serialisation, two that added the same row, a reference to
        // what another has just taken away. SQLite: busy, or a row that is there already.
        code.is_some_and(|code| {
            matches!(
                code.as_ref(),
                "40P01" | "40001" | "23505" | "23503" | "5" | "517" | "1555" | "2067"
            )
        })
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
