//! Connection limits: counts the open connections, in total and per client, and refuses those beyond
//! the limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use khabar_domain::Network;

/// The count of open connections, with its limits.
pub(super) struct ConnectionLimits {
    max: usize,
    max_per_client: usize,
    in_use: Mutex<Counts>,
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
    limits: Arc<ConnectionLimits>,
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
    pub(super) fn new(max: usize, max_per_client: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_per_client,
            in_use: Mutex::default(),
        })
    }

    /// Takes a slot, and counts it towards the limit of the client, if one is given.
    pub(super) fn take(
        self: &Arc<Self>,
        client: Option<Network>,
    ) -> Result<ConnectionPermit, LimitReached> {
        let mut in_use = self.lock();
        if in_use.all >= self.max {
            return Err(LimitReached::All);
        }
        if let Some(client) = client {
            let of = in_use.of.get(&client).copied().unwrap_or_default();
            if of >= self.max_per_client {
                return Err(LimitReached::Client);
            }
            in_use.of.insert(client, of + 1);
        }
        in_use.all += 1;
        Ok(ConnectionPermit {
            limits: Arc::clone(self),
            client,
        })
    }

    /// Returns the number of slots taken.
    pub(super) fn in_use(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut in_use = self.limits.lock();
        in_use.all -= 1;
        if let Some(client) = self.client
            && let Some(of) = in_use.of.get_mut(&client)
        {
            *of -= 1;
            if *of == 0 {
                in_use.of.remove(&client);
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
    fn one_client_cannot_take_all_connections() {
        let limits = ConnectionLimits::new(3, 2);
        let one = limits.take(Some(client(1))).ok();
        let _two = limits.take(Some(client(1))).ok();
        assert_eq!(
            limits.take(Some(client(1))).err(),
            Some(LimitReached::Client)
        );
        let _other = limits.take(Some(client(2))).ok();
        assert_eq!(limits.take(Some(client(3))).err(), Some(LimitReached::All));
        drop(one);
        let again = limits.take(Some(client(1))).ok();
        assert_eq!((again.is_some(), limits.in_use()), (true, 3));
    }

    #[test]
    fn an_exempt_address_can_take_all_connections() {
        let limits = ConnectionLimits::new(3, 1);
        let all: Vec<_> = (0..3).filter_map(|_| limits.take(None).ok()).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(limits.take(None).err(), Some(LimitReached::All));
        drop(all);
        assert_eq!(limits.in_use(), 0);
        assert!(limits.lock().of.is_empty());
    }
}
