//! Statements and what they return: SQL text with bound values, decoding, lookups, pages and counts.

pub mod broken;
pub(crate) mod cooperative;
pub(crate) mod count;
pub(crate) mod cursor;
pub(crate) mod decode;
pub(crate) mod include;
pub(crate) mod keys;
pub(crate) mod lookup;
pub(crate) mod ordered_source;
pub mod page;
pub(crate) mod row;
pub(crate) mod sql;
pub(crate) mod table;
