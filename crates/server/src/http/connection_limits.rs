//! Connection limits: counts the open connections, in total and per client, and refuses those beyond
//! the limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use khabar_domain::Network;

/// The count of open connections, with its limits.
pub(super) struct ConnectionLimits {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    /// The number of connections per client. Entries are removed at 0, so there are never more entries
    /// than connections.
    of: HashMap<Network, usize>,
}

/// A slot for one connection, released on drop.
pub(super) struct ConnectionPermit {
    places: Arc<ConnectionLimits>,
    /// The client that the connection counts towards. `None` if only the total limit applies.
    client: Option<Network>,
}

/// The limit that a refused connection exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitReached {
    /// The limit on all connections together.
    All,
    /// The limit on the connections of one client.
    Client,
}

impl ConnectionLimits {
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_one,
            taken: Mutex::default(),
        })
    }

    /// Takes a slot, and counts it towards the limit of the client, if one is given.
    pub(super) fn take(
        self: &Arc<Self>,
        client: Option<Network>,
    ) -> Result<ConnectionPermit, LimitReached> {
        let mut taken = self.lock();
        if taken.all >= self.most {
            return Err(LimitReached::All);
        }
        if let Some(client) = client {
            let of = taken.of.get(&client).copied().unwrap_or_default();
            if of >= self.most_of_one {
                return Err(LimitReached::Client);
            }
            taken.of.insert(client, of + 1);
        }
        taken.all += 1;
        Ok(ConnectionPermit {
            places: Arc::clone(self),
            client,
        })
    }

    /// Returns the number of slots taken.
    pub(super) fn taken(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(client) = self.client
            && let Some(of) = taken.of.get_mut(&client)
        {
            *of -= 1;
            if *of == 0 {
                taken.of.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(last: u8) -> Network {
        Network::of(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn one_client_cannot_take_the_places_of_all() {
        let places = ConnectionLimits::new(3, 2);
        let one = places.take(Some(client(1))).ok();
        let _two = places.take(Some(client(1))).ok();
        assert_eq!(
            places.take(Some(client(1))).err(),
            Some(LimitReached::Client)
        );
        let _other = places.take(Some(client(2))).ok();
        assert_eq!(places.take(Some(client(3))).err(), Some(LimitReached::All));
        drop(one);
        let again = places.take(Some(client(1))).ok();
        assert_eq!((again.is_some(), places.taken()), (true, 3));
    }

    #[test]
    fn who_is_not_counted_by_address_takes_as_many_as_there_are() {
        let places = ConnectionLimits::new(3, 1);
        let all: Vec<_> = (0..3).filter_map(|_| places.take(None).ok()).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(places.take(None).err(), Some(LimitReached::All));
        drop(all);
        assert_eq!(places.taken(), 0);
        assert!(places.lock().of.is_empty());
    }
}
