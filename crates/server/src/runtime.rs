//! The asynchronous runtime of the process.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Stack size of each thread in bytes.
///
/// 16 MiB: each level of a query nests about thirty stack frames of the GraphQL engine. In an unoptimised
/// build, the usual 2 MiB are exhausted at half of the permitted query depth. Unused stack takes no memory.
const STACK: usize = 16 * 1024 * 1024;

/// Maximum time to wait for blocked threads at shutdown. Name resolution may block for minutes.
const LEFT_BEHIND: Duration = Duration::from_millis(500);

/// Creates a runtime with one thread per core.
pub fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
}

/// Runs a future to completion on a new runtime. Then waits up to half a second for blocked threads.
pub fn run<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = runtime()?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(LEFT_BEHIND);
    result
}
