//! Test hooks of the cache. Tests use them to delay its steps, and to break it in order to check
//! that the fault is detected.
//!
//! Without the feature `failpoints` the hooks are compiled to no-ops.

/// A step at which tests can provoke a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// A result is not cached, and the database is about to be queried.
    Fetch,
    /// The database has returned a result, which is about to be cached.
    Fill,
    /// A change has been read from the feed, and the affected entries are about to be invalidated.
    Apply,
    /// A whole response is complete and about to be cached.
    InsertResponse,
    /// A write has been committed, but the cache has not been notified.
    Commit,
    /// A write has been committed and the cache has been notified. The writer is about to wait
    /// until the cache has caught up.
    Acknowledge,
    /// The reference data has been reloaded and is about to be put to use.
    Install,
}

#[cfg(feature = "failpoints")]
mod hooks {
    use std::pin::Pin;
    use std::sync::{Arc, OnceLock};

    use super::Point;
    use crate::feed::CacheTag;

    /// A set of hooks that interfere with the cache.
    pub trait FaultInjector: Send + Sync {
        /// Delays a step.
        fn at(&self, step: Point) -> Pin<Box<dyn Future<Output = ()> + Send>>;

        /// Removes some of the keys that a change touches, to simulate a fault.
        fn forget(&self, _keys: &mut Vec<CacheTag>) {}

        /// Whether to cache results that were read before a change and arrive after it, to simulate
        /// a fault.
        fn ignores_positions(&self) -> bool {
            false
        }
    }

    /// The place where hooks are installed.
    #[derive(Default)]
    pub(in crate::cache) struct Failpoints(OnceLock<Arc<dyn FaultInjector>>);

    impl Failpoints {
        /// Installs hooks permanently. Only the first call has an effect.
        pub(in crate::cache) fn install(&self, injector: Arc<dyn FaultInjector>) {
            let _ = self.0.set(injector);
        }

        pub(in crate::cache) async fn at(&self, step: Point) {
            if let Some(injector) = self.0.get() {
                injector.at(step).await;
            }
        }

        pub(in crate::cache) fn forget(&self, keys: &mut Vec<CacheTag>) {
            if let Some(injector) = self.0.get() {
                injector.forget(keys);
            }
        }

        pub(in crate::cache) fn position(&self, position: i64) -> i64 {
            match self.0.get() {
                Some(injector) if injector.ignores_positions() => i64::MAX,
                _ => position,
            }
        }
    }
}

#[cfg(not(feature = "failpoints"))]
mod hooks {
    use super::Point;
    use crate::feed::CacheTag;

    /// The place where hooks would be installed, in a build without `failpoints`.
    #[derive(Default)]
    pub(in crate::cache) struct Failpoints(());

    #[expect(
        clippy::unused_self,
        clippy::unused_async,
        reason = "it stands for the one of the tests"
    )]
    impl Failpoints {
        pub(in crate::cache) async fn at(&self, _: Point) {}

        pub(in crate::cache) fn forget(&self, _: &mut Vec<CacheTag>) {}

        pub(in crate::cache) fn position(&self, position: i64) -> i64 {
            position
        }
    }
}

pub(super) use self::hooks::Failpoints;
#[cfg(feature = "failpoints")]
pub use self::hooks::FaultInjector;
