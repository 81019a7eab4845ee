//! The change feed: every write in commit order, with the cache tags that it touches.
//!
//! Sequence numbers (`seq`) have no gaps and follow the commit order. Taking the next number locks
//! the only row of `change_head` until the transaction ends. Therefore a reader that has read up to
//! n never later finds a new row at or below n. The lock is taken last, just before the commit, so
//! that writers run in parallel until then.
//!
//! [`Feed`] waits for new changes. [`retire`] deletes old ones.

pub(crate) mod change;
pub mod checkpoint;
mod clear;
mod difference;
pub(crate) mod flush;
mod log;
pub(crate) mod notifier;
mod position;
mod retention;
mod subscription;
mod vocabulary;

pub use change::{Change, Content, Touched, Write};
pub use clear::clear_caches;
pub(crate) use difference::Difference;
pub(crate) use log::Page;
pub use log::{ChangeLog, after, bounds};
pub use position::{FeedBounds, Position};
pub use retention::retire;
pub use subscription::Feed;
pub use vocabulary::{CacheTag, EntityKind, Facet, Operation};
