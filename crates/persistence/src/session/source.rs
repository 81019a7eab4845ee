//! The database that a session reads.

use std::pin::Pin;

use sea_orm::{DbErr, QueryResult, Statement};

use crate::Result;
use crate::database::pool::Pool;
use crate::database::replica::{Least, Replica};

/// The database that a reader queries.
#[derive(Clone)]
pub(crate) enum Source {
    /// The primary.
    Primary(Pool),
    /// A replica, if it is available and has reached the position that the reader requires. Otherwise
    /// the primary.
    Replica(Replica, Pool),
}

impl Source {
    /// Runs a statement. The future is boxed because it becomes part of every resolver's future, which
    /// would otherwise be large.
    pub(super) fn rows(
        &self,
        least: Least,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<QueryResult>, DbErr>> + Send + '_>> {
        match self {
            Self::Primary(pool) => Box::pin(pool.rows(statement)),
            Self::Replica(replica, primary) => Box::pin(async move {
                match replica.rows(least, &statement).await {
                    Some(answered) => answered,
                    None => primary.rows(statement).await,
                }
            }),
        }
    }
}
