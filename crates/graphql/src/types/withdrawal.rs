//! The GraphQL type for withdrawals.

use async_graphql::Object;

use crate::scalar::DateTime;

/// A withdrawal, as exposed through GraphQL.
pub struct Withdrawal(pub khabar_domain::editorial::Withdrawal);

/// The withdrawal of a published article.
#[Object]
impl Withdrawal {
    /// The time of the withdrawal.
    fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// The reason for the withdrawal, written for readers.
    fn reason(&self) -> &str {
        &self.0.reason
    }
}
