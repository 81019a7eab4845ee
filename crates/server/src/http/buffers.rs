//! Buffers: how many bytes lie in memory for requests that are in flight and for answers that were
//! not read yet, of all clients together, so that clients who do not read take no more than their
//! part.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use khabar_domain::Network;

/// The part of one client: a fourth, so that it takes several to crowd others out.
const SHARE: usize = 4;

/// What refusals may take beyond the limit: an eighth of it. Past that, requests are not even told.
const SLACK: usize = 8;

/// What is in memory.
pub(super) struct Buffers {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: usize,
    of: HashMap<Network, usize>,
    /// How many clients are being sent the same bytes, by where these lie.
    shared: HashMap<usize, usize>,
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the buffers of all clients together, or of this one, are full")]
pub(crate) struct Full;

/// Bytes that lie in memory until this is dropped.
pub(super) struct Room {
    buffers: Arc<Buffers>,
    client: Option<Network>,
    bytes: usize,
    /// Where they lie, if others may be sent the same.
    at: Option<usize>,
}

impl Buffers {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            held: Mutex::default(),
        })
    }

    /// Room for so many bytes on account of this client; without one, only all together are bounded.
    pub(super) fn room(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
    ) -> Result<Room, Full> {
        self.take(client, bytes, None, self.limit)
    }

    /// Room for these bytes, which take no more of it if they are being sent to somebody already.
    pub(super) fn room_for(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: &Bytes,
    ) -> Result<Room, Full> {
        let at = bytes.as_ptr().addr();
        self.take(client, bytes.len(), Some(at), self.limit)
    }

    /// Room for the answer to a request for which there is none.
    pub(super) fn room_for_refusal(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
    ) -> Result<Room, Full> {
        self.take(client, bytes, None, self.limit + self.limit / SLACK)
    }

    /// How many bytes lie there now.
    pub(super) fn held(&self) -> usize {
        self.lock().all
    }

    fn take(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
        at: Option<usize>,
        limit: usize,
    ) -> Result<Room, Full> {
        let mut held = self.lock();
        let is_there = at.is_some_and(|at| held.shared.contains_key(&at));
        // What lies there already is on the account of all only once.
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
        Ok(Room {
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

impl Room {
    /// Takes so many bytes more.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let mut held = self.buffers.lock();
        held.fits(self.client, bytes, self.buffers.limit)?;
        held.add(self.client, bytes);
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back all but so many bytes.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        let mut held = self.buffers.lock();
        held.all -= less;
        held.give_back(self.client, less);
        self.bytes -= less;
    }
}

impl Held {
    fn fits(&self, client: Option<Network>, bytes: usize, limit: usize) -> Result<(), Full> {
        let of = client.and_then(|client| self.of.get(&client));
        let of = of.copied().unwrap_or_default().saturating_add(bytes);
        if self.all.saturating_add(bytes) > limit || (client.is_some() && of > limit / SHARE) {
            return Err(Full);
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

impl Drop for Room {
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
        let buffers = Buffers::new(800);
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
        let buffers = Buffers::new(800);
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
