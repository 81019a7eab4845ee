//! Activity: what happens on one connection, and when nothing has for so long that it must end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::settings::Settings;

/// How long a connection may do nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    header: Duration,
    idle: Duration,
    max_age: Duration,
    write: Duration,
}

impl From<&Settings> for Patience {
    fn from(settings: &Settings) -> Self {
        Self {
            header: Duration::from_millis(settings.header_ms),
            idle: Duration::from_millis(settings.idle_ms),
            max_age: Duration::from_millis(settings.max_age_ms),
            write: Duration::from_millis(settings.write_timeout_ms),
        }
    }
}

/// What has happened on a connection.
pub(super) struct Activity {
    patience: Patience,
    opened: Instant,
    now: Mutex<Now>,
}

struct Now {
    has_spoken: bool,
    in_flight: usize,
    /// Since when no request is in flight, if none is.
    idle_since: Instant,
    /// Since when it was asked to end, if it was.
    leaving_since: Option<Instant>,
    /// When the client last took something of each answer that it has not taken whole.
    sending: HashMap<u64, Instant>,
    next: u64,
}

/// How a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    /// Once its requests are answered: nothing was asked for long.
    Idle,
    /// Once its requests are answered: it is as old as any may be.
    Aged,
    /// At once: no request came after it was opened.
    Silent,
    /// At once: the client does not read what it asked for.
    Unread,
    /// At once: it was asked to end, and does not.
    Lingering,
}

/// One request, until its answer was sent or given up.
pub(super) struct Exchange {
    activity: Arc<Activity>,
    number: u64,
}

impl Activity {
    pub(super) fn new(patience: Patience) -> Arc<Self> {
        let opened = Instant::now();
        Arc::new(Self {
            patience,
            opened,
            now: Mutex::new(Now {
                has_spoken: false,
                in_flight: 0,
                idle_since: opened,
                leaving_since: None,
                sending: HashMap::new(),
                next: 0,
            }),
        })
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        let mut now = self.lock();
        now.has_spoken = true;
        now.in_flight += 1;
        now.next += 1;
        Exchange {
            activity: Arc::clone(self),
            number: now.next,
        }
    }

    /// The connection was asked to end.
    pub(super) fn leave(&self) {
        self.lock().leaving_since.get_or_insert_with(Instant::now);
    }

    /// Waits until the connection has to end, and tells how.
    pub(super) async fn over(&self) -> End {
        loop {
            match self.look(Instant::now()) {
                Ok(end) => return end,
                Err(next) => tokio::time::sleep_until(next).await,
            }
        }
    }

    /// How it is to end now or, if it may go on, when to look again: nothing that begins meanwhile
    /// ends sooner.
    fn look(&self, at: Instant) -> Result<End, Instant> {
        let now = self.lock();
        let Patience {
            header,
            idle,
            max_age,
            write,
        } = self.patience;
        let stalled = now.sending.values().min().map(|last| *last + write);
        let is_idle = now.in_flight == 0;
        let rest = if !now.has_spoken {
            Some((self.opened + header, End::Silent))
        } else if let Some(since) = now.leaving_since {
            // Who is asked to end needs a moment, and no more when nothing is under way.
            is_idle.then_some((since.max(now.idle_since) + header, End::Lingering))
        } else if is_idle {
            Some((now.idle_since + idle, End::Idle))
        } else {
            None
        };
        let aged = now.leaving_since.is_none();
        let ends = [
            stalled.map(|due| (due, End::Unread)),
            rest,
            aged.then_some((self.opened + max_age, End::Aged)),
        ];
        let first = ends.into_iter().flatten().min_by_key(|(due, _)| *due);
        match first {
            Some((due, end)) if due <= at => Ok(end),
            first => {
                let soonest = at + write.min(idle).min(header);
                Err(first.map_or(soonest, |(due, _)| due.min(soonest)))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// The client has something to take, or has just taken some of it.
    pub(super) fn sends(&self) {
        let mut now = self.activity.lock();
        now.sending.insert(self.number, Instant::now());
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut now = self.activity.lock();
        now.sending.remove(&self.number);
        now.in_flight -= 1;
        if now.in_flight == 0 {
            now.idle_since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn activity() -> Arc<Activity> {
        Activity::new(Patience {
            header: SECOND * 2,
            idle: SECOND * 5,
            max_age: SECOND * 60,
            write: SECOND * 3,
        })
    }

    /// How it ends when nothing happens from now on, and after how many seconds.
    fn end(activity: &Activity) -> (End, u64) {
        let now = Instant::now();
        let after = |seconds| now + SECOND * seconds;
        let ends = (0..1_000).find_map(|seconds| {
            let end = activity.look(after(seconds)).ok()?;
            Some((end, seconds.into()))
        });
        ends.unwrap_or_else(|| panic!("it never ends"))
    }

    #[test]
    fn silence_and_idleness_end_it() {
        let activity = activity();
        assert_eq!(end(&activity), (End::Silent, 2));
        drop(activity.begin());
        assert_eq!(end(&activity), (End::Idle, 5));
        activity.leave();
        assert_eq!(end(&activity), (End::Lingering, 2));
    }

    #[test]
    fn a_client_that_does_not_read_is_cut_off_and_one_that_does_is_not() {
        let activity = activity();
        let (slow, stuck) = (activity.begin(), activity.begin());
        slow.sends();
        stuck.sends();
        assert_eq!(end(&activity), (End::Unread, 3));
        let earlier = Instant::now().checked_sub(SECOND * 2).unwrap();
        activity.lock().sending.insert(stuck.number, earlier);
        assert_eq!(end(&activity), (End::Unread, 1));
        stuck.sends();
        assert_eq!(end(&activity), (End::Unread, 3));
        drop((slow, stuck));
        assert_eq!(end(&activity), (End::Idle, 5));
    }

    #[test]
    fn a_request_in_flight_keeps_it_until_it_is_too_old() {
        let activity = activity();
        let exchange = activity.begin();
        assert_eq!(end(&activity), (End::Aged, 60));
        activity.leave();
        assert!(activity.look(Instant::now() + SECOND * 600).is_err());
        drop(exchange);
        assert_eq!(end(&activity), (End::Lingering, 2));
    }

    #[tokio::test]
    async fn it_is_looked_at_when_it_may_be_over() {
        let millisecond = Duration::from_millis(1);
        let activity = Activity::new(Patience {
            header: millisecond * 20,
            idle: SECOND,
            max_age: SECOND,
            write: SECOND,
        });
        assert_eq!(activity.over().await, End::Silent);
    }
}
