//! The archive: a whole newsroom in one portable file, which either database can write and read.
//!
//! An archive is a text file with one JSON object per line. The only key of each object is the kind
//! of its content. The first line has the format version and the number of rows of each kind:
//! `{"khabar":{"version":2,"counts":{…}}}`. It is followed by one line per row, such as
//! `{"article":{"id":"…",…}}`. Tables are in the order of `crate::tables::ARCHIVED`, and their rows are sorted
//! by primary key. Null values are omitted. The last line, `{"end":{"counts":{…},"sha256":"…"}}`,
//! repeats the counts and has the SHA-256 of all preceding lines. A given newsroom always produces
//! identical bytes, whichever database stores it.
//!
//! The archive leaves out data that belongs to the installation rather than to the newsroom: tokens
//! and secrets, which must not end up in a backup, the change feed and the caches' checkpoints in it,
//! the audit log, and the idempotency keys recorded for `idempotencyKey`. Restoring writes a new
//! change feed.

mod acyclic;
mod codec;
mod derive;
mod read;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use read::restore;
pub use write::export;

/// The version of the format that this program writes and reads.
const VERSION: u32 = 2;

/// The number of rows of each kind, by the name of the kind.
pub type Counts = BTreeMap<String, u64>;

/// Content of the first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    counts: Counts,
}

/// Content of the last line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    counts: Counts,
    sha256: String,
}

/// An error from exporting or restoring an archive. A failed restore stores nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing the file failed.
    #[error("could not {doing}")]
    File {
        /// The operation that failed.
        doing: &'static str,
        /// The error from the operating system.
        source: std::io::Error,
    },
    /// A line has invalid content.
    #[error("line {line} of the archive {problem}")]
    Line {
        /// The line number, counted from 1.
        line: u64,
        /// Description of the problem.
        problem: String,
    },
    /// The database rejected a batch of lines.
    #[error("could not restore the lines {first} to {last} of the archive: {source}")]
    Lines {
        /// The first line of the batch.
        first: u64,
        /// The last line of the batch.
        last: u64,
        /// The error from the database.
        source: crate::Error,
    },
    /// A restored row cannot be read.
    #[error("the archive has a row that cannot be read: {0}")]
    Broken(crate::BrokenRow),
    /// A row is inconsistent with another row.
    #[error("the archive's {table} {id} {problem}")]
    Row {
        /// The table of the row.
        table: &'static str,
        /// The id of the row.
        id: uuid::Uuid,
        /// Description of the problem.
        problem: &'static str,
    },
    /// The archive is truncated: its last line is missing.
    #[error("the archive is cut off after line {after}: its last line, which seals it, is missing")]
    Cut {
        /// The number of the last complete line.
        after: u64,
    },
    /// The target database is not empty.
    #[error(
        "the database is not empty, it has rows in the table {table}: a newsroom is restored into one that was migrated and never used"
    )]
    NotEmpty {
        /// The first table found to have rows.
        table: &'static str,
    },
    /// A database operation failed.
    #[error(transparent)]
    Database(#[from] crate::Error),
}

/// The result of an archive operation.
type Result<T, E = Error> = std::result::Result<T, E>;

/// Formats a digest as lower-case hexadecimal.
fn hexadecimal(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
