//! Memory accounting for requests in flight and for responses that were not read yet. The limit covers
//! all clients together, and each client has a share of it, so that clients that do not read their
//! responses cannot use up the memory of the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use khabar_domain::Network;

/// The divisor of the limit that gives the share of one client: a quarter, so that it takes several
/// clients to crowd out the others.
const SHARE: usize = 4;

/// The divisor of the limit that gives the extra room for refusals: an eighth. Beyond that, requests
/// are dropped without a response.
const SLACK: usize = 8;

/// The accounting of all bytes in memory.
pub(super) struct BufferBudget {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: usize,
    of: HashMap<Network, usize>,
    /// The number of clients that are being sent each shared buffer, by the buffer's address.
    shared: HashMap<usize, usize>,
}

/// The error returned when a memory limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the buffers of all clients together, or of this one, are full")]
pub(crate) struct BudgetExceeded;

/// A reservation of memory, released on drop.
pub(super) struct BufferPermit {
    buffers: Arc<BufferBudget>,
    client: Option<Network>,
    bytes: usize,
    /// The address of the buffer, if it may be shared with other responses.
    at: Option<usize>,
}

impl BufferBudget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            held: Mutex::default(),
        })
    }

    /// Reserves memory on the account of a client. Without a client, only the overall limit applies.
    pub(super) fn room(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
    ) -> Result<BufferPermit, BudgetExceeded> {
        self.take(client, bytes, None, self.limit)
    }

    /// Reserves memory for a buffer. A buffer that is already being sent to another client does not
    /// count again towards the overall limit.
    pub(super) fn room_for(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: &Bytes,
    ) -> Result<BufferPermit, BudgetExceeded> {
        let at = bytes.as_ptr().addr();
        self.take(client, bytes.len(), Some(at), self.limit)
    }

    /// Reserves memory for the response to a request that was refused for lack of memory.
    pub(super) fn room_for_refusal(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
    ) -> Result<BufferPermit, BudgetExceeded> {
        self.take(client, bytes, None, self.limit + self.limit / SLACK)
    }

    /// Returns the number of bytes reserved now.
    pub(super) fn held(&self) -> usize {
        self.lock().all
    }

    fn take(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
        at: Option<usize>,
        limit: usize,
    ) -> Result<BufferPermit, BudgetExceeded> {
        let mut held = self.lock();
        let is_there = at.is_some_and(|at| held.shared.contains_key(&at));
        // A shared buffer counts only once towards the overall limit.
        let again = if is_there { bytes } else { 0 };
        held.all -= again;
        let fits = held.fits(client, bytes, limit);
        held.all += again;
        fits?;
        held.add(client, bytes);
        held.all -= again;
        if let Some(at) = at {
            *held.shared.entry(at).or_default() += 1;
        }
        Ok(BufferPermit {
            buffers: Arc::clone(self),
            client,
            bytes,
            at,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BufferPermit {
    /// Extends the reservation by this number of bytes.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), BudgetExceeded> {
        let mut held = self.buffers.lock();
        held.fits(self.client, bytes, self.buffers.limit)?;
        held.add(self.client, bytes);
        self.bytes += bytes;
        Ok(())
    }

    /// Shrinks the reservation to this number of bytes.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        let mut held = self.buffers.lock();
        held.all -= less;
        held.give_back(self.client, less);
        self.bytes -= less;
    }
}

impl Held {
    fn fits(
        &self,
        client: Option<Network>,
        bytes: usize,
        limit: usize,
    ) -> Result<(), BudgetExceeded> {
        let of = client.and_then(|client| self.of.get(&client));
        let of = of.copied().unwrap_or_default().saturating_add(bytes);
        if self.all.saturating_add(bytes) > limit || (client.is_some() && of > limit / SHARE) {
            return Err(BudgetExceeded);
        }
        Ok(())
    }

    fn add(&mut self, client: Option<Network>, bytes: usize) {
        self.all += bytes;
        if let Some(client) = client {
            *self.of.entry(client).or_default() += bytes;
        }
    }

    fn give_back(&mut self, client: Option<Network>, bytes: usize) {
        if let Some(client) = client
            && let Some(of) = self.of.get_mut(&client)
        {
            *of -= bytes;
            if *of == 0 {
                self.of.remove(&client);
            }
        }
    }
}

impl Drop for BufferPermit {
    fn drop(&mut self) {
        let mut held = self.buffers.lock();
        let others = self.at.map_or(0, |at| {
            let count = held.shared.remove(&at).unwrap_or(1) - 1;
            if count > 0 {
                held.shared.insert(at, count);
            }
            count
        });
        if others == 0 {
            held.all -= self.bytes;
        }
        held.give_back(self.client, self.bytes);
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
    fn one_client_has_a_part_and_all_together_have_the_whole() {
        let buffers = BufferBudget::new(800);
        let mut rooms: Vec<_> = (1..=4)
            .map(|last| buffers.room(Some(client(last)), 200))
            .collect();
        assert!(rooms.iter().all(Result::is_ok));
        assert!(buffers.room(Some(client(1)), 1).is_err());
        assert!(buffers.room(None, 1).is_err());
        assert!(buffers.room_for_refusal(None, 100).is_ok());
        assert!(buffers.room_for_refusal(None, 101).is_err());
        rooms.pop();
        assert!(buffers.room(Some(client(1)), 1).is_err());
        assert!(buffers.room(None, 200).is_ok());
        drop(rooms);
        assert_eq!(buffers.held(), 0);
        assert!(buffers.lock().of.is_empty());
    }

    #[test]
    fn what_many_are_sent_lies_there_once() {
        let buffers = BufferBudget::new(800);
        let answer = Bytes::from(vec![b'x'; 200]);
        let rooms: Vec<_> = (0..9)
            .map(|last| {
                buffers
                    .room_for(Some(client(last)), &answer.clone())
                    .unwrap()
            })
            .collect();
        assert_eq!(buffers.held(), 200);
        drop(rooms);
        assert_eq!(buffers.held(), 0);
        assert!(buffers.lock().shared.is_empty());
    }
}
