//! Single flight: of several identical concurrent requests, only one runs its operation. The others
//! wait for its response.
//!
//! The operation runs in a task of its own, so a client that disconnects does not cancel the response for
//! the others. They use the response only if the cache accepted it. This means that the data it was read
//! from had not changed by then, which is after they arrived. Otherwise each request tries again or
//! runs its own operation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use khabar_persistence::cache::ResponseCacheKey;
use tokio::sync::watch;

/// The flights in progress, by the cache key of the response.
pub(crate) struct SingleFlight<R>(
    Mutex<HashMap<ResponseCacheKey, watch::Receiver<FlightOutcome<R>>>>,
);

impl<R> Default for SingleFlight<R> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// The state of a flight: in progress, or its outcome.
pub(crate) enum FlightOutcome<R> {
    /// The flight is in progress.
    Running,
    /// The flight ended with a response that is up to date for every waiting request.
    Stored(Arc<R>),
    /// The data was changed during the flight, so its response is not shared. The next flight may succeed.
    Outdated,
    /// The flight ended without a response that can be shared: with an error or an uncacheable one.
    NotShared,
}

/// The result of waiting for a flight.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WaitOutcome<R> {
    /// The response of the flight.
    Shared(Arc<R>),
    /// No response, but the next flight may have one.
    Retry,
    /// No response: the request has to run by itself.
    NotShared,
}

/// The role of a request in a flight.
pub(crate) enum Role<R: Send + Sync + 'static> {
    /// The request runs the operation and reports the outcome to the others.
    Leader(Leader<R>),
    /// The request waits for the outcome.
    Follower(Follower<R>),
}

/// The request that runs the operation. Dropping it before it completes ends the flight as
/// [`FlightOutcome::NotShared`].
pub(crate) struct Leader<R: Send + Sync + 'static> {
    running: Arc<SingleFlight<R>>,
    key: ResponseCacheKey,
    sender: watch::Sender<FlightOutcome<R>>,
    is_complete: bool,
}

/// A request that waits for the outcome of a flight.
pub(crate) struct Follower<R>(watch::Receiver<FlightOutcome<R>>);

impl<R: Send + Sync + 'static> SingleFlight<R> {
    /// Joins the flight for this response, or starts one if there is none.
    pub(crate) fn join(self: &Arc<Self>, key: ResponseCacheKey) -> Role<R> {
        let mut running = self.lock();
        if let Some(flight) = running.get(&key) {
            return Role::Follower(Follower(flight.clone()));
        }
        let (sender, flight) = watch::channel(FlightOutcome::Running);
        running.insert(key, flight);
        Role::Leader(Leader {
            running: Arc::clone(self),
            key,
            sender,
            is_complete: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ResponseCacheKey, watch::Receiver<FlightOutcome<R>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Send + Sync + 'static> Leader<R> {
    /// Ends the flight and reports its outcome to the waiting requests.
    ///
    /// `outcome` is called only after the flight can no longer be joined. A later request may know of
    /// a write that the response does not include.
    pub(crate) fn complete(mut self, outcome: impl FnOnce() -> FlightOutcome<R>) {
        self.running.lock().remove(&self.key);
        self.is_complete = true;
        self.sender.send_replace(outcome());
    }
}

impl<R: Send + Sync + 'static> Drop for Leader<R> {
    fn drop(&mut self) {
        if !self.is_complete {
            self.running.lock().remove(&self.key);
            self.sender.send_replace(FlightOutcome::NotShared);
        }
    }
}

impl<R: Send + Sync + 'static> Follower<R> {
    /// Waits for the end of the flight.
    pub(crate) async fn wait(mut self) -> WaitOutcome<R> {
        let ended = self
            .0
            .wait_for(|at| !matches!(at, FlightOutcome::Running))
            .await;
        match ended.as_deref() {
            Ok(FlightOutcome::Stored(response)) => WaitOutcome::Shared(Arc::clone(response)),
            Ok(FlightOutcome::Outdated) => WaitOutcome::Retry,
            _ => WaitOutcome::NotShared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ResponseCacheKey = ResponseCacheKey([7; 32]);

    fn join(running: &Arc<SingleFlight<u8>>) -> (Leader<u8>, Follower<u8>) {
        let Role::Leader(leader) = running.join(KEY) else {
            panic!("no flight is in progress")
        };
        let Role::Follower(follower) = running.join(KEY) else {
            panic!("a flight is in progress already")
        };
        (leader, follower)
    }

    #[tokio::test]
    async fn a_follower_receives_the_leaders_response() {
        let running = Arc::default();
        let (leader, follower) = join(&running);
        leader.complete(|| FlightOutcome::Stored(Arc::new(3)));
        assert_eq!(follower.wait().await, WaitOutcome::Shared(Arc::new(3)));
    }

    #[tokio::test]
    async fn a_follower_is_told_when_the_leader_has_no_response() {
        let running = Arc::default();
        let (leader, follower) = join(&running);
        leader.complete(|| FlightOutcome::Outdated);
        assert_eq!(follower.wait().await, WaitOutcome::Retry);
        // The task panicked or never ran.
        let (leader, follower) = join(&running);
        drop(leader);
        assert_eq!(follower.wait().await, WaitOutcome::NotShared);
        assert!(matches!(running.join(KEY), Role::Leader(_)));
    }
}
