//! Readers: each requests one page once a second, and checks that the response includes every write
//! that was acknowledged before the request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::load::{self, Connection};

/// Interval between the requests of a reader.
const EVERY: Duration = Duration::from_secs(1);
/// Pause before a reader whose connection failed tries again.
const PAUSE: Duration = Duration::from_millis(50);
/// The prefix of the write number in the headline of each write.
pub(super) const WRITE_PREFIX: &str = "storm-";

/// The writes that were acknowledged to the editor.
pub(super) struct AcknowledgedWrites {
    /// The last known position in the change feed.
    seq: AtomicI64,
    /// The number of the last write on each page: the front page, then the stories.
    pages: Vec<AtomicU64>,
}

impl AcknowledgedWrites {
    pub(super) fn new(stories: usize) -> Self {
        Self {
            seq: AtomicI64::new(0),
            pages: (0..=stories).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Records an acknowledged write that the front page and a story show.
    pub(super) fn written(&self, number: u64, story: usize, seq: i64) {
        for page in [0, story + 1] {
            self.pages[page].fetch_max(number, Ordering::AcqRel);
        }
        self.seq.fetch_max(seq, Ordering::AcqRel);
    }
}

/// The observations of the readers.
#[derive(Default)]
pub(super) struct ReaderStats {
    times: Vec<Duration>,
    /// Number of requests that failed or were answered with an error.
    pub(super) errors: u64,
    pub(super) first_error: Option<String>,
    /// Number of stale responses, which lack a write acknowledged before the request.
    pub(super) old: u64,
}

impl ReaderStats {
    pub(super) fn responses(&self) -> usize {
        self.times.len()
    }

    /// Returns the time within which this percentage of responses arrived.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let last = self.times.len().saturating_sub(1);
        let seq = (self.times.len() * percent / 100).min(last);
        self.times.get(seq).copied().unwrap_or_default()
    }
}

/// The running readers.
pub(super) struct Readers {
    tasks: JoinSet<()>,
    seen: Arc<Mutex<ReaderStats>>,
}

impl Readers {
    /// Starts this number of readers, distributed over the pages. Their requests are spread evenly
    /// over the interval.
    pub(super) fn start(
        address: SocketAddr,
        count: usize,
        bodies: &[String],
        truth: &Arc<AcknowledgedWrites>,
    ) -> Self {
        let seen = Arc::<Mutex<ReaderStats>>::default();
        let requests: Vec<Arc<[u8]>> = bodies
            .iter()
            .map(|body| load::post("/graphql", body).into())
            .collect();
        let mut tasks = JoinSet::new();
        let begun = tokio::time::Instant::now();
        for number in 0..count {
            // The front page has as many readers as all stories together.
            let page = if number % 2 == 0 {
                0
            } else {
                1 + (number / 2) % (requests.len() - 1)
            };
            let reader = Reader {
                address,
                page,
                request: Arc::clone(&requests[page]),
                truth: Arc::clone(truth),
                seen: Arc::clone(&seen),
            };
            let number = u32::try_from(number).unwrap_or_default();
            let first = begun + EVERY * number / u32::try_from(count).unwrap_or(1);
            tasks.spawn(reader.read(first));
        }
        Self { tasks, seen }
    }

    /// Returns the observations since the previous call.
    pub(super) fn take(&self) -> ReaderStats {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = std::mem::take(&mut *seen);
        seen.times.sort_unstable();
        seen
    }

    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

struct Reader {
    address: SocketAddr,
    page: usize,
    request: Arc<[u8]>,
    truth: Arc<AcknowledgedWrites>,
    seen: Arc<Mutex<ReaderStats>>,
}

impl Reader {
    async fn read(self, first: tokio::time::Instant) {
        let mut due = first;
        let mut connection = None;
        loop {
            tokio::time::sleep_until(due).await;
            let asked = self.ask(&mut connection, due.into_std()).await;
            if let Err(error) = asked {
                connection = None;
                self.failed(&error);
                tokio::time::sleep(PAUSE).await;
            }
            due = (due + EVERY).max(tokio::time::Instant::now());
        }
    }

    async fn ask(&self, connection: &mut Option<Connection>, due: Instant) -> anyhow::Result<()> {
        let seq = self.truth.seq.load(Ordering::Acquire);
        let number = self.truth.pages[self.page].load(Ordering::Acquire);
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(Connection::open(self.address).await?),
        };
        connection.exchange(&self.request).await?;
        let took = due.elapsed();
        let told = connection.received();
        let known = position(told).context("no Khabar-Position")?;
        anyhow::ensure!(!contains(told, b"\"errors\""), "an error in the answer");
        let is_old = known < seq || newest(told) < number;
        let mut seen = self.seen();
        seen.times.push(took);
        seen.old += u64::from(is_old);
        Ok(())
    }

    fn failed(&self, error: &anyhow::Error) {
        let mut seen = self.seen();
        seen.errors += 1;
        seen.first_error.get_or_insert_with(|| format!("{error:#}"));
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, ReaderStats> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the position in the change feed that a response reflects.
pub(super) fn position(response: &[u8]) -> Option<i64> {
    const HEADER: &[u8] = b"khabar-position: ";
    let at = response
        .windows(HEADER.len())
        .position(|here| here == HEADER)?;
    let position = response[at + HEADER.len()..]
        .split(|byte| *byte == b'\r')
        .next()?;
    let (_, seq) = std::str::from_utf8(position).ok()?.split_once('-')?;
    seq.parse().ok()
}

/// Returns the number of the last write that a response shows, or 0 if there is none.
fn newest(response: &[u8]) -> u64 {
    let mark = WRITE_PREFIX.as_bytes();
    let marks = response.windows(mark.len()).enumerate();
    marks
        .filter(|(_, here)| *here == mark)
        .map(|(at, _)| {
            let digits = response[at + mark.len()..].iter();
            let digits = digits.take_while(|byte| byte.is_ascii_digit());
            digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
        })
        .max()
        .unwrap_or_default()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|here| here == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_contents_are_parsed() {
        let response =
            b"HTTP/1.1 200 OK\r\nkhabar-position: 7-12\r\n\r\n\"storm-3\" \"storm-21\" \"storm-\"";
        assert_eq!(position(response), Some(12));
        assert_eq!(newest(response), 21);
        assert_eq!((position(b"x"), newest(b"x")), (None, 0));
    }
}
