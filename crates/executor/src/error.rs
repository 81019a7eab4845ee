//! Errors of fields, and their paths.

use std::sync::Arc;

/// A position in the document, counted as the host counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A segment of the path to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The response key of a field.
    Field(Arc<str>),
    /// The index of an item of a list.
    Index(usize),
}

/// The bytes that are assumed for the message of an error, its code and its location.
const MESSAGE: usize = 128;

impl Segment {
    /// Returns about how many bytes the segment takes in a response.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Field(key) => key.len() + 3,
            Self::Index(_) => 8,
        }
    }
}

/// An error of a field.
#[derive(Clone, Debug)]
pub struct FieldError<E> {
    /// The error.
    pub error: E,
    /// The location of the field in the document.
    pub location: Location,
    /// The path from the field to the level that is being written: innermost segment first.
    reversed: Vec<Segment>,
}

impl<E> FieldError<E> {
    /// Creates an error of the field that is being written.
    pub(crate) fn new(error: E) -> Self {
        Self {
            error,
            location: Location::default(),
            reversed: Vec::new(),
        }
    }

    /// Returns about how many bytes the error takes in a response: a message, a location, and the path so far.
    pub(crate) fn bytes(&self) -> usize {
        let path = self.reversed.iter().map(Segment::bytes);
        MESSAGE + path.sum::<usize>()
    }

    /// Adds the segment that leads to what was written so far.
    pub(crate) fn below(&mut self, segment: Segment) {
        self.reversed.push(segment);
    }

    /// Adds the response key of a field. The innermost field is where the error arose.
    pub(crate) fn below_field(&mut self, key: &Arc<str>, location: Location) {
        if !self
            .reversed
            .iter()
            .any(|it| matches!(it, Segment::Field(_)))
        {
            self.location = location;
        }
        self.below(Segment::Field(Arc::clone(key)));
    }

    /// Returns the path of the field, from the root.
    pub fn path(&self) -> impl Iterator<Item = &Segment> {
        self.reversed.iter().rev()
    }
}

/// The mark of a value that is null because of an error, where null is not allowed. The error was
/// reported already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nulled;
