//! Errors found in a page, with the file, the line and the expected content.

use khabar_domain::Invalid;

/// The error returned for a page that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {problem}")]
pub struct PageError {
    /// The name of the file.
    pub file: String,
    /// The line number, from 1. If something is missing at the end of the file, that of the last line.
    pub line: usize,
    /// The problem with the page.
    pub problem: Problem,
}

/// The problem with a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file has no text.
    #[error("expected a news page, but the file is empty")]
    Empty,
    /// The file is not valid UTF-8.
    #[error("expected UTF-8, but byte {offset} of the file (from 0) is none")]
    NotUtf8 {
        /// The offset of the first invalid byte, from 0.
        offset: usize,
    },
    /// The text does not start with the first heading of a news page.
    #[error("expected the first heading of a news page ({expected}), but found {found:?}")]
    NotAPage {
        /// The headings that a page may start with.
        expected: String,
        /// The text found instead, truncated.
        found: String,
    },
    /// The file ends too early.
    #[error("expected {expected}, but the file ends")]
    CutShort {
        /// A description of the expected content.
        expected: String,
    },
    /// A line has other content than expected.
    #[error("expected {expected}, but found {found:?}")]
    Unexpected {
        /// A description of the expected content.
        expected: String,
        /// The text found instead, truncated.
        found: String,
    },
    /// A value is invalid.
    #[error("{0}")]
    Refused(Invalid),
}
