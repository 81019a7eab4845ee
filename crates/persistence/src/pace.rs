//! Reading many rows without keeping the other tasks of a thread waiting: a large body takes tens of
//! milliseconds to be checked, and a page may have a hundred.

use std::time::{Duration, Instant};

/// The time after which others have their turn.
const TURN: Duration = Duration::from_millis(5);

/// When this task last had its turn.
pub(crate) struct Pace(Instant);

impl Pace {
    /// From now on.
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Lets others have their turn, if this task has taken long enough.
    pub(crate) async fn step(&mut self) {
        if self.0.elapsed() > TURN {
            tokio::task::yield_now().await;
            self.0 = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn others_have_their_turn() {
        let had = Arc::new(AtomicBool::new(false));
        let having = Arc::clone(&had);
        tokio::spawn(async move { having.store(true, Ordering::Relaxed) });
        let mut pace = Pace::new();
        pace.step().await;
        assert!(!had.load(Ordering::Relaxed), "it was not long yet");
        std::thread::sleep(2 * TURN);
        pace.step().await;
        assert!(had.load(Ordering::Relaxed));
    }
}
