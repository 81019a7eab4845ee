//! Telemetry: the log.

mod queue;

use std::io::IsTerminal;
use std::sync::OnceLock;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use self::queue::Queue;
use crate::config::{Log, LogFormat};

/// The log of this process, once it was started.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// The log, until it is dropped: then what is still to be written is, or is given up.
#[must_use]
pub struct Started(());

/// Starts the log, to standard error: standard output belongs to what a command answers.
///
/// A thread of its own writes it. Nobody waits for a disk that is full or a reader that is gone or
/// stands still: lines that cannot be written are dropped and counted.
pub fn start(log: &Log) -> anyhow::Result<Started> {
    let filter = EnvFilter::try_new(&log.filter)
        .with_context(|| format!("log.filter {:?} is not a list of levels", log.filter))?;
    let queue = Queue::start(log.buffer_bytes).context("could not start the log")?;
    let queue = QUEUE.get_or_init(|| queue);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It tells of its own errors by a macro that panics when standard error is gone.
        .log_internal_errors(false)
        .with_writer(queue.clone())
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("could not start the log: {error}"))?;
    // The usual hook writes to standard error itself, and waits for it.
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(%panic, "a task panicked");
    }));
    Ok(Started(()))
}

impl Drop for Started {
    fn drop(&mut self) {
        flush();
    }
}

/// Writes what is still to be written, as far as that goes in a moment.
pub(crate) fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush();
    }
}

/// How many lines were dropped since the log was started.
pub(crate) fn dropped() -> u64 {
    QUEUE.get().map_or(0, Queue::dropped)
}
