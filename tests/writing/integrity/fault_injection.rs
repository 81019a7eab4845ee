//! Test hooks for the steps of a cache.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use khabar_persistence::cache::{CacheTag, FaultInjector, Point};

/// A fault to inject into the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    /// A change invalidates fewer keys than it should.
    Forgets,
    /// Results that were read before a change are cached after it.
    IgnoresPlaces,
}

/// Hooks that delay each step at random and inject a fault.
pub(crate) struct Meddler {
    random: AtomicU64,
    mistake: Mistake,
}

impl Meddler {
    pub(crate) fn new(seed: u64, mistake: Mistake) -> Arc<Self> {
        let random = AtomicU64::new(seed | 1);
        Arc::new(Self { random, mistake })
    }

    /// Returns the next pseudorandom number below `most` (splitmix64).
    fn below(&self, most: u64) -> u64 {
        let state = self
            .random
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

impl FaultInjector for Meddler {
    fn at(&self, step: Point) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Reads are delayed longer, so that writes overtake them.
        let reads = matches!(step, Point::Fetch | Point::Fill);
        let (often, longest) = if reads { (3, 20_000) } else { (4, 2_000) };
        let delays = self.below(often) == 0;
        let micros = self.below(longest);
        Box::pin(async move {
            if delays {
                tokio::time::sleep(Duration::from_micros(micros)).await;
            } else {
                tokio::task::yield_now().await;
            }
        })
    }

    fn forget(&self, keys: &mut Vec<CacheTag>) {
        if self.mistake == Mistake::Forgets && !keys.is_empty() {
            let len = u64::try_from(keys.len()).unwrap_or(1);
            let gone = usize::try_from(self.below(len)).unwrap_or_default();
            let gone = keys[gone];
            // This also removes the key for all objects of the kind, which is in the list as well.
            keys.retain(|key| (key.entity(), key.facet()) != (gone.entity(), gone.facet()));
        }
    }

    fn ignores_positions(&self) -> bool {
        self.mistake == Mistake::IgnoresPlaces
    }
}
