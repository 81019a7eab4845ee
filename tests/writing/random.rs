//! Chance that comes from a seed: the same seed, the same sequence.

use std::hash::{BuildHasher as _, RandomState};

use anyhow::Context as _;

/// What `KHABAR_SEED` says; another each time where it says nothing.
pub(crate) fn seed() -> anyhow::Result<u64> {
    Ok(knob("KHABAR_SEED")?.unwrap_or_else(|| RandomState::new().hash_one(0)))
}

/// The number that this variable of the environment says, if it says one.
pub(crate) fn knob<T: std::str::FromStr>(name: &str) -> anyhow::Result<Option<T>> {
    let Ok(text) = std::env::var(name) else {
        return Ok(None);
    };
    let number = text.parse().ok();
    number
        .map(Some)
        .with_context(|| format!("{name} is {text:?}: a number is expected"))
}

/// A small generator of numbers (`SplitMix64`).
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of one of many who share a seed.
    pub(crate) fn of(seed: u64, number: usize) -> Self {
        let mut mixed = Self(seed);
        for _ in 0..=number {
            mixed = Self(mixed.next());
        }
        mixed
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one less than this, which is not 0.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap_or_default()
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these; nothing when there is none.
    pub(crate) fn pick<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        list.get(self.below(list.len())).cloned()
    }

    /// The same in another order. However long it is, one number is taken: what comes afterwards
    /// does not hang on what others have written.
    pub(crate) fn shuffled<T: Clone>(&mut self, list: &[T]) -> Vec<T> {
        let mut own = Self(self.next());
        let mut order = list.to_vec();
        for last in (1..order.len()).rev() {
            order.swap(last, own.below(last + 1));
        }
        order
    }

    /// At most so many of these, in any order.
    pub(crate) fn some<T: Clone>(&mut self, list: &[T], most: usize) -> Vec<T> {
        let mut some = self.shuffled(list);
        some.truncate(self.below(most + 1));
        some
    }
}
