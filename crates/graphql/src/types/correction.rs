//! The GraphQL type for corrections.

use khabar_persistence::correction::Correction as Row;

use crate::object::object;
use crate::scalar::DateTime;

/// A correction, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Correction;

/// A correction made to an article after its publication.
#[object(of = Row)]
impl Correction {
    /// The time of the correction.
    fn at(correction: &Row) -> DateTime {
        DateTime(correction.at)
    }

    /// A description of the correction, written for readers.
    fn note(correction: &Row) -> &str {
        &correction.note
    }

    /// The article version that resulted from the correction.
    fn version(correction: &Row) -> i32 {
        correction.version
    }
}
