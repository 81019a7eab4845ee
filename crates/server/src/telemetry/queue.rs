//! The queue between the callers that log and the single thread that writes.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Maximum time to wait for queued lines to be written when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Delay before the writer retries a non-blocking file that accepts no bytes at the moment.
const PAUSE: Duration = Duration::from_millis(10);

/// Memory that a queued line takes in addition to its text, in bytes.
const ENTRY: usize = 64;

/// A queue of lines to be written to the log. Cheap to clone.
#[derive(Clone)]
pub(super) struct Queue {
    lines: Sender<Message>,
    counts: Arc<Counts>,
}

struct Counts {
    limit: usize,
    queued: AtomicUsize,
    dropped: AtomicU64,
}

enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

impl Queue {
    /// Starts a queue of at most `limit` bytes that writes to standard error.
    pub(super) fn start(limit: usize) -> io::Result<Self> {
        Self::to(stderr()?, limit)
    }

    fn to(out: impl Write + Send + 'static, limit: usize) -> io::Result<Self> {
        let (lines, received) = mpsc::channel();
        let counts = Arc::new(Counts {
            limit,
            queued: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        });
        let counted = Arc::clone(&counts);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(out, &received, &counted))?;
        Ok(Self { lines, counts })
    }

    /// Returns the number of lines that could not be written.
    pub(super) fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Waits up to a second until all queued lines are written.
    pub(super) fn flush(&self) {
        let (done, is_done) = mpsc::sync_channel(1);
        if self.lines.send(Message::Flush(done)).is_ok() {
            // Nothing more can be done on a timeout.
            let _ = is_done.recv_timeout(LAST_WORDS);
        }
    }

    fn push(&self, line: &[u8]) {
        let bytes = line.len() + ENTRY;
        let queued = self.counts.queued.fetch_add(bytes, Ordering::Relaxed);
        let is_room = queued.saturating_add(bytes) <= self.counts.limit;
        if !is_room || self.lines.send(Message::Line(line.to_vec())).is_err() {
            self.counts.queued.fetch_sub(bytes, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// Queues each call to `write` as one line. Never fails and never blocks.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes lines until all senders are dropped.
fn write(mut out: impl Write, lines: &Receiver<Message>, counts: &Counts) {
    let mut reported = 0;
    let mut is_broken = false;
    for message in lines {
        let line = match message {
            Message::Line(line) => line,
            Message::Flush(done) => {
                // The caller may have stopped waiting.
                let _ = done.try_send(());
                continue;
            }
        };
        // The last write may have left an incomplete line.
        let begun = if is_broken {
            all(&mut out, b"\n")
        } else {
            Ok(())
        };
        let written = begun.and_then(|()| all(&mut out, &line));
        counts
            .queued
            .fetch_sub(line.len() + ENTRY, Ordering::Relaxed);
        is_broken = written.is_err();
        if is_broken {
            counts.dropped.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let dropped = counts.dropped.load(Ordering::Relaxed);
        if dropped > reported {
            let lines = dropped - reported;
            reported = dropped;
            tracing::warn!(lines, "log_lines_dropped");
        }
    }
}

/// Writes all bytes, however few are accepted at a time.
fn all(out: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns a separate handle to standard error. The usual one is locked during each write.
#[cfg(unix)]
fn stderr() -> io::Result<File> {
    use std::os::fd::AsFd as _;
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

/// Returns a separate handle to standard error. The usual one is locked during each write.
#[cfg(windows)]
fn stderr() -> io::Result<File> {
    use std::os::windows::io::AsHandle as _;
    Ok(io::stderr().as_handle().try_clone_to_owned()?.into())
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// Accepts bytes until the disk is full.
    #[derive(Clone, Default)]
    struct FakeDisk {
        written: Arc<Mutex<Vec<u8>>>,
        is_full: Arc<Mutex<bool>>,
    }

    impl Write for FakeDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if *self.is_full.lock().unwrap_or_else(PoisonError::into_inner) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            // Accepts half of the bytes, as disks and pipes may.
            let some = bytes.len().div_ceil(2);
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.extend_from_slice(&bytes[..some]);
            Ok(some)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_cannot_be_written_are_dropped_and_counted() {
        let disk = FakeDisk::default();
        let queue = Queue::to(disk.clone(), 1_000).unwrap();
        queue.push(b"one\n");
        queue.flush();
        *disk.is_full.lock().unwrap() = true;
        queue.push(b"two\n");
        queue.push(b"three\n");
        queue.flush();
        assert_eq!(queue.dropped(), 2);
        *disk.is_full.lock().unwrap() = false;
        queue.push(b"four\n");
        queue.flush();
        let written = disk.written.lock().unwrap().clone();
        assert_eq!(String::from_utf8(written).unwrap(), "one\n\nfour\n");
    }

    #[test]
    fn logging_does_not_block_on_a_stalled_reader() {
        let disk = FakeDisk::default();
        let queue = Queue::to(disk.clone(), 1_000).unwrap();
        let stalled = disk.written.lock().unwrap();
        for _ in 0..100 {
            queue.push(&[b'x'; 100]);
        }
        // Six lines fit into the queue, and the writer may hold one more.
        assert!((93..=94).contains(&queue.dropped()), "{}", queue.dropped());
        drop(stalled);
        queue.flush();
        queue.push(b"again\n");
        queue.flush();
        assert!(disk.written.lock().unwrap().ends_with(b"again\n"));
    }
}
