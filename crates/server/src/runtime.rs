//! The runtime that everything runs on.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How much stack a thread has.
///
/// 16 MiB: each level of a query nests some thirty frames of the engine, and a build that is not
/// optimised is through the usual 2 MiB at half the depth that the limits let through. What is not
/// used takes no memory.
const STACK: usize = 16 * 1024 * 1024;

/// How long what blocks a thread is waited for at the end: name resolution may take minutes.
const LEFT_BEHIND: Duration = Duration::from_millis(500);

/// A runtime with a thread for each core.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
}

/// Runs this on a runtime to its end. What it has left behind is not waited for longer than a moment.
pub fn run<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = runtime()?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(LEFT_BEHIND);
    result
}
