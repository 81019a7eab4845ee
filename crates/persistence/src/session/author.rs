//! The author of a write.

use khabar_domain::{AccountId, Role};

/// The author of a write, as recorded in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The account of the author. `None` for commands and for anonymous readers.
    pub account: Option<AccountId>,
    /// The name of the author.
    pub name: String,
    /// The role in which the author writes.
    pub role: Option<Role>,
    /// The client address of the request.
    pub address: Option<String>,
    /// The action: the name of a mutation or a command.
    pub action: String,
}

impl Author {
    /// Creates the author for a command that is run on the server's own machine.
    pub fn command(action: &str) -> Self {
        Self {
            account: None,
            name: "khabar".to_owned(),
            role: None,
            address: None,
            action: action.to_owned(),
        }
    }
}
