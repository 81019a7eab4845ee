//! Randomness: streams of numbers that are identical in every run.

/// A stream of pseudo-random numbers (`SplitMix64`, which mixes the bits of a counter).
pub(crate) struct Random(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Returns the stream with this name and number, which is independent of every other stream.
    pub(crate) fn new(name: &str, number: usize) -> Self {
        let seed = name.bytes().fold(number as u64, |seed, byte| {
            mix(seed.wrapping_add(STEP)) ^ u64::from(byte)
        });
        Self(mix(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// Returns 128 random bits, for an ID.
    pub(crate) fn bits(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    /// Returns a number less than `bound`, or 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let scaled = (u128::from(self.next()) * bound as u128) >> 64;
        usize::try_from(scaled).unwrap_or_default()
    }

    /// Returns a number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Returns true with this probability, in percent.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A Zipf distribution of ranks. The probability of a rank is proportional to 1 over a power of it.
pub(crate) struct Zipf(Vec<usize>);

impl Zipf {
    /// Returns a distribution over this number of ranks. The most frequent rank is 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a weight is from 0 to the scale"
    )]
    pub(crate) fn new(ranks: usize, power: f64) -> Self {
        // Precise enough for the rarest of several thousand ranks.
        const SCALE: f64 = 1e9;
        let mut rank = 0.0;
        let weights = std::iter::from_fn(|| {
            rank += 1.0;
            Some((SCALE / f64::powf(rank, power)) as usize)
        });
        let sums = weights.take(ranks).scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self(sums.collect())
    }

    /// Returns a random rank.
    pub(crate) fn pick(&self, random: &mut Random) -> usize {
        let at = random.below(self.0.last().copied().unwrap_or_default());
        self.0.partition_point(|sum| *sum <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_deterministic_and_independent() {
        let first = |name, number| Random::new(name, number).bits();
        assert_eq!(first("a", 1), first("a", 1));
        assert_ne!(first("a", 1), first("a", 2));
        assert_ne!(first("a", 1), first("b", 1));
    }

    #[test]
    fn low_ranks_are_more_frequent() {
        let (zipf, mut random) = (Zipf::new(10, 1.0), Random::new("test", 0));
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[zipf.pick(&mut random)] += 1;
        }
        assert!(counts[0] > 3 * counts[4] && counts[4] > counts[9] && counts[9] > 0);
    }
}
