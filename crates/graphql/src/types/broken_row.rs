//! A broken row, as the API shows it.

use async_graphql::{Context, Object};
use khabar_domain::Right;

use crate::error::Result;
use crate::scope::Asked as _;
use crate::write::{Desk, require};

/// A broken row.
#[derive(Clone, Debug)]
pub struct BrokenRow(khabar_persistence::BrokenRow);

/// A row of the database that cannot be read, because what is stored in it breaks a rule of the
/// newsroom. Lists leave it out; asking for it by itself answers the error `BROKEN_ROW`.
#[Object]
impl BrokenRow {
    /// The table that has it.
    fn table(&self) -> &str {
        &self.0.table
    }

    /// The column that breaks a rule.
    fn column(&self) -> &str {
        &self.0.column
    }

    /// The row's primary key.
    fn row(&self) -> &str {
        &self.0.row
    }

    /// The rule that it breaks.
    fn problem(&self) -> &str {
        &self.0.problem
    }
}

impl BrokenRow {
    /// Those that this server has met, for those who can mend them.
    pub(crate) fn met(ctx: &Context<'_>) -> Result<Option<Vec<Self>>> {
        require(ctx.viewer()?, Right::Publish)?;
        // What is met by other requests is no part of what this one reads.
        ctx.loaders()?.reader().not_kept();
        let desk = ctx.data_opt::<Desk>();
        Ok(desk.map(|desk| {
            let rows = desk.db.broken_rows().known();
            rows.into_iter().map(Self).collect()
        }))
    }
}
