//! Single flight: of several identical concurrent requests, only one runs its operation. The others
//! wait for its answer.
//!
//! The operation runs in a task of its own, so a client that disconnects does not cancel the answer for
//! the others. They use the answer only if the cache accepted it. This means that the data it was read
//! from had not changed by then, which is after they arrived. Otherwise each request tries again or
//! runs its own operation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use khabar_persistence::cache::ResponseKey;
use tokio::sync::watch;

/// The flights in progress, by the name of the answer.
pub(super) struct SingleFlight<A>(Mutex<HashMap<ResponseKey, watch::Receiver<FlightOutcome<A>>>>);

impl<A> Default for SingleFlight<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// The state of a flight: in progress, or its outcome.
pub(super) enum FlightOutcome<A> {
    /// The flight is in progress.
    Running,
    /// The flight ended with an answer that is up to date for every waiting request.
    Stored(Arc<A>),
    /// The data was changed during the flight, so its answer is not shared. The next flight may succeed.
    Outdated,
    /// The flight ended without an answer that can be shared: with an error or an uncacheable answer.
    NotShared,
}

/// The result of waiting for a flight.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited<A> {
    /// The answer of the flight.
    Shared(Arc<A>),
    /// No answer, but the next flight may have one.
    Retry,
    /// No answer: the request has to run by itself.
    NotShared,
}

/// The role of a request in a flight.
pub(super) enum Role<A: Send + Sync + 'static> {
    /// The request runs the operation and reports the outcome to the others.
    Leader(Leader<A>),
    /// The request waits for the outcome.
    Follower(Follower<A>),
}

/// The request that runs the operation. Dropping it before it lands ends the flight as
/// [`FlightOutcome::NotShared`].
pub(super) struct Leader<A: Send + Sync + 'static> {
    running: Arc<SingleFlight<A>>,
    name: ResponseKey,
    sender: watch::Sender<FlightOutcome<A>>,
    is_complete: bool,
}

/// A request that waits for the outcome of a flight.
pub(super) struct Follower<A>(watch::Receiver<FlightOutcome<A>>);

impl<A: Send + Sync + 'static> SingleFlight<A> {
    /// Joins the flight for this answer, or starts one if there is none.
    pub(super) fn join(self: &Arc<Self>, name: ResponseKey) -> Role<A> {
        let mut running = self.lock();
        if let Some(flight) = running.get(&name) {
            return Role::Follower(Follower(flight.clone()));
        }
        let (sender, flight) = watch::channel(FlightOutcome::Running);
        running.insert(name, flight);
        Role::Leader(Leader {
            running: Arc::clone(self),
            name,
            sender,
            is_complete: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ResponseKey, watch::Receiver<FlightOutcome<A>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Send + Sync + 'static> Leader<A> {
    /// Ends the flight and reports its outcome to the waiting requests.
    ///
    /// `sender` is called only after the flight can no longer be joined. A later request may know of
    /// a write that the answer does not include.
    pub(super) fn complete(mut self, sender: impl FnOnce() -> FlightOutcome<A>) {
        self.running.lock().remove(&self.name);
        self.is_complete = true;
        self.sender.send_replace(sender());
    }
}

impl<A: Send + Sync + 'static> Drop for Leader<A> {
    fn drop(&mut self) {
        if !self.is_complete {
            self.running.lock().remove(&self.name);
            self.sender.send_replace(FlightOutcome::NotShared);
        }
    }
}

impl<A: Send + Sync + 'static> Follower<A> {
    /// Waits for the end of the flight.
    pub(super) async fn wait(mut self) -> Waited<A> {
        let ended = self
            .0
            .wait_for(|at| !matches!(at, FlightOutcome::Running))
            .await;
        match ended.as_deref() {
            Ok(FlightOutcome::Stored(answer)) => Waited::Shared(Arc::clone(answer)),
            Ok(FlightOutcome::Outdated) => Waited::Retry,
            _ => Waited::NotShared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: ResponseKey = ResponseKey([7; 32]);

    fn join(running: &Arc<SingleFlight<u8>>) -> (Leader<u8>, Follower<u8>) {
        let Role::Leader(leader) = running.join(NAME) else {
            panic!("nobody is in the air")
        };
        let Role::Follower(follower) = running.join(NAME) else {
            panic!("one is in the air already")
        };
        (leader, follower)
    }

    #[tokio::test]
    async fn who_waits_is_given_what_was_kept() {
        let running = Arc::default();
        let (leader, follower) = join(&running);
        leader.complete(|| FlightOutcome::Stored(Arc::new(3)));
        assert_eq!(follower.wait().await, Waited::Shared(Arc::new(3)));
    }

    #[tokio::test]
    async fn who_waits_for_nothing_is_told() {
        let running = Arc::default();
        let (leader, follower) = join(&running);
        leader.complete(|| FlightOutcome::Outdated);
        assert_eq!(follower.wait().await, Waited::Retry);
        // The task panicked or never ran.
        let (leader, follower) = join(&running);
        drop(leader);
        assert_eq!(follower.wait().await, Waited::NotShared);
        assert!(matches!(running.join(NAME), Role::Leader(_)));
    }
}
