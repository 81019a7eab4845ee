//! Source positions of nodes in a document.
//!
//! While a request is processed, a position is the byte offset at which a node begins, stored as the
//! column of line zero. It is converted to a line and a column only when an error reports it.

use apollo_compiler::parser::SourceSpan;
use async_graphql::{Pos, ServerError};

/// Returns the byte offset at which a parsed node begins.
pub(super) fn offset(span: Option<SourceSpan>) -> Option<usize> {
    span.map(|span| span.offset())
}

/// Returns the engine's position for a parsed node, or the engine's default position (column zero) if
/// the node has no location.
pub(super) fn of(span: Option<SourceSpan>) -> Pos {
    offset(span).map_or_else(Pos::default, at)
}

/// Returns the position that encodes a byte offset.
pub(super) fn at(offset: usize) -> Pos {
    Pos {
        line: 0,
        column: offset + 1,
    }
}

/// Converts an error's positions to lines and columns of this document. Removes unknown positions.
pub(super) fn resolve(error: &mut ServerError, text: &str) {
    error.locations.retain_mut(|location| {
        if location.line == 0 {
            let Some(offset) = location.column.checked_sub(1) else {
                return false;
            };
            *location = line_and_column(text, offset);
        }
        true
    });
}

/// Returns the line and column of a byte offset. Both count from one, and a column is one character.
/// Lines end as in the GraphQL specification: LF, CR LF, or CR.
fn line_and_column(text: &str, offset: usize) -> Pos {
    let mut pos = Pos { line: 1, column: 1 };
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if at >= offset {
            break;
        }
        let ends_line = match character {
            '\n' => true,
            '\r' => characters.peek().is_none_or(|(_, next)| *next != '\n'),
            _ => false,
        };
        if ends_line {
            pos.line += 1;
            pos.column = 1;
        } else {
            pos.column += 1;
        }
    }
    pos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_every_line_ending_counts_once() {
        let text = "# خبر\r\n{ a\rb\n c }";
        let at = |what: char| {
            let pos = line_and_column(text, text.find(what).unwrap());
            (pos.line, pos.column)
        };
        assert_eq!(at('ر'), (1, 5));
        assert_eq!(at('{'), (2, 1));
        assert_eq!(at('a'), (2, 3));
        assert_eq!(at('b'), (3, 1));
        assert_eq!(at('c'), (4, 2));
    }

    #[test]
    fn nowhere_is_not_shown() {
        let mut error = ServerError::new("x", Some(Pos::default()));
        resolve(&mut error, "{ a }");
        assert!(error.locations.is_empty());
    }
}
