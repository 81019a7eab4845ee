//! Telemetry: logging.

mod queue;

use std::io::IsTerminal;
use std::sync::OnceLock;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use self::queue::Queue;
use crate::config::{Log, LogFormat};

/// The log queue of this process, once it is started.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// A guard that flushes the log when dropped. Lines that cannot be written within a second are lost.
#[must_use]
pub struct LogGuard(());

/// Starts logging to standard error. Standard output is reserved for the output of commands.
///
/// A dedicated thread writes the log. Callers never wait for a full disk, or for a reader that has closed
/// or stalled: lines that cannot be written are dropped and counted.
pub fn start(log: &Log) -> anyhow::Result<LogGuard> {
    let filter = EnvFilter::try_new(&log.filter)
        .with_context(|| format!("log.filter {:?} is not a list of levels", log.filter))?;
    let queue = Queue::start(log.buffer_bytes).context("could not start the log")?;
    let queue = QUEUE.get_or_init(|| queue);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // The subscriber reports its own errors with a macro that panics if standard error is closed.
        .log_internal_errors(false)
        .with_writer(queue.clone())
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("could not start the log: {error}"))?;
    // The default hook writes to standard error itself, and blocks on it.
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(%panic, "task_panicked");
    }));
    Ok(LogGuard(()))
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        flush();
    }
}

/// Writes the queued lines. Gives up after a second.
pub(crate) fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// Returns the number of lines dropped since the log was started.
pub(crate) fn dropped() -> u64 {
    QUEUE.get().map_or(0, Queue::dropped)
}
