//! Validation errors: the value that was rejected and the problem with it.

use crate::{fast_path, unicode};

/// A validation error, worded so that the person who entered the value can correct it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct Invalid {
    /// The name of the value, such as "the headline" or "the slug".
    pub what: String,
    /// The problem, such as "is empty" or "is longer than 300 characters (412)".
    pub problem: String,
}

impl Invalid {
    /// Creates an error that reports a problem with `what`.
    pub fn new(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            problem: problem.into(),
        }
    }

    /// Prefixes the error with the place where the value occurs: "block 3: the heading …".
    #[must_use]
    pub fn within(self, place: &str) -> Self {
        Self {
            what: format!("{place}: {}", self.what),
            problem: self.problem,
        }
    }
}

/// Returns an error if the text has control characters other than line feeds and tabs, or bidi
/// controls. Bidi controls can make a headline read differently from what was written.
pub(crate) fn check_characters(what: &str, text: &str) -> Result<(), Invalid> {
    if fast_path::is_text(text) {
        return Ok(());
    }
    let offender = text.chars().enumerate().find(|(_, c)| {
        let control = c.is_control() && !matches!(c, '\n' | '\t');
        control || unicode::is_bidi_control(*c)
    });
    match offender {
        None => Ok(()),
        Some((at, c)) => Err(Invalid::new(
            what,
            format!(
                "has a character that may not be shown (U+{:04X}, character {})",
                c as u32,
                at + 1
            ),
        )),
    }
}

/// Returns an error if the text has more than `most` characters.
pub(crate) fn check_length(what: &str, text: &str, most: usize) -> Result<(), Invalid> {
    let length = text.chars().count();
    if length > most {
        return Err(Invalid::new(
            what,
            format!("is longer than {most} characters ({length})"),
        ));
    }
    Ok(())
}

/// Normalizes, trims and validates a short text. Returns `None` if it has no visible characters.
/// Returns an error if the text is longer than 4,000 characters (two screens) or has characters that
/// may not be shown.
pub fn text(what: &str, text: &str) -> Result<Option<String>, Invalid> {
    prose(what, text, MOST_TEXT)
}

/// Normalizes, trims and validates a text of at most `most` characters. Returns `None` if it has no
/// visible characters.
pub(crate) fn prose(what: &str, text: &str, most: usize) -> Result<Option<String>, Invalid> {
    let text = unicode::normalized(text);
    let text = text.trim();
    if unicode::is_blank(text) && !text.chars().any(char::is_control) {
        return Ok(None);
    }
    check_characters(what, text)?;
    check_length(what, text, most)?;
    Ok(Some(text.to_owned()))
}

/// The maximum length for [`text()`], in characters. A long lead has 600, a biography 1,500.
const MOST_TEXT: usize = 4_000;
