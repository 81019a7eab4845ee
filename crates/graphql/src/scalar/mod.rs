//! Scalars: the leaves of an answer that are more than a string or a number.

mod date;
mod date_time;
mod html;
mod language;
mod slug;
mod url;

pub use date::Date;
pub use date_time::DateTime;
pub use html::Html;
pub use language::Language;
pub use slug::Slug;
pub use url::Url;

/// A count as `Int`, which has 32 bits; a list of more than two thousand million items says so many.
pub(crate) fn count(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
