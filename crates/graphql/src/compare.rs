//! Comparison of two texts. The work is CPU-bound, so it runs on blocking threads, a few at a time and
//! within a time limit. Whatever is not finished by then is compared more coarsely.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use khabar_domain::diff::Effort;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
use crate::limit::Limits;
use crate::object::ReadContext;

/// The limits for comparisons, shared by all requests.
pub(crate) struct DiffPool {
    /// One permit for each running comparison. There are half as many as processors, so that reads can go
    /// on meanwhile.
    places: Arc<Semaphore>,
    /// The maximum time that all comparisons of one request may take together.
    limit: Duration,
}

/// The time that the comparisons of one request have taken so far, in microseconds.
#[derive(Default)]
pub(crate) struct DiffTime(AtomicU64);

impl DiffPool {
    pub(crate) fn new(limits: &Limits) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            places: Arc::new(Semaphore::new(processors.div_ceil(2))),
            limit: Duration::from_millis(limits.diff_ms),
        }
    }
}

/// Runs a comparison within the time that the request has left.
pub(crate) async fn compare<T: Send + 'static>(
    context: &ReadContext,
    work: impl FnOnce(&mut Effort) -> T + Send + 'static,
) -> Result<(T, Effort)> {
    let (Some(comparer), taken) = context.diffs() else {
        tracing::error!("request_without_diff_pool");
        return Err(Error::unexplained());
    };
    // The permit is held until the work ends. A client that disconnects does not free it early, because the
    // work goes on.
    let place = Arc::clone(&comparer.places).acquire_owned().await;
    let place = place.map_err(|error| Error::internal(&error))?;
    let (limit, taken) = (comparer.limit, Arc::clone(taken));
    let compared = spawn_blocking(move || {
        let _place = place;
        let begun = Instant::now();
        let before = Duration::from_micros(taken.0.load(Ordering::Relaxed));
        let mut effort = Effort::until(begun + limit.saturating_sub(before));
        let found = work(&mut effort);
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        taken.0.fetch_add(took, Ordering::Relaxed);
        (found, effort)
    });
    compared.await.map_err(|error| Error::internal(&error))
}
