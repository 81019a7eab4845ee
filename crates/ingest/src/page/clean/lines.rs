//! A cursor over the lines of a page, with constructors for the errors found on the way.

use khabar_domain::{Block, Body, Invalid, article};

use crate::page::error::{PageError, Problem};
use crate::page::raw::{Line, Raw};

/// A cursor over the lines of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a> {
    raw: &'a Raw<'a>,
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(raw: &'a Raw<'a>) -> Self {
        Self { raw, at: 0 }
    }

    /// Returns the remaining lines.
    pub(super) fn rest(&self) -> &'a [Line] {
        self.raw.lines.get(self.at..).unwrap_or_default()
    }

    /// Returns the next line without consuming it.
    pub(super) fn peek(&self) -> Option<&'a Line> {
        self.rest().first()
    }

    /// Skips `count` lines.
    pub(super) fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// Returns the error for a file that ends where `expected` should follow.
    pub(super) fn cut_short(&self, expected: impl Into<String>) -> PageError {
        self.error(
            self.raw.last,
            Problem::CutShort {
                expected: expected.into(),
            },
        )
    }

    /// Returns the error for a line in a place where `expected` should be.
    pub(super) fn unexpected(&self, line: &Line, expected: impl Into<String>) -> PageError {
        let found = shown(&line.text);
        self.error(
            line.number,
            Problem::Unexpected {
                expected: expected.into(),
                found,
            },
        )
    }

    /// Returns the error for a line with an invalid value.
    pub(super) fn refused(&self, line: &Line, invalid: Invalid) -> PageError {
        self.error(line.number, Problem::Refused(invalid))
    }

    /// Returns the text of a line unchanged. Fails unless the text is valid as a paragraph. `what` names the
    /// value in the error.
    pub(super) fn words(&self, line: &Line, what: &str) -> Result<String, PageError> {
        Body::parse(vec![Block::paragraph(&line.text)])
            .map(|_| line.text.clone())
            .map_err(|invalid| self.refused(line, Invalid::new(what, invalid.problem)))
    }

    fn error(&self, line: usize, problem: Problem) -> PageError {
        PageError {
            file: self.raw.file.to_owned(),
            line,
            problem,
        }
    }
}

/// Truncates a line to 60 characters for an error message, which is enough to identify it.
pub(super) fn shown(text: &str) -> String {
    article::truncate_at_word(text, 60)
}
