//! Test hooks for the steps of a cache.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use khabar_persistence::cache::{CacheTag, FaultInjector, Point};
use khabar_tests::harness::random::Random;

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
    random: Mutex<Random>,
    mistake: Mistake,
}

impl Meddler {
    pub(crate) fn new(seed: u64, mistake: Mistake) -> Arc<Self> {
        let random = Mutex::new(Random::of(seed, 0));
        Arc::new(Self { random, mistake })
    }

    fn below(&self, most: usize) -> usize {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.below(most)
    }
}

impl FaultInjector for Meddler {
    fn at(&self, step: Point) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Reads are delayed longer, so that writes overtake them.
        let reads = matches!(step, Point::Fetch | Point::Fill);
        let (often, longest) = if reads { (3, 20_000) } else { (4, 2_000) };
        let delays = self.below(often) == 0;
        let delay = Duration::from_micros(self.below(longest) as u64);
        Box::pin(async move {
            if delays {
                tokio::time::sleep(delay).await;
            } else {
                tokio::task::yield_now().await;
            }
        })
    }

    fn forget(&self, keys: &mut Vec<CacheTag>) {
        if self.mistake == Mistake::Forgets && !keys.is_empty() {
            let gone = keys[self.below(keys.len())];
            // This also removes the key for all objects of the kind, which is in the list as well.
            keys.retain(|key| (key.noun(), key.of_part()) != (gone.noun(), gone.of_part()));
        }
    }

    fn ignores_positions(&self) -> bool {
        self.mistake == Mistake::IgnoresPlaces
    }
}
