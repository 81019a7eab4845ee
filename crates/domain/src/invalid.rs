//! A value that breaks a rule of the newsroom: which value, and which rule.

use crate::{plain, unicode};

/// Why a value was refused, in words that a person at a keyboard can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct Invalid {
    /// Which value, as the newsroom names it: "the headline", "the slug".
    pub what: String,
    /// What is wrong with it: "is empty", "is longer than 300 characters (412)".
    pub problem: String,
}

impl Invalid {
    /// Says that `what` has this problem.
    pub fn new(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            problem: problem.into(),
        }
    }

    /// The same complaint about a value that stands inside another: "block 3: the heading …".
    #[must_use]
    pub fn within(self, place: &str) -> Self {
        Self {
            what: format!("{place}: {}", self.what),
            problem: self.problem,
        }
    }
}

/// Refuses text that no reader should be sent: control characters other than line breaks, and
/// bidi overrides, which can show a headline as other words than were written.
pub(crate) fn check_characters(what: &str, text: &str) -> Result<(), Invalid> {
    if plain::is_text(text) {
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

/// Refuses text that is longer than its place on a page allows; length is in characters.
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

/// Text of a sentence or some: normalized and trimmed; nothing when it is blank. Refuses what no
/// reader should be sent and more than two screens of it.
pub fn text(what: &str, text: &str) -> Result<Option<String>, Invalid> {
    prose(what, text, MOST_TEXT)
}

/// Text of at most so many characters, normalized and trimmed; nothing when none of it can be seen.
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

/// In characters: a long lead has 600, a biography 1,500.
const MOST_TEXT: usize = 4_000;
