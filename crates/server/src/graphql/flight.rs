//! Single flight: of identical requests that come together, one is carried out, and the others wait
//! for its answer.
//!
//! It is carried out by a task of its own, so that a client that goes away takes nobody's answer with
//! it. The others take the answer only if the cache kept it: then nothing that it was read from was
//! written up to that moment, which is later than they came. Otherwise each sees to its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use khabar_persistence::cache::AnswerName;
use tokio::sync::watch;

/// Who is in the air.
pub(super) struct Flights<A>(Mutex<HashMap<AnswerName, watch::Receiver<Landing<A>>>>);

impl<A> Default for Flights<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// How a flight ended, or that it has not.
pub(super) enum Landing<A> {
    /// It goes on.
    Flying,
    /// With an answer that is true for all who wait.
    Kept(Arc<A>),
    /// What it was read from was written meanwhile: the next one may do better.
    Overtaken,
    /// With nothing that could be shared: an error, or what is not kept.
    Lost,
}

/// What there is to do about a request.
pub(super) enum Seat<A: Send + Sync + 'static> {
    /// Carry it out, and tell the others.
    Pilot(Pilot<A>),
    /// Wait.
    Passenger(Passenger<A>),
}

/// Who carries it out. If it is dropped, those who wait are told that there is nothing to wait for.
pub(super) struct Pilot<A: Send + Sync + 'static> {
    flights: Arc<Flights<A>>,
    name: AnswerName,
    landing: watch::Sender<Landing<A>>,
    has_landed: bool,
}

/// Who waits.
pub(super) struct Passenger<A>(watch::Receiver<Landing<A>>);

impl<A: Send + Sync + 'static> Flights<A> {
    /// What there is to do about a request with this name.
    pub(super) fn board(self: &Arc<Self>, name: AnswerName) -> Seat<A> {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(&name) {
            return Seat::Passenger(Passenger(flight.clone()));
        }
        let (landing, flight) = watch::channel(Landing::Flying);
        flights.insert(name, flight);
        Seat::Pilot(Pilot {
            flights: Arc::clone(self),
            name,
            landing,
            has_landed: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AnswerName, watch::Receiver<Landing<A>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Send + Sync + 'static> Pilot<A> {
    /// Tells those who wait how it ended. That is found out when nobody can join them any more: who
    /// comes later may know of a write that the answer does not.
    pub(super) fn land(mut self, landing: impl FnOnce() -> Landing<A>) {
        self.flights.lock().remove(&self.name);
        self.has_landed = true;
        self.landing.send_replace(landing());
    }
}

impl<A: Send + Sync + 'static> Drop for Pilot<A> {
    fn drop(&mut self) {
        if !self.has_landed {
            self.flights.lock().remove(&self.name);
            self.landing.send_replace(Landing::Lost);
        }
    }
}

impl<A: Send + Sync + 'static> Passenger<A> {
    /// Waits for the end of the flight: the answer, or whether the next flight may have one.
    pub(super) async fn arrive(mut self) -> Result<Arc<A>, bool> {
        let landed = self.0.wait_for(|at| !matches!(at, Landing::Flying)).await;
        match landed.as_deref() {
            Ok(Landing::Kept(answer)) => Ok(Arc::clone(answer)),
            Ok(Landing::Overtaken) => Err(true),
            _ => Err(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: AnswerName = AnswerName([7; 32]);

    fn board(flights: &Arc<Flights<u8>>) -> (Pilot<u8>, Passenger<u8>) {
        let Seat::Pilot(pilot) = flights.board(NAME) else {
            panic!("nobody is in the air")
        };
        let Seat::Passenger(passenger) = flights.board(NAME) else {
            panic!("one is in the air already")
        };
        (pilot, passenger)
    }

    #[tokio::test]
    async fn who_waits_is_given_what_was_kept() {
        let flights = Arc::default();
        let (pilot, passenger) = board(&flights);
        pilot.land(|| Landing::Kept(Arc::new(3)));
        assert_eq!(passenger.arrive().await.map(|answer| *answer), Ok(3));
    }

    #[tokio::test]
    async fn who_waits_for_nothing_is_told() {
        let flights = Arc::default();
        let (pilot, passenger) = board(&flights);
        pilot.land(|| Landing::Overtaken);
        assert_eq!(passenger.arrive().await, Err(true));
        // Its task has panicked, or was never run.
        let (pilot, passenger) = board(&flights);
        drop(pilot);
        assert_eq!(passenger.arrive().await, Err(false));
        assert!(matches!(flights.board(NAME), Seat::Pilot(_)));
    }
}
