//! The notifier: notifies readers waiting for the change feed that there may be new changes.
//!
//! There are three sources of notifications:
//!
//! - Each commit of this process.
//! - On PostgreSQL, a connection that listens for the notifications other processes send on commit.
//! - On SQLite, a connection that polls whether another process has written to the file.
//!
//! A notification is only a hint. Readers read the feed from their own position, and also poll
//! it from time to time without a notification.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The PostgreSQL notification channel for new changes. The payload is the last `seq`.
pub(crate) const CHANNEL: &str = "khabar_change";

/// The first delay before reconnecting after a lost connection. Each further delay is twice as
/// long. A recovering database is not flooded, and one that merely restarted is reconnected to
/// quickly.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest delay before reconnecting.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The polling interval of a waiting reader while notifications from other processes are received.
/// A connection may be dead without reporting an error.
const LOOK: Duration = Duration::from_secs(5);
/// The polling interval of a waiting reader while they are not received.
const POLL_WHEN_DISCONNECTED: Duration = Duration::from_millis(250);
/// The interval at which SQLite is polled for writes of other processes. Each poll takes a few
/// microseconds.
const ASK: Duration = Duration::from_millis(50);

/// The source of notifications from other processes.
#[derive(Debug)]
pub(crate) enum RemoteSource {
    /// A connection to this PostgreSQL primary.
    Postgres(Box<PgConnectOptions>),
    /// A SQLite database file.
    Sqlite(PathBuf),
}

/// The notifier of one database.
#[derive(Debug)]
pub(crate) struct Notifier {
    /// The highest `seq` announced by any source.
    announced: watch::Sender<i64>,
    /// The highest `seq` committed by the writers of this database handle.
    committed: AtomicI64,
    remote: Arc<RemoteSource>,
    listening: Mutex<Option<AbortHandle>>,
    connected: AtomicBool,
}

impl Notifier {
    pub(crate) fn new(remote: RemoteSource) -> Self {
        Self {
            announced: watch::Sender::new(0),
            committed: AtomicI64::new(0),
            remote: Arc::new(remote),
            listening: Mutex::default(),
            connected: AtomicBool::new(false),
        }
    }

    /// Announces that the feed reaches this `seq`. Wakes waiting readers if it is new.
    pub(crate) fn announce(&self, seq: i64) {
        self.announced.send_if_modified(|announced| {
            let more = seq > *announced;
            *announced = seq.max(*announced);
            more
        });
    }

    /// Announces that this process has committed up to this `seq`.
    pub(crate) fn notify_committed(&self, seq: i64) {
        self.committed.fetch_max(seq, Ordering::AcqRel);
        self.announce(seq);
    }

    /// Resets the announced positions to at most `head`. Changes beyond it no longer exist.
    pub(crate) fn restart(&self, head: i64) {
        self.committed.fetch_min(head, Ordering::AcqRel);
        self.announced
            .send_modify(|announced| *announced = head.min(*announced));
    }

    /// Returns the last `seq` that this process has committed, or zero before the first commit.
    pub(crate) fn committed(&self) -> i64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Subscribes to notifications from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<i64> {
        self.announced.subscribe()
    }

    /// Waits until there may be changes that are new since `subscription` was last marked as seen. Returns
    /// after the polling interval at the latest.
    pub(crate) async fn wait(self: &Arc<Self>, subscription: &mut watch::Receiver<i64>) {
        self.listen();
        let look = if self.connected.load(Ordering::Acquire) {
            LOOK
        } else {
            POLL_WHEN_DISCONNECTED
        };
        // A timeout counts as a notification. The channel cannot close while this waits.
        let _ = tokio::time::timeout(look, subscription.changed()).await;
    }

    /// Stops listening to other processes. Commits of this process are still announced.
    pub(crate) fn stop(&self) {
        let mut listening = self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = listening.take() {
            task.abort();
        }
    }

    /// Starts listening to other processes unless that is already running. It starts with the first
    /// waiting reader, because a command that only writes needs no such connection.
    fn listen(self: &Arc<Self>) {
        let mut listening = self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if listening.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let (notifier, remote) = (Arc::downgrade(self), Arc::clone(&self.remote));
        let task = tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                // Errors are not reported to readers. They poll on their own in the meantime.
                let connected_once = match remote.as_ref() {
                    RemoteSource::Postgres(options) => postgres(&notifier, options).await,
                    RemoteSource::Sqlite(file) => sqlite(&notifier, file).await,
                };
                if connected_once {
                    pause = FIRST_PAUSE;
                }
                let Some(notifier) = notifier.upgrade() else {
                    return;
                };
                notifier.set_connected(false);
                drop(notifier);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
        *listening = Some(task.abort_handle());
    }

    /// Records whether other processes are connected, and wakes all readers. Changes may have been
    /// missed in the meantime, and readers must switch to another polling interval.
    fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Release);
        self.announced.send_modify(|_| ());
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Relays the notifications of other processes until the connection is lost or the notifier is dropped.
/// Returns whether a connection was established.
async fn postgres(notifier: &Weak<Notifier>, options: &PgConnectOptions) -> bool {
    let connect = async {
        let options = options.clone().application_name("khabar: change feed");
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .acquire_timeout(LONGEST_PAUSE)
            .connect_with(options)
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    let Ok(Ok(mut listener)) = tokio::time::timeout(LONGEST_PAUSE, connect).await else {
        return false;
    };
    if let Some(notifier) = notifier.upgrade() {
        notifier.set_connected(true);
    }
    loop {
        let notified = match tokio::time::timeout(LOOK, listener.try_recv()).await {
            Ok(Ok(Some(notified))) => notified,
            Ok(_) => break,
            // No notification for a while: either there was none, or the connection is dead.
            Err(_) => {
                let lives = sqlx::query("SELECT 1").execute(&mut listener);
                match tokio::time::timeout(LOOK, lives).await {
                    Ok(Ok(_)) => continue,
                    _ => break,
                }
            }
        };
        let Some(notifier) = notifier.upgrade() else {
            break;
        };
        match notified.payload().parse() {
            Ok(seq) => notifier.announce(seq),
            // Not one of our payloads. Waking the readers does no harm.
            Err(_) => notifier.announced.send_modify(|_| ()),
        }
    }
    true
}

/// Polls the file for writes until an error occurs or the notifier is dropped. Returns whether any poll
/// succeeded.
async fn sqlite(notifier: &Weak<Notifier>, file: &PathBuf) -> bool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .busy_timeout(LONGEST_PAUSE);
    let Ok(mut connection) = options.connect().await else {
        return false;
    };
    let mut known = None;
    let mut connected_once = false;
    loop {
        // The version changes when any other connection commits, including those of this process.
        let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version")
            .fetch_one(&mut connection)
            .await;
        let Ok(version) = version else {
            return connected_once;
        };
        if known != Some(version) {
            let head = sqlx::query_scalar("SELECT seq FROM change_head WHERE id = 1")
                .fetch_one(&mut connection)
                .await;
            let Ok(head) = head else {
                return connected_once;
            };
            let Some(notifier) = notifier.upgrade() else {
                return connected_once;
            };
            if !connected_once {
                notifier.set_connected(true);
            }
            notifier.announce(head);
            (known, connected_once) = (Some(version), true);
        }
        tokio::time::sleep(ASK).await;
    }
}
