//! The GraphQL type for withdrawals.

use khabar_domain::editorial::Withdrawal as Row;

use crate::object::object;
use crate::scalar::DateTime;

/// A withdrawal, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Withdrawal;

/// The withdrawal of a published article.
#[object(of = Row)]
impl Withdrawal {
    /// The time of the withdrawal.
    fn at(withdrawal: &Row) -> DateTime {
        DateTime(withdrawal.at)
    }

    /// The reason for the withdrawal, written for readers.
    fn reason(withdrawal: &Row) -> &str {
        &withdrawal.reason
    }
}
