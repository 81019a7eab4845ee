//! The desk: what the newsroom keeps of an article besides what readers read.

use chrono::{DateTime, Utc};

use crate::AccountId;

/// What the newsroom knows of one article.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desk {
    /// Who wrote it first; absent for what was imported.
    pub created_by: Option<AccountId>,
    /// When it goes out by itself.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// Before this moment it may not go out, whoever asks.
    pub embargo_until: Option<DateTime<Utc>>,
    /// That it was taken back from readers.
    pub withdrawal: Option<Withdrawal>,
}

/// The stone over a withdrawn article: what its address says ever after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// When it was taken back.
    pub at: DateTime<Utc>,
    /// Why, in words for readers.
    pub reason: String,
}
