//! Who meddles with the steps of a cache.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use khabar_persistence::cache::{Meddle, ReadingKey, Step};

/// What is wrong with the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    /// A change lets go of less than it should.
    Forgets,
    /// What was read before a change is kept after it.
    IgnoresPlaces,
}

/// Delays each step by chance, and makes a mistake.
pub(crate) struct Meddler {
    random: AtomicU64,
    mistake: Mistake,
}

impl Meddler {
    pub(crate) fn new(seed: u64, mistake: Mistake) -> Arc<Self> {
        let random = AtomicU64::new(seed | 1);
        Arc::new(Self { random, mistake })
    }

    /// The next of a sequence (splitmix64).
    fn below(&self, most: u64) -> u64 {
        let state = self
            .random
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

impl Meddle for Meddler {
    fn at(&self, step: Step) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Reading is what writes overtake.
        let reads = matches!(step, Step::Fetch | Step::Fill);
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

    fn forget(&self, keys: &mut Vec<ReadingKey>) {
        if self.mistake == Mistake::Forgets && !keys.is_empty() {
            let len = u64::try_from(keys.len()).unwrap_or(1);
            let gone = usize::try_from(self.below(len)).unwrap_or_default();
            let gone = keys[gone];
            // With its key for all of the kind, which stands beside it.
            keys.retain(|key| (key.noun(), key.of_part()) != (gone.noun(), gone.of_part()));
        }
    }

    fn ignores_positions(&self) -> bool {
        self.mistake == Mistake::IgnoresPlaces
    }
}
