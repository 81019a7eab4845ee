//! Schedules of the steps of a cache: the steps that wait, what they wait for, and a fault.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use khabar_persistence::cache::{CacheTag, FaultInjector, Point};
use khabar_persistence::change::{EntityKind, Facet};
use khabar_tests::harness::MAX_WAIT;
use tokio::sync::watch;

/// A fault of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Changes do not invalidate what was read from this facet of this kind.
    TagForgotten(EntityKind, Option<Facet>),
    /// Changes invalidate nothing.
    ChangesSkipped,
    /// A result that was read before a change is cached after it, at this step.
    PositionIgnored(Point),
}

/// A step that waits until a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// The step.
    pub(super) point: Point,
    /// The passing at which it waits. The first is 1.
    pub(super) passing: usize,
}

/// The actions at the steps of one cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) pause: Option<Pause>,
    pub(super) fault: Option<Fault>,
}

/// The progress of a schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    is_running: bool,
    is_paused: bool,
    is_acknowledged: bool,
    /// The step of a read that was passed last.
    read_step: Option<Point>,
}

/// Hooks that carry out a schedule, from [`ScheduledSteps::begin`] on.
pub(super) struct ScheduledSteps {
    schedule: Schedule,
    progress: watch::Sender<Progress>,
    /// The steps passed since the beginning.
    passed: Mutex<Vec<Point>>,
    /// The number of times that the fault had an effect.
    faults: AtomicUsize,
}

impl ScheduledSteps {
    pub(super) fn new(schedule: Schedule) -> Arc<Self> {
        Arc::new(Self {
            schedule,
            progress: watch::Sender::default(),
            passed: Mutex::default(),
            faults: AtomicUsize::new(0),
        })
    }

    /// Begins to count passings, to pause and to inject the fault.
    pub(super) fn begin(&self) {
        self.progress
            .send_modify(|progress| progress.is_running = true);
    }

    /// Waits until a step is paused.
    pub(super) async fn paused(&self) -> anyhow::Result<()> {
        let mut progress = self.progress.subscribe();
        let paused = progress.wait_for(|progress| progress.is_paused);
        let paused = tokio::time::timeout(MAX_WAIT, paused).await;
        paused.with_context(|| format!("no step paused: {:?}", self.passed()))??;
        Ok(())
    }

    /// Reports that the write is acknowledged: the paused step goes on.
    pub(super) fn acknowledged(&self) {
        self.progress
            .send_modify(|progress| progress.is_acknowledged = true);
    }

    /// Checks that all of the schedule was carried out.
    pub(super) fn is_carried_out(&self) -> anyhow::Result<()> {
        let progress = *self.progress.borrow();
        ensure!(
            progress.is_paused == self.schedule.pause.is_some(),
            "no step paused: {:?}",
            self.passed()
        );
        let faults = self.faults.load(Ordering::Relaxed);
        ensure!(
            (faults > 0) == self.schedule.fault.is_some(),
            "the fault had no effect: {:?}",
            self.passed()
        );
        Ok(())
    }

    fn passed(&self) -> Vec<Point> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Point>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_running(&self) -> bool {
        self.progress.borrow().is_running
    }

    /// Records a passing. Returns whether the step pauses.
    fn pass(&self, point: Point) -> bool {
        let mut passed = self.lock();
        passed.push(point);
        let passing = passed.iter().filter(|passed| **passed == point).count();
        self.schedule.pause == Some(Pause { point, passing })
    }
}

impl FaultInjector for ScheduledSteps {
    fn at(&self, point: Point) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if !self.is_running() {
            return Box::pin(std::future::ready(()));
        }
        let pauses = self.pass(point);
        let progress = self.progress.clone();
        Box::pin(async move {
            if pauses {
                progress.send_modify(|progress| progress.is_paused = true);
                let mut progress = progress.subscribe();
                // An error means that the test is over.
                let _ = progress.wait_for(|progress| progress.is_acknowledged).await;
            }
            // The read of the test is the only one, so that these follow each other.
            if matches!(point, Point::Fetch | Point::Fill | Point::InsertResponse) {
                progress.send_modify(|progress| progress.read_step = Some(point));
            }
        })
    }

    fn forget(&self, tags: &mut Vec<CacheTag>) {
        let before = tags.len();
        match self.schedule.fault {
            Some(Fault::TagForgotten(kind, facet)) if self.is_running() => {
                tags.retain(|tag| (tag.entity(), tag.facet()) != (kind, facet));
            }
            Some(Fault::ChangesSkipped) if self.is_running() => tags.clear(),
            _ => {}
        }
        self.faults
            .fetch_add(before - tags.len(), Ordering::Relaxed);
    }

    fn ignores_positions(&self) -> bool {
        let step = self.progress.borrow().read_step;
        let ignores = match self.schedule.fault {
            Some(Fault::PositionIgnored(point)) => step == Some(point),
            _ => false,
        };
        self.faults
            .fetch_add(usize::from(ignores), Ordering::Relaxed);
        ignores
    }
}
