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
