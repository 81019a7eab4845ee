//! Places: how many connections there are, in all and of each client, and whether there is room for
//! one more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use khabar_domain::Network;

/// The open connections.
pub(super) struct Places {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// No entry is 0, so there are never more of them than connections.
    of: HashMap<Network, usize>,
}

/// The place of one connection, free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    /// None: it is not counted by its address.
    client: Option<Network>,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All places are taken.
    All,
    /// This client has as many as it may.
    Client,
}

impl Places {
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_one,
            taken: Mutex::default(),
        })
    }

    /// Takes a place, counted by this client where there is one.
    pub(super) fn take(self: &Arc<Self>, client: Option<Network>) -> Result<Place, Full> {
        let mut taken = self.lock();
        if taken.all >= self.most {
            return Err(Full::All);
        }
        if let Some(client) = client {
            let of = taken.of.get(&client).copied().unwrap_or_default();
            if of >= self.most_of_one {
                return Err(Full::Client);
            }
            taken.of.insert(client, of + 1);
        }
        taken.all += 1;
        Ok(Place {
            places: Arc::clone(self),
            client,
        })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
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
        let places = Places::new(3, 2);
        let one = places.take(Some(client(1))).ok();
        let _two = places.take(Some(client(1))).ok();
        assert_eq!(places.take(Some(client(1))).err(), Some(Full::Client));
        let _other = places.take(Some(client(2))).ok();
        assert_eq!(places.take(Some(client(3))).err(), Some(Full::All));
        drop(one);
        let again = places.take(Some(client(1))).ok();
        assert_eq!((again.is_some(), places.taken()), (true, 3));
    }

    #[test]
    fn who_is_not_counted_by_address_takes_as_many_as_there_are() {
        let places = Places::new(3, 1);
        let all: Vec<_> = (0..3).filter_map(|_| places.take(None).ok()).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(places.take(None).err(), Some(Full::All));
        drop(all);
        assert_eq!(places.taken(), 0);
        assert!(places.lock().of.is_empty());
    }
}
