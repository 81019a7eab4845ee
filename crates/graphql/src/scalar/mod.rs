//! Custom scalars of the API.

mod date;
mod date_time;
mod html;
mod language;
mod slug;
mod url;

pub use date::Date;
pub use date_time::DateTime;
pub(crate) use date_time::write_time;
pub use html::Html;
pub use language::Language;
pub use slug::Slug;
pub use url::Url;

/// Converts a count to the 32-bit `Int` of GraphQL. Larger counts saturate at `i32::MAX`, about 2.1
/// billion.
pub(crate) fn count(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
