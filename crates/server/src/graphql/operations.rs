//! Operations in flight: how many are carried out at a time, and how many wait for their turn.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use khabar_graphql::document::Kind;
use khabar_graphql::error::{Code, Error};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How many operations are carried out at a time. Answers that are kept need none of this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Queries that are carried out at a time.
    ///
    /// 64: some times as many as there are connections to the database. More would only wait for
    /// these, each with half an answer in memory.
    pub queries: usize,
    /// Mutations that are carried out at a time, those among them that nobody waits for any more.
    ///
    /// 32: each holds a connection to the database or waits for one; on SQLite one writes at a time.
    pub mutations: usize,
    /// Operations of either kind that may wait for their turn. Those beyond are answered 503.
    ///
    /// 512: what a node gets done within `wait_ms`, about.
    pub queued: usize,
    /// Milliseconds for which one may wait.
    ///
    /// 2 seconds: a moment's rush passes in that; after it, another node or a later try is better.
    pub wait_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queries: 64,
            mutations: 32,
            queued: 512,
            wait_ms: 2_000,
        }
    }
}

impl Settings {
    /// Refuses what could never answer anything.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (name, value) in [
            ("graphql.operations.queries", self.queries),
            ("graphql.operations.mutations", self.mutations),
        ] {
            ensure!(value > 0, "{name} is 0: nothing could ever be answered");
        }
        Ok(())
    }
}

/// The operations in flight.
pub(super) struct Operations {
    queries: Arc<Semaphore>,
    mutations: Arc<Semaphore>,
    queue: Semaphore,
    wait: Duration,
}

impl Operations {
    pub(super) fn new(settings: &Settings) -> Self {
        let places = |count: usize| Semaphore::new(count.min(Semaphore::MAX_PERMITS));
        Self {
            queries: Arc::new(places(settings.queries)),
            mutations: Arc::new(places(settings.mutations)),
            queue: places(settings.queued),
            wait: Duration::from_millis(settings.wait_ms),
        }
    }

    /// The turn of an operation, until it is dropped. It is not waited for past the deadline.
    pub(super) async fn turn(
        &self,
        kind: Kind,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Error> {
        let turns = match kind {
            Kind::Query | Kind::Subscription => &self.queries,
            Kind::Mutation => &self.mutations,
        };
        if let Ok(turn) = Arc::clone(turns).try_acquire_owned() {
            return Ok(turn);
        }
        let full = || {
            Error::new(
                Code::Overloaded,
                "The server has as many operations to carry out as it takes. Nothing was done.",
            )
        };
        let _queued = self.queue.try_acquire().map_err(|_| full())?;
        let until = deadline.min(Instant::now() + self.wait);
        let turn = tokio::time::timeout_at(until, Arc::clone(turns).acquire_owned()).await;
        turn.map_err(|_| full())?.map_err(|_| full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_is_short_and_nobody_stands_in_it_for_long() {
        let operations = Operations::new(&Settings {
            queries: 1,
            mutations: 1,
            queued: 1,
            wait_ms: 50,
        });
        let begun = Instant::now();
        let deadline = begun + Duration::from_mins(1);
        let first = operations.turn(Kind::Query, deadline).await;
        assert!(first.is_ok());
        // Those who write do not wait for those who read.
        assert!(operations.turn(Kind::Mutation, deadline).await.is_ok());
        let second = operations.turn(Kind::Query, deadline);
        let third = operations.turn(Kind::Query, deadline);
        let (second, third) = tokio::join!(second, third);
        for refused in [second, third] {
            let code = refused.err().map(|error| error.code());
            assert_eq!(code, Some(Code::Overloaded));
        }
        // One of them has waited as long as anybody may, and no longer than the request has time.
        assert!(begun.elapsed() >= Duration::from_millis(50));
        assert!(operations.turn(Kind::Query, begun).await.is_err());
        let (next, ()) = tokio::join!(operations.turn(Kind::Query, deadline), async {
            drop(first);
        });
        assert!(next.is_ok());
    }
}
