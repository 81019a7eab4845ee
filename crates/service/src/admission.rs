//! Limits on operations in flight: how many run at a time, and how many may queue for a slot.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use khabar_graphql::document::Kind;
use khabar_graphql::error::{Code, Error};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The number of operations that run at a time. Responses from the cache do not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Maximum number of queries that run at a time.
    ///
    /// Defaults to 64, a small multiple of the number of database connections. More queries would only
    /// wait for a connection, each with a partial answer in memory.
    pub queries: usize,
    /// Maximum number of mutations that run at a time. Mutations whose client has given up still count
    /// until they have finished.
    ///
    /// Defaults to 32. Each mutation uses a database connection or waits for one. SQLite allows one
    /// writer at a time.
    pub mutations: usize,
    /// Maximum number of operations, of either kind, that may queue for a slot. Further ones are
    /// answered with status 503.
    ///
    /// Defaults to 512, roughly the number that a node completes within `wait_ms`.
    pub queued: usize,
    /// Maximum time, in milliseconds, that an operation waits in the queue.
    ///
    /// Defaults to 2 seconds. A short burst is over by then. After a longer wait, the client does
    /// better to try another node or to retry later.
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
    /// Returns an error if either concurrency limit is 0, as no operation could ever run.
    pub fn check(&self) -> anyhow::Result<()> {
        for (name, value) in [
            ("graphql.operations.queries", self.queries),
            ("graphql.operations.mutations", self.mutations),
        ] {
            ensure!(value > 0, "{name} is 0: nothing could ever be answered");
        }
        Ok(())
    }
}

/// The semaphores that limit the operations in flight.
pub(crate) struct Operations {
    queries: Arc<Semaphore>,
    mutations: Arc<Semaphore>,
    queue: Semaphore,
    wait: Duration,
}

impl Operations {
    pub(crate) fn new(settings: &Settings) -> Self {
        let permits = |count: usize| Semaphore::new(count.min(Semaphore::MAX_PERMITS));
        Self {
            queries: Arc::new(permits(settings.queries)),
            mutations: Arc::new(permits(settings.mutations)),
            queue: permits(settings.queued),
            wait: Duration::from_millis(settings.wait_ms),
        }
    }

    /// Waits for a slot, which is released when the permit is dropped. Never waits past the deadline.
    /// Returns [`Code::Overloaded`] if the queue is full or the wait takes too long.
    pub(crate) async fn slot(
        &self,
        kind: Kind,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Error> {
        let slots = match kind {
            Kind::Query | Kind::Subscription => &self.queries,
            Kind::Mutation => &self.mutations,
        };
        if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
            return Ok(slot);
        }
        let full = || {
            Error::new(
                Code::Overloaded,
                "The server has as many operations to carry out as it takes. Nothing was done.",
            )
        };
        let _queued = self.queue.try_acquire().map_err(|_| full())?;
        let until = deadline.min(Instant::now() + self.wait);
        let slot = tokio::time::timeout_at(until, Arc::clone(slots).acquire_owned()).await;
        slot.map_err(|_| full())?.map_err(|_| full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_admission_queue_is_bounded_and_times_out() {
        let operations = Operations::new(&Settings {
            queries: 1,
            mutations: 1,
            queued: 1,
            wait_ms: 50,
        });
        let begun = Instant::now();
        let deadline = begun + Duration::from_mins(1);
        let first = operations.slot(Kind::Query, deadline).await;
        assert!(first.is_ok());
        // Mutations do not wait for queries.
        assert!(operations.slot(Kind::Mutation, deadline).await.is_ok());
        let second = operations.slot(Kind::Query, deadline);
        let third = operations.slot(Kind::Query, deadline);
        let (second, third) = tokio::join!(second, third);
        for refused in [second, third] {
            let code = refused.err().map(|error| error.code());
            assert_eq!(code, Some(Code::Overloaded));
        }
        // The queued operation waited for the full `wait_ms`. No operation waits past its own deadline.
        assert!(begun.elapsed() >= Duration::from_millis(50));
        assert!(operations.slot(Kind::Query, begun).await.is_err());
        let (next, ()) = tokio::join!(operations.slot(Kind::Query, deadline), async {
            drop(first);
        });
        assert!(next.is_ok());
    }
}
