//! Random delays of the steps of a cache.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use khabar_persistence::cache::{FaultInjector, Point};
use khabar_tests::harness::random::Random;

/// Hooks that delay each step at random.
pub(super) struct RandomDelays(Mutex<Random>);

impl RandomDelays {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Random::of(seed, 0))))
    }
}

impl FaultInjector for RandomDelays {
    fn at(&self, step: Point) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Reads are delayed longer, so that writes overtake them.
        let reads = matches!(step, Point::Fetch | Point::Fill);
        let (often, longest) = if reads { (3, 20_000) } else { (4, 2_000) };
        let (delays, micros) = {
            let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (random.once_in(often), random.below(longest))
        };
        Box::pin(async move {
            if delays {
                tokio::time::sleep(Duration::from_micros(micros as u64)).await;
            } else {
                tokio::task::yield_now().await;
            }
        })
    }
}
