//! Comparing two texts: work for the processor, so it is done beside the runtime, a few at a time, and
//! for so long at most. What is not finished then is compared more coarsely.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_graphql::{Context, Data};
use khabar_domain::diff::Effort;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
use crate::limit::Limits;

/// What compares, for all requests.
pub(crate) struct Comparer {
    /// Half of the processors: reading goes on beside it.
    places: Arc<Semaphore>,
    /// How long all comparisons of one request may take together.
    limit: Duration,
}

/// The time that the comparisons of one request have taken, in microseconds.
#[derive(Default)]
pub(crate) struct Taken(AtomicU64);

impl Taken {
    /// Nothing yet, for the request of this data.
    pub(crate) fn put_into(data: &mut Data) {
        data.insert(Arc::new(Self::default()));
    }
}

impl Comparer {
    pub(crate) fn new(limits: &Limits) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            places: Arc::new(Semaphore::new(processors.div_ceil(2))),
            limit: Duration::from_millis(limits.diff_ms),
        }
    }
}

/// Compares within the time that is left to the request.
pub(crate) async fn compare<T: Send + 'static>(
    ctx: &Context<'_>,
    work: impl FnOnce(&mut Effort) -> T + Send + 'static,
) -> Result<(T, Effort)> {
    let (Some(comparer), Some(taken)) = (ctx.data_opt::<Comparer>(), ctx.data_opt::<Arc<Taken>>())
    else {
        tracing::error!("a request was executed without what compares texts");
        return Err(Error::unexplained());
    };
    // It ends with the work: a client that goes away does not make room for another one's.
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
