//! The GraphQL type for errors in a mutation's input.

use async_graphql::{Enum, SimpleObject};
use khabar_domain::Invalid;
use serde::{Deserialize, Serialize};

/// An error that prevented a mutation from being carried out and that the user can correct.
// Also stored as JSON for a day, to answer repeated requests: rename fields and codes with care.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, Serialize, Deserialize)]
pub(crate) struct UserError {
    /// Path to the invalid input: field names from the outermost inwards, and list indexes starting
    /// at 0. Empty if the error concerns the input as a whole.
    field: Vec<String>,
    /// Human-readable message, in one sentence.
    message: String,
    /// Machine-readable error code.
    code: UserErrorCode,
}

/// The reason a mutation was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
pub enum UserErrorCode {
    /// A value violates a rule.
    Invalid,
    /// The object with the given ID or slug does not exist, or is not visible to the viewer.
    NotFound,
    /// The viewer is not permitted to do this to this object.
    NotAllowed,
    /// The name, slug or address is already in use.
    Taken,
    /// The operation is not possible in the object's current status.
    WrongStatus,
    /// The object has changed since the version stated in the input.
    Stale,
    /// The object no longer accepts this change, for example because commenting has closed.
    Closed,
    /// Identical content was already submitted.
    Repeated,
    /// Rate limit exceeded: too many submissions in a short time.
    TooOften,
}

impl UserError {
    /// Returns an error at this path of the input.
    pub(crate) fn new(field: &[&str], code: UserErrorCode, message: impl Into<String>) -> Self {
        Self {
            field: field.iter().map(|&name| name.to_owned()).collect(),
            message: message.into(),
            code,
        }
    }

    /// Returns an error for an input value that violates a rule.
    pub(crate) fn invalid(field: &[&str], invalid: &Invalid) -> Self {
        Self::new(
            field,
            UserErrorCode::Invalid,
            format!("{}.", upper(&invalid.to_string())),
        )
    }

    /// Returns an error for an input field that refers to an object that does not exist.
    pub(crate) fn not_found(field: &[&str], what: &str) -> Self {
        Self::new(
            field,
            UserErrorCode::NotFound,
            format!("There is no such {what}."),
        )
    }
}

/// Capitalises the first letter of a message.
fn upper(message: &str) -> String {
    let mut letters = message.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}
