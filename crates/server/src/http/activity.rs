//! Activity tracking of a connection, and detection of the moment when it has been inactive too long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::settings::Settings;

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionTimeouts {
    header: Duration,
    idle: Duration,
    max_age: Duration,
    write: Duration,
}

impl From<&Settings> for ConnectionTimeouts {
    fn from(settings: &Settings) -> Self {
        Self {
            header: Duration::from_millis(settings.header_timeout_ms),
            idle: Duration::from_millis(settings.idle_timeout_ms),
            max_age: Duration::from_millis(settings.max_connection_age_ms),
            write: Duration::from_millis(settings.write_timeout_ms),
        }
    }
}

/// The activity of a connection.
pub(super) struct Activity {
    patience: ConnectionTimeouts,
    opened: Instant,
    now: Mutex<Now>,
}

struct Now {
    has_spoken: bool,
    in_flight: usize,
    /// The time since which no request has been in flight. Meaningful only if none is.
    idle_since: Instant,
    /// The time at which the connection was asked to close, if it was.
    leaving_since: Option<Instant>,
    /// The time at which the client last read from each response that it has not yet read completely.
    sending: HashMap<u64, Instant>,
    next: u64,
}

/// The reason for which a connection must close. It also determines how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CloseReason {
    /// Close gracefully, after the requests in flight: no request has arrived for too long.
    Idle,
    /// Close gracefully, after the requests in flight: the connection has reached its maximum age.
    Aged,
    /// Close immediately: no request arrived after the connection was opened.
    Silent,
    /// Close immediately: the client does not read the responses to its requests.
    Unread,
    /// Close immediately: the connection was asked to close and has not done so.
    Lingering,
}

/// A request in flight, until its response was sent or abandoned.
pub(super) struct Exchange {
    activity: Arc<Activity>,
    number: u64,
}

impl Activity {
    pub(super) fn new(patience: ConnectionTimeouts) -> Arc<Self> {
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

    /// Records the arrival of a request.
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

    /// Records that the connection was asked to close.
    pub(super) fn leave(&self) {
        self.lock().leaving_since.get_or_insert_with(Instant::now);
    }

    /// Waits until the connection must close, and returns the reason.
    pub(super) async fn over(&self) -> CloseReason {
        loop {
            match self.look(Instant::now()) {
                Ok(end) => return end,
                Err(next) => tokio::time::sleep_until(next).await,
            }
        }
    }

    /// Returns the reason to close now or, if the connection may stay open, the time of the next check.
    /// A timeout that starts in the meantime cannot expire before that time.
    fn look(&self, at: Instant) -> Result<CloseReason, Instant> {
        let now = self.lock();
        let ConnectionTimeouts {
            header,
            idle,
            max_age,
            write,
        } = self.patience;
        let stalled = now.sending.values().min().map(|last| *last + write);
        let is_idle = now.in_flight == 0;
        let rest = if !now.has_spoken {
            Some((self.opened + header, CloseReason::Silent))
        } else if let Some(since) = now.leaving_since {
            // A connection that was asked to close gets a short grace period once it is idle.
            is_idle.then_some((since.max(now.idle_since) + header, CloseReason::Lingering))
        } else if is_idle {
            Some((now.idle_since + idle, CloseReason::Idle))
        } else {
            None
        };
        let aged = now.leaving_since.is_none();
        let ends = [
            stalled.map(|due| (due, CloseReason::Unread)),
            rest,
            aged.then_some((self.opened + max_age, CloseReason::Aged)),
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
    /// Records that the response has data to read, or that the client has just read some.
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
        Activity::new(ConnectionTimeouts {
            header: SECOND * 2,
            idle: SECOND * 5,
            max_age: SECOND * 60,
            write: SECOND * 3,
        })
    }

    /// Returns how the connection closes if nothing happens from now on, and after how many seconds.
    fn end(activity: &Activity) -> (CloseReason, u64) {
        let now = Instant::now();
        let after = |seconds| now + SECOND * seconds;
        let ends = (0..1_000).find_map(|seconds| {
            let end = activity.look(after(seconds)).ok()?;
            Some((end, seconds.into()))
        });
        ends.unwrap_or_else(|| panic!("it never ends"))
    }

    #[test]
    fn silent_and_idle_connections_are_closed() {
        let activity = activity();
        assert_eq!(end(&activity), (CloseReason::Silent, 2));
        drop(activity.begin());
        assert_eq!(end(&activity), (CloseReason::Idle, 5));
        activity.leave();
        assert_eq!(end(&activity), (CloseReason::Lingering, 2));
    }

    #[test]
    fn a_client_that_stops_reading_is_disconnected() {
        let activity = activity();
        let (slow, stuck) = (activity.begin(), activity.begin());
        slow.sends();
        stuck.sends();
        assert_eq!(end(&activity), (CloseReason::Unread, 3));
        let earlier = Instant::now().checked_sub(SECOND * 2).unwrap();
        activity.lock().sending.insert(stuck.number, earlier);
        assert_eq!(end(&activity), (CloseReason::Unread, 1));
        stuck.sends();
        assert_eq!(end(&activity), (CloseReason::Unread, 3));
        drop((slow, stuck));
        assert_eq!(end(&activity), (CloseReason::Idle, 5));
    }

    #[test]
    fn a_connection_with_a_request_in_flight_is_closed_at_its_maximum_age() {
        let activity = activity();
        let exchange = activity.begin();
        assert_eq!(end(&activity), (CloseReason::Aged, 60));
        activity.leave();
        assert!(activity.look(Instant::now() + SECOND * 600).is_err());
        drop(exchange);
        assert_eq!(end(&activity), (CloseReason::Lingering, 2));
    }

    #[tokio::test]
    async fn the_next_check_is_at_the_earliest_deadline() {
        let millisecond = Duration::from_millis(1);
        let activity = Activity::new(ConnectionTimeouts {
            header: millisecond * 20,
            idle: SECOND,
            max_age: SECOND,
            write: SECOND,
        });
        assert_eq!(activity.over().await, CloseReason::Silent);
    }
}
