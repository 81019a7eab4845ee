//! The `khabar` command.

use std::process::ExitCode;

/// The allocator. Faster than the system allocator for many small, short-lived strings.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    khabar_server::cli::run()
}
