//! Cooperative yielding while many rows are read, so that other tasks on the thread can run. Checking a
//! large body takes tens of milliseconds, and a page may contain a hundred of them.

use std::time::{Duration, Instant};

/// The time that a task may run before it yields.
const TURN: Duration = Duration::from_millis(5);

/// The time at which this task last yielded.
pub(crate) struct Pace(Instant);

impl Pace {
    /// Starts measuring from now.
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Yields to other tasks if this one has run for longer than [`TURN`].
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
