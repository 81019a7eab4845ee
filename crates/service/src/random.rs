//! Random numbers from the operating system, for ids and keys.

use std::sync::Arc;

use khabar_graphql::mutate::Random;

/// Returns a generator of random numbers for ids and keys.
pub fn random() -> Random {
    Arc::new(|| u128::from_be_bytes(bits()))
}

/// Returns this number of random bytes from the operating system. Aborts the process if it has none.
pub fn bits<const BYTES: usize>() -> [u8; BYTES] {
    let mut bits = [0; BYTES];
    if let Err(error) = getrandom::fill(&mut bits) {
        // Without randomness, ids and keys could be guessed.
        tracing::error!(%error, "randomness_unavailable");
        std::process::abort();
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_differ() {
        let random = random();
        assert_ne!(random(), random());
    }
}
