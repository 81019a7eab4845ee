//! A mistake in a mutation's input, as the API shows it.

use async_graphql::{Enum, SimpleObject};
use khabar_domain::Invalid;
use serde::{Deserialize, Serialize};

/// Something that kept a mutation from being carried out and that its user can put right.
// Also as it is kept for whoever sends the same again: for a day, so names may change with care.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, Serialize, Deserialize)]
pub struct UserError {
    /// Where in the input: the names of its fields from the outside in, and places in lists from
    /// 0. Empty where it is about the whole.
    field: Vec<String>,
    /// What is wrong, in a sentence for people.
    message: String,
    /// What is wrong, for programs.
    code: UserErrorCode,
}

/// What kept a mutation from being carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
pub enum UserErrorCode {
    /// A value breaks a rule.
    Invalid,
    /// What an id or a slug names is not there, or is not for this viewer.
    NotFound,
    /// The viewer may not do this to this thing.
    NotAllowed,
    /// Something else has that name, slug or address already.
    Taken,
    /// It does not stand where this step begins.
    WrongStatus,
    /// It was changed since the version that the input states.
    Stale,
    /// It is closed to this.
    Closed,
    /// The same was sent before.
    Repeated,
    /// Too much was sent in too short a time.
    TooOften,
}

impl UserError {
    /// A mistake at this place of the input.
    pub(crate) fn new(field: &[&str], code: UserErrorCode, message: impl Into<String>) -> Self {
        Self {
            field: field.iter().map(|&name| name.to_owned()).collect(),
            message: message.into(),
            code,
        }
    }

    /// A value of the input that breaks a rule.
    pub(crate) fn invalid(field: &[&str], invalid: &Invalid) -> Self {
        Self::new(
            field,
            UserErrorCode::Invalid,
            format!("{}.", upper(&invalid.to_string())),
        )
    }

    /// What a field of the input names is not there.
    pub(crate) fn not_found(field: &[&str], what: &str) -> Self {
        Self::new(
            field,
            UserErrorCode::NotFound,
            format!("There is no such {what}."),
        )
    }
}

/// A message as a sentence begins.
fn upper(message: &str) -> String {
    let mut letters = message.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}
