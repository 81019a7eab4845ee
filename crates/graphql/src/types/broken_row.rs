//! The `BrokenRow` type.

use khabar_domain::Right;
use khabar_persistence::BrokenRow as Row;

use crate::error::Result;
use crate::mutate::require;
use crate::object::{OwnedList, ReadContext, object};

/// A broken row.
#[derive(Debug)]
pub(crate) struct BrokenRow;

/// A database row that cannot be read because its stored data breaks a rule of the newsroom. Lists
/// leave the row out. Requesting it directly returns the error `BROKEN_ROW`.
#[object(of = Row)]
impl BrokenRow {
    /// The name of the table that contains the row.
    fn table(row: &Row) -> &str {
        &row.table
    }

    /// The name of the column that breaks the rule.
    fn column(row: &Row) -> &str {
        &row.column
    }

    /// The primary key of the row.
    fn row(row: &Row) -> &str {
        &row.row
    }

    /// The rule that the row breaks.
    fn problem(row: &Row) -> &str {
        &row.problem
    }
}

impl BrokenRow {
    /// Returns the broken rows that this server has found, if the viewer may repair them.
    pub(crate) fn known(context: &ReadContext) -> Result<OwnedList<Self>> {
        require(context.viewer(), Right::Publish)?;
        // Reads of other requests can change this result, so the response must not be cached.
        context.mark_uncacheable();
        let rows = context.write().map(|write| write.db.broken_rows().known());
        Ok(OwnedList(rows.unwrap_or_default()))
    }
}
