//! The bell: how those who wait for the change feed hear that there may be more.
//!
//! Three ring it: each commit of this process; on PostgreSQL, a connection that listens to what
//! other processes notify as they commit; on SQLite, a connection that asks whether another process
//! has written to the file. A ring is a hint and no more: whoever hears it reads the feed from their
//! own place, and looks now and then even if none is heard.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The channel on which PostgreSQL passes on that there is more, with the last `seq` as its word.
pub(crate) const CHANNEL: &str = "khabar_change";

/// How long the first pause is after a connection was lost; each is twice the one before, so that a
/// database that comes back is not stormed and one that only restarted is not waited for.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a waiting reader looks by itself while rings from elsewhere are heard: a connection may
/// be dead without having said so.
const LOOK: Duration = Duration::from_secs(5);
/// How often it looks while they are not.
const LOOK_WHILE_DEAF: Duration = Duration::from_millis(250);
/// How often SQLite is asked whether another process has written: a few microseconds each.
const ASK: Duration = Duration::from_millis(50);

/// Where other processes are heard.
#[derive(Debug)]
pub(crate) enum Elsewhere {
    /// On a connection to this primary.
    Postgres(Box<PgConnectOptions>),
    /// In this file.
    Sqlite(PathBuf),
}

/// One database's bell.
#[derive(Debug)]
pub(crate) struct Bell {
    /// The highest `seq` that anybody told of.
    heard: watch::Sender<i64>,
    /// The highest `seq` that was committed by this handle's writers.
    committed: AtomicI64,
    elsewhere: Arc<Elsewhere>,
    listening: Mutex<Option<AbortHandle>>,
    hears: AtomicBool,
}

impl Bell {
    pub(crate) fn new(elsewhere: Elsewhere) -> Self {
        Self {
            heard: watch::Sender::new(0),
            committed: AtomicI64::new(0),
            elsewhere: Arc::new(elsewhere),
            listening: Mutex::default(),
            hears: AtomicBool::new(false),
        }
    }

    /// Tells that the feed goes up to here, to those who did not know.
    pub(crate) fn ring(&self, seq: i64) {
        self.heard.send_if_modified(|heard| {
            let more = seq > *heard;
            *heard = seq.max(*heard);
            more
        });
    }

    /// Tells that this process has committed up to here.
    pub(crate) fn ring_here(&self, seq: i64) {
        self.committed.fetch_max(seq, Ordering::AcqRel);
        self.ring(seq);
    }

    /// Forgets what was heard beyond this place: it is gone.
    pub(crate) fn restart(&self, head: i64) {
        self.committed.fetch_min(head, Ordering::AcqRel);
        self.heard.send_modify(|heard| *heard = head.min(*heard));
    }

    /// The last place that this process has committed; 0 before the first.
    pub(crate) fn committed(&self) -> i64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Somebody who waits, from now on.
    pub(crate) fn hear(&self) -> watch::Receiver<i64> {
        self.heard.subscribe()
    }

    /// Waits until there may be more than when `ear` was last marked.
    pub(crate) async fn wait(self: &Arc<Self>, ear: &mut watch::Receiver<i64>) {
        self.listen();
        let look = if self.hears.load(Ordering::Acquire) {
            LOOK
        } else {
            LOOK_WHILE_DEAF
        };
        // Its end is a ring like another: the bell cannot go while this waits.
        let _ = tokio::time::timeout(look, ear.changed()).await;
    }

    /// Stops listening; what is committed here still rings.
    pub(crate) fn stop(&self) {
        let mut listening = self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = listening.take() {
            task.abort();
        }
    }

    /// Listens to other processes from now on, if that is not done already. It is not before
    /// somebody waits: a command that only writes needs no such connection.
    fn listen(self: &Arc<Self>) {
        let mut listening = self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if listening.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let (bell, elsewhere) = (Arc::downgrade(self), Arc::clone(&self.elsewhere));
        let task = tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                // What went wrong is no reader's: each looks by itself meanwhile.
                let heard_once = match elsewhere.as_ref() {
                    Elsewhere::Postgres(options) => postgres(&bell, options).await,
                    Elsewhere::Sqlite(file) => sqlite(&bell, file).await,
                };
                if heard_once {
                    pause = FIRST_PAUSE;
                }
                let Some(bell) = bell.upgrade() else { return };
                bell.says_whether_it_hears(false);
                drop(bell);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
        *listening = Some(task.abort_handle());
    }

    /// Remembers whether other processes are heard, and rings: what was written in between may have
    /// been missed, and those who wait have to look at another pace.
    fn says_whether_it_hears(&self, hears: bool) {
        self.hears.store(hears, Ordering::Release);
        self.heard.send_modify(|_| ());
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Passes on what other processes notify, until the connection is lost; whether there was one.
async fn postgres(bell: &Weak<Bell>, options: &PgConnectOptions) -> bool {
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
    if let Some(bell) = bell.upgrade() {
        bell.says_whether_it_hears(true);
    }
    loop {
        let notified = match tokio::time::timeout(LOOK, listener.try_recv()).await {
            Ok(Ok(Some(notified))) => notified,
            Ok(_) => break,
            // Nothing was said for a while: either there was nothing, or the connection is dead.
            Err(_) => {
                let lives = sqlx::query("SELECT 1").execute(&mut listener);
                match tokio::time::timeout(LOOK, lives).await {
                    Ok(Ok(_)) => continue,
                    _ => break,
                }
            }
        };
        let Some(bell) = bell.upgrade() else { break };
        match notified.payload().parse() {
            Ok(seq) => bell.ring(seq),
            // Not a word of ours; looking does no harm.
            Err(_) => bell.heard.send_modify(|_| ()),
        }
    }
    true
}

/// Asks the file over and over whether it was written, until that fails; whether it ever went well.
async fn sqlite(bell: &Weak<Bell>, file: &PathBuf) -> bool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .busy_timeout(LONGEST_PAUSE);
    let Ok(mut connection) = options.connect().await else {
        return false;
    };
    let mut known = None;
    let mut heard_once = false;
    loop {
        // It changes when any other connection commits, those of this process too.
        let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version")
            .fetch_one(&mut connection)
            .await;
        let Ok(version) = version else {
            return heard_once;
        };
        if known != Some(version) {
            let head = sqlx::query_scalar("SELECT seq FROM change_head WHERE id = 1")
                .fetch_one(&mut connection)
                .await;
            let Ok(head) = head else { return heard_once };
            let Some(bell) = bell.upgrade() else {
                return heard_once;
            };
            if !heard_once {
                bell.says_whether_it_hears(true);
            }
            bell.ring(head);
            (known, heard_once) = (Some(version), true);
        }
        tokio::time::sleep(ASK).await;
    }
}
