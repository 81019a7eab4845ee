//! Editorial data about an article that is not part of its content.

use chrono::{DateTime, Utc};

use crate::AccountId;

/// The editorial data of one article.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EditorialState {
    /// The account that created the article. `None` for imported articles.
    pub created_by: Option<AccountId>,
    /// The time at which the article is to be published automatically.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// The end of the embargo. Nobody can publish the article before this time.
    pub embargo_until: Option<DateTime<Utc>>,
    /// The withdrawal of the article. `None` if it is not withdrawn.
    pub withdrawal: Option<Withdrawal>,
}

/// The withdrawal of an article. Its tombstone remains available at the article's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The time of the withdrawal.
    pub at: DateTime<Utc>,
    /// The reason for the withdrawal, worded for readers.
    pub reason: String,
}
