//! The GraphQL type for corrections.

use async_graphql::Object;

use crate::scalar::DateTime;

/// A correction, as exposed through GraphQL.
pub struct Correction(pub khabar_persistence::correction::Correction);

/// A correction made to an article after its publication.
#[Object]
impl Correction {
    /// The time of the correction.
    fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// A description of the correction, written for readers.
    fn note(&self) -> &str {
        &self.0.note
    }

    /// The article version that resulted from the correction.
    fn version(&self) -> i32 {
        self.0.version
    }
}
