//! The runtime that everything runs on.

use tokio::runtime::{Builder, Runtime};

/// How much stack a thread has.
///
/// 16 MiB: each level of a query nests some thirty frames of the engine, and a build that is not
/// optimised is through the usual 2 MiB at half the depth that the limits let through. What is not
/// used takes no memory.
const STACK: usize = 16 * 1024 * 1024;

/// A runtime with a thread for each core.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
}
