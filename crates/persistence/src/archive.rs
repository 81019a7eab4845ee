//! The archive: a whole newsroom in one portable file, from either database and for either.
//!
//! It is text, a JSON object a line, each with the kind of what it holds as its only key. The first
//! line tells the format's version and how much of each kind is to come:
//! `{"khabar":{"version":1,"counts":{…}}}`. Then comes each row of each table, as
//! `{"article":{"id":"…",…}}`, in the order of `tables::TABLES` and within it by primary key; what
//! is null is left out. The last line, `{"end":{"counts":{…},"sha256":"…"}}`, seals all before it.
//! The same newsroom gives the same bytes, whichever database keeps it.
//!
//! What belongs to an installation and not to the newsroom stays out: tokens and secrets, which
//! nobody should find in a backup, the change feed and how far caches have followed it, the audit
//! log and what was done by `clientMutationId`. Restoring fills a change feed of its own.

mod derive;
mod read;
mod tables;
mod tree;
mod value;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use read::restore;
pub use write::export;

/// The version of the format that this program writes and reads.
const VERSION: u32 = 1;

/// How much of each kind there is.
pub type Counts = BTreeMap<String, u64>;

/// What the first line says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    counts: Counts,
}

/// What the last line says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    counts: Counts,
    sha256: String,
}

/// Why an archive was not written or not restored; nothing is stored then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file failed.
    #[error("could not {doing}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line does not hold what it should.
    #[error("line {line} of the archive {problem}")]
    Line {
        /// Which one, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The database refused lines.
    #[error("could not restore the lines {first} to {last} of the archive: {source}")]
    Lines {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
        /// What the database said.
        source: crate::Error,
    },
    /// A row cannot be read.
    #[error("the archive has a row that cannot be read: {0}")]
    Broken(crate::BrokenRow),
    /// A row does not fit to another.
    #[error("the archive's {table} {id} {problem}")]
    Row {
        /// Of which table.
        table: &'static str,
        /// Which one.
        id: uuid::Uuid,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The end is missing.
    #[error("the archive is cut off after line {after}: its last line, which seals it, is missing")]
    Cut {
        /// The last whole line.
        after: u64,
    },
    /// The database has a newsroom already.
    #[error(
        "the database is not empty, it has rows in the table {table}: a newsroom is restored into one that was migrated and never used"
    )]
    NotEmpty {
        /// Where there is something.
        table: &'static str,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] crate::Error),
}

/// Done, or why it failed.
type Result<T, E = Error> = std::result::Result<T, E>;

/// A SHA-256 as it is written down.
fn hexadecimal(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
