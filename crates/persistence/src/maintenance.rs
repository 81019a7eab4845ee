//! Work on the whole database: loading it in bulk, and checking every row.

pub(crate) mod bulk_insert;
pub mod check;
