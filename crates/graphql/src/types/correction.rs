//! A correction, as the API shows it.

use async_graphql::Object;

use crate::scalar::DateTime;

/// A correction.
pub struct Correction(pub khabar_persistence::correction::Correction);

/// What was put right in an article after readers had seen it.
#[Object]
impl Correction {
    /// When it was put right.
    fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// What was put right, in words for readers.
    fn note(&self) -> &str {
        &self.0.note
    }

    /// The version of the article that it made.
    fn version(&self) -> i32 {
        self.0.version
    }
}
