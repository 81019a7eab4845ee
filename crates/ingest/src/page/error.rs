//! What is wrong with a page: in which line of which file, and what should have stood there.

use khabar_domain::Invalid;

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {problem}")]
pub struct PageError {
    /// Which file.
    pub file: String,
    /// Which line, from 1; where something is missing at the end, the last one.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing is in it.
    #[error("expected a news page, but the file is empty")]
    Empty,
    /// It is not text, or not in the encoding of the web.
    #[error("expected UTF-8, but byte {offset} of the file (from 0) is none")]
    NotUtf8 {
        /// The first byte that is not UTF-8.
        offset: usize,
    },
    /// It is text of another form.
    #[error("expected the first heading of a news page ({expected}), but found {found:?}")]
    NotAPage {
        /// The headings that a page may start with.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// It ends too soon.
    #[error("expected {expected}, but the file ends")]
    CutShort {
        /// What should have come.
        expected: String,
    },
    /// Something else stands where a part of the page should be.
    #[error("expected {expected}, but found {found:?}")]
    Unexpected {
        /// What should have come.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A value breaks a rule of the newsroom.
    #[error("{0}")]
    Refused(Invalid),
}
