//! The lines of a page while they are read, and the complaints that can be made of them.

use khabar_domain::{Block, Body, Invalid, article};

use crate::page::error::{PageError, Problem};
use crate::page::raw::{Line, Raw};

/// A place in a page's lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a> {
    raw: &'a Raw<'a>,
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(raw: &'a Raw<'a>) -> Self {
        Self { raw, at: 0 }
    }

    /// The lines from here on.
    pub(super) fn rest(&self) -> &'a [Line] {
        self.raw.lines.get(self.at..).unwrap_or_default()
    }

    /// The next line.
    pub(super) fn peek(&self) -> Option<&'a Line> {
        self.rest().first()
    }

    /// Goes past so many lines.
    pub(super) fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// The file ends where this should come.
    pub(super) fn cut_short(&self, expected: impl Into<String>) -> PageError {
        self.error(
            self.raw.last,
            Problem::CutShort {
                expected: expected.into(),
            },
        )
    }

    /// This line stands where something else should.
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

    /// This line holds a value that breaks a rule.
    pub(super) fn refused(&self, line: &Line, invalid: Invalid) -> PageError {
        self.error(line.number, Problem::Refused(invalid))
    }

    /// A line's words as they are, where they keep the rules that a paragraph keeps.
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

/// As much of a line as an error shows: enough to find it by.
pub(super) fn shown(text: &str) -> String {
    article::cut(text, 60)
}
