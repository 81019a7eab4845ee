//! The `khabar` command.

use std::process::ExitCode;

/// Allocates faster than the system's under many small short-lived strings.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    khabar_server::cli::run()
}
