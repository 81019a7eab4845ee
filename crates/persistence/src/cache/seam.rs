//! Where tests meddle with the cache: they delay its steps, and break it to see that it is noticed.
//!
//! Without the feature `failpoints` nothing of this is compiled.

/// A step at which others may be faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// An answer is not kept: the database is about to be asked.
    Fetch,
    /// The database has answered: what it said is about to be kept.
    Fill,
    /// A change is known: what was read from it is about to be let go of.
    Apply,
    /// A whole answer is made: it is about to be kept.
    Keep,
    /// A write was committed: nobody knows yet.
    Commit,
    /// A write was committed and the cache knows that there is one: its writer is about to wait until the cache knows of it.
    Acknowledge,
    /// The reference data was read anew: it is about to answer.
    Install,
}

#[cfg(feature = "failpoints")]
mod meddling {
    use std::pin::Pin;
    use std::sync::{Arc, OnceLock};

    use super::Step;
    use crate::cache::ReadingKey;

    /// Who meddles.
    pub trait Meddle: Send + Sync {
        /// Takes its time at a step.
        fn at(&self, step: Step) -> Pin<Box<dyn Future<Output = ()> + Send>>;

        /// Leaves out some of the keys that a change touches: a mistake.
        fn forget(&self, _keys: &mut Vec<ReadingKey>) {}

        /// Whether what was read before a change is kept after it: a mistake.
        fn ignores_positions(&self) -> bool {
            false
        }
    }

    /// Where somebody may meddle.
    #[derive(Default)]
    pub(in crate::cache) struct Seam(OnceLock<Arc<dyn Meddle>>);

    impl Seam {
        /// Lets somebody meddle, for good; the first one stays.
        pub(in crate::cache) fn open(&self, meddle: Arc<dyn Meddle>) {
            let _ = self.0.set(meddle);
        }

        pub(in crate::cache) async fn at(&self, step: Step) {
            if let Some(meddle) = self.0.get() {
                meddle.at(step).await;
            }
        }

        pub(in crate::cache) fn forget(&self, keys: &mut Vec<ReadingKey>) {
            if let Some(meddle) = self.0.get() {
                meddle.forget(keys);
            }
        }

        pub(in crate::cache) fn position(&self, position: i64) -> i64 {
            match self.0.get() {
                Some(meddle) if meddle.ignores_positions() => i64::MAX,
                _ => position,
            }
        }
    }
}

#[cfg(not(feature = "failpoints"))]
mod meddling {
    use super::Step;
    use crate::cache::ReadingKey;

    /// Where nobody meddles.
    #[derive(Default)]
    pub(in crate::cache) struct Seam(());

    #[expect(
        clippy::unused_self,
        clippy::unused_async,
        reason = "it stands for the one of the tests"
    )]
    impl Seam {
        pub(in crate::cache) async fn at(&self, _: Step) {}

        pub(in crate::cache) fn forget(&self, _: &mut Vec<ReadingKey>) {}

        pub(in crate::cache) fn position(&self, position: i64) -> i64 {
            position
        }
    }
}

#[cfg(feature = "failpoints")]
pub use self::meddling::Meddle;
pub(super) use self::meddling::Seam;
