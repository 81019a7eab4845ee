//! A withdrawal, as the API shows it.

use async_graphql::Object;

use crate::scalar::DateTime;

/// A withdrawal.
pub struct Withdrawal(pub khabar_domain::desk::Withdrawal);

/// That an article was taken back from readers.
#[Object]
impl Withdrawal {
    /// When it was taken back.
    fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// Why, in words for readers.
    fn reason(&self) -> &str {
        &self.0.reason
    }
}
