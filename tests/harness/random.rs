//! Random numbers from a seed: equal seeds give equal sequences.

use anyhow::Context as _;

/// The seed of every run that does not ask for another one: what fails in CI can be repeated.
const SEED: u64 = 20_261_127;

/// Returns the seed in `KHABAR_SEED` (`just random` draws one), or the fixed seed.
pub fn seed() -> anyhow::Result<u64> {
    Ok(env_number("KHABAR_SEED")?.unwrap_or(SEED))
}

/// Returns the number in an environment variable, or `None` if the variable is not set. Fails if
/// the value is not a number.
pub fn env_number<T: std::str::FromStr>(name: &str) -> anyhow::Result<Option<T>> {
    let Ok(text) = std::env::var(name) else {
        return Ok(None);
    };
    let number = text.parse().ok();
    number
        .map(Some)
        .with_context(|| format!("{name} is {text:?}: a number is expected"))
}

/// A small pseudo-random number generator (`SplitMix64`).
pub struct Random(u64);

impl Random {
    /// Returns the generator of one of several participants that share a seed.
    pub fn of(seed: u64, number: usize) -> Self {
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

    /// Returns a number less than `most`, or 0 if `most` is 0.
    pub fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap_or_default()
    }

    /// Returns true with a probability of one in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Returns a random item, or `None` if the list is empty.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        list.get(self.below(list.len())).cloned()
    }

    /// Returns the list in random order. Draws exactly one number, whatever the length of the list,
    /// so that later numbers do not depend on what other participants have written.
    pub fn shuffled<T: Clone>(&mut self, list: &[T]) -> Vec<T> {
        let mut own = Self(self.next());
        let mut order = list.to_vec();
        for last in (1..order.len()).rev() {
            order.swap(last, own.below(last + 1));
        }
        order
    }

    /// Returns up to `most` random items, in random order.
    pub fn some<T: Clone>(&mut self, list: &[T], most: usize) -> Vec<T> {
        let mut some = self.shuffled(list);
        some.truncate(self.below(most + 1));
        some
    }
}
