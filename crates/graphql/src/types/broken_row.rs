//! The `BrokenRow` type.

use async_graphql::{Context, Object};
use khabar_domain::Right;

use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{WriteContext, require};

/// A broken row.
#[derive(Clone, Debug)]
pub struct BrokenRow(khabar_persistence::BrokenRow);

/// A database row that cannot be read because its stored data breaks a rule of the newsroom. Lists
/// leave the row out. Requesting it directly returns the error `BROKEN_ROW`.
#[Object]
impl BrokenRow {
    /// The name of the table that contains the row.
    fn table(&self) -> &str {
        &self.0.table
    }

    /// The name of the column that breaks the rule.
    fn column(&self) -> &str {
        &self.0.column
    }

    /// The primary key of the row.
    fn row(&self) -> &str {
        &self.0.row
    }

    /// The rule that the row breaks.
    fn problem(&self) -> &str {
        &self.0.problem
    }
}

impl BrokenRow {
    /// Returns the broken rows that this server has found, if the viewer may repair them.
    pub(crate) fn met(ctx: &Context<'_>) -> Result<Option<Vec<Self>>> {
        require(ctx.viewer()?, Right::Publish)?;
        // Reads of other requests can change this result, so the response must not be cached.
        ctx.loaders()?.reader().mark_uncacheable();
        let context = ctx.data_opt::<WriteContext>();
        Ok(context.map(|context| {
            let rows = context.db.broken_rows().known();
            rows.into_iter().map(Self).collect()
        }))
    }
}
