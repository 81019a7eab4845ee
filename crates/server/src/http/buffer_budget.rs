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
    in_use: Mutex<Usage>,
}

#[derive(Default)]
struct Usage {
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
            in_use: Mutex::default(),
        })
    }

    /// Reserves memory on the account of a client. Without a client, only the overall limit applies.
    pub(super) fn reserve(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
    ) -> Result<BufferPermit, BudgetExceeded> {
        self.take(client, bytes, None, self.limit)
    }

    /// Reserves memory for a buffer. A buffer that is already being sent to another client does not
    /// count again towards the overall limit.
    pub(super) fn reserve_shared(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: &Bytes,
    ) -> Result<BufferPermit, BudgetExceeded> {
        let at = bytes.as_ptr().addr();
        self.take(client, bytes.len(), Some(at), self.limit)
    }

    /// Reserves memory for the response to a request that was refused for lack of memory.
    pub(super) fn reserve_for_refusal(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
    ) -> Result<BufferPermit, BudgetExceeded> {
        self.take(client, bytes, None, self.limit + self.limit / SLACK)
    }

    /// Returns the number of bytes reserved now.
    pub(super) fn in_use(&self) -> usize {
        self.lock().all
    }

    fn take(
        self: &Arc<Self>,
        client: Option<Network>,
        bytes: usize,
        at: Option<usize>,
        limit: usize,
    ) -> Result<BufferPermit, BudgetExceeded> {
        let mut in_use = self.lock();
        let is_there = at.is_some_and(|at| in_use.shared.contains_key(&at));
        // A shared buffer counts only once towards the overall limit.
        let again = if is_there { bytes } else { 0 };
        in_use.all -= again;
        let fits = in_use.fits(client, bytes, limit);
        in_use.all += again;
        fits?;
        in_use.add(client, bytes);
        in_use.all -= again;
        if let Some(at) = at {
            *in_use.shared.entry(at).or_default() += 1;
        }
        Ok(BufferPermit {
            buffers: Arc::clone(self),
            client,
            bytes,
            at,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Usage> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BufferPermit {
    /// Extends the reservation by this number of bytes.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), BudgetExceeded> {
        let mut in_use = self.buffers.lock();
        in_use.fits(self.client, bytes, self.buffers.limit)?;
        in_use.add(self.client, bytes);
        self.bytes += bytes;
        Ok(())
    }

    /// Shrinks the reservation to this number of bytes.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        let mut in_use = self.buffers.lock();
        in_use.all -= less;
        in_use.release(self.client, less);
        self.bytes -= less;
    }
}

impl Usage {
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

    fn release(&mut self, client: Option<Network>, bytes: usize) {
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
        let mut in_use = self.buffers.lock();
        let others = self.at.map_or(0, |at| {
            let count = in_use.shared.remove(&at).unwrap_or(1) - 1;
            if count > 0 {
                in_use.shared.insert(at, count);
            }
            count
        });
        if others == 0 {
            in_use.all -= self.bytes;
        }
        in_use.release(self.client, self.bytes);
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
    fn buffers_are_limited_per_client_and_in_total() {
        let buffers = BufferBudget::new(800);
        let mut permits: Vec<_> = (1..=4)
            .map(|last| buffers.reserve(Some(client(last)), 200))
            .collect();
        assert!(permits.iter().all(Result::is_ok));
        assert!(buffers.reserve(Some(client(1)), 1).is_err());
        assert!(buffers.reserve(None, 1).is_err());
        assert!(buffers.reserve_for_refusal(None, 100).is_ok());
        assert!(buffers.reserve_for_refusal(None, 101).is_err());
        permits.pop();
        assert!(buffers.reserve(Some(client(1)), 1).is_err());
        assert!(buffers.reserve(None, 200).is_ok());
        drop(permits);
        assert_eq!(buffers.in_use(), 0);
        assert!(buffers.lock().of.is_empty());
    }

    #[test]
    fn a_shared_body_is_counted_once() {
        let buffers = BufferBudget::new(800);
        let response = Bytes::from(vec![b'x'; 200]);
        let permits: Vec<_> = (0..9)
            .map(|last| {
                buffers
                    .reserve_shared(Some(client(last)), &response.clone())
                    .unwrap()
            })
            .collect();
        assert_eq!(buffers.in_use(), 200);
        drop(permits);
        assert_eq!(buffers.in_use(), 0);
        assert!(buffers.lock().shared.is_empty());
    }
}
