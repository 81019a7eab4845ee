//! Purging: invalidating responses in the caches in front of the server as soon as content changes.
//!
//! Each target has its own reader of the change feed. Changes are translated into calls to the target.
//! A failed call is retried until it succeeds, and only then does the target's position in the database
//! advance. After a restart, purging resumes from the stored position, so no change is skipped. A new
//! target, and one whose position is no longer in the feed, is purged entirely.
//!
//! Every purge is sent twice. During the first one, an outdated response may be in flight to the cache,
//! from this node or from one that has not seen the change yet. The cache would then store it. The second
//! purge removes it, and the position advances after that.

mod requests;
mod target;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use http_body_util::{BodyExt as _, Limited};
use khabar_domain::clock::Clock;
use khabar_persistence::Db;
use khabar_persistence::change::Change;
use tokio::task::JoinHandle;

use self::requests::{PurgeRequest, PurgeScope, calls};
pub use self::target::{Secret, Target, Targets};
use crate::feed_consumer::{Batch, Consumer, Handler, RetryPolicy, SeqRange};
use crate::graphql::surrogate::spelled;
use crate::http::{Client, client};

/// The timing of purges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// When purges are retried and repeated.
    pub retry: RetryPolicy,
    /// The time-out of a call.
    pub call_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            retry: RetryPolicy {
                // By then, nearly every response has reached the cache, and every node has seen the
                // change.
                again: Some(Duration::from_secs(5)),
                pause: Duration::from_millis(200),
                // Once a target recovers from an outage of hours, it is called again within about this
                // time.
                longest_pause: Duration::from_secs(30),
                lease: Duration::from_secs(30),
            },
            call_timeout: Duration::from_secs(10),
        }
    }
}

/// Maximum number of bytes read from a target's response: enough to reuse the connection.
const MOST_ANSWER: usize = 64 * 1024;

/// The running purge tasks, one for each target.
pub struct Purging {
    consumers: Vec<Arc<Consumer<Purger>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Purging {
    /// Starts to follow the change feed for each of the targets.
    pub fn start(
        db: &Db,
        clock: &Arc<dyn Clock>,
        targets: &Targets,
        timing: Timing,
    ) -> anyhow::Result<Self> {
        let mut consumers = Vec::with_capacity(targets.len());
        for (name, target) in targets {
            let purger = Purger {
                target: target.clone(),
                clock: Arc::clone(clock),
                client: client()?,
                timeout: timing.call_timeout,
            };
            let clock = Arc::clone(clock);
            let consumer = Consumer::new(name, purger, db.clone(), clock, timing.retry);
            consumers.push(Arc::new(consumer));
        }
        let tasks = consumers.iter().map(|consumer| {
            let consumer = Arc::clone(consumer);
            tokio::spawn(async move { match consumer.run().await {} })
        });
        let tasks = tasks.collect();
        Ok(Self { consumers, tasks })
    }

    /// Stops at once and releases the targets. The next process resumes from the last checkpoint.
    pub async fn stop(self) {
        for task in self.tasks {
            task.abort();
            // An aborted task is not a failure.
            let _ = task.await;
        }
        for consumer in self.consumers {
            if let Err(error) = consumer.release().await {
                tracing::warn!(consumer = consumer.name(), cause = %error, "consumer_lease_not_released");
            }
        }
    }
}

/// The handler that calls one target.
struct Purger {
    target: Target,
    clock: Arc<dyn Clock>,
    client: Client,
    timeout: Duration,
}

impl Handler for Purger {
    type Task = PurgeRequest;

    fn tasks(&self, batch: Batch<'_>, range: SeqRange) -> Vec<PurgeRequest> {
        let scope = match batch {
            Batch::Changes(changes) => touched(changes),
            Batch::Everything => PurgeScope::Everything,
        };
        calls(&self.target, &scope, range)
    }

    async fn run(&self, call: &PurgeRequest) -> anyhow::Result<()> {
        let at = self.clock.now().timestamp();
        let request = call.request(&self.target, at)?;
        let answered = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MOST_ANSWER).collect();
            // A longer body costs a connection, and adds nothing to the status.
            let _ = body.await;
            ensure!(status.is_success(), "the answer's status is {status}");
            Ok(())
        };
        tokio::time::timeout(self.timeout, answered)
            .await
            .context("the request timed out")?
    }
}

/// Returns the distinct keys that the changes touch, or everything if the keys cannot be determined.
fn touched(changes: &[Change]) -> PurgeScope {
    let mut keys = BTreeSet::new();
    for change in changes {
        match change.tags() {
            Some(touched) => keys.extend(touched.into_iter().map(spelled)),
            // The change touches everything, or a later version wrote a key that this version does not know.
            None => return PurgeScope::Everything,
        }
    }
    PurgeScope::Keys(keys.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use khabar_persistence::cache::CacheTag;
    use khabar_persistence::change::{Content, EntityKind, Operation, Touched, Write};

    use super::*;

    fn change(seq: i64, touched: Touched) -> Change {
        let content = Content::Write(Write {
            at: chrono::DateTime::UNIX_EPOCH,
            entity: EntityKind::Article,
            id: uuid::Uuid::nil(),
            operation: Operation::Changed,
            touched,
        });
        Change { seq, content }
    }

    #[test]
    fn a_batch_has_unique_keys_and_unknown_changes_purge_everything() {
        let tag = CacheTag::one(EntityKind::Article, uuid::Uuid::from_u128(7));
        let article = || Touched::Tags(vec![tag]);
        let twice = [change(1, article()), change(2, article())];
        let PurgeScope::Keys(keys) = touched(&twice) else {
            panic!("everything");
        };
        // The key of the article, and the key of all articles.
        assert_eq!(keys.len(), 2, "{keys:?}");
        let words = vec!["podcast:7".to_owned()];
        let content = Content::Unknown { words };
        let strange = [change(1, article()), Change { seq: 2, content }];
        assert_eq!(touched(&strange), PurgeScope::Everything);
        let all = [change(1, article()), change(2, Touched::Everything)];
        assert_eq!(touched(&all), PurgeScope::Everything);
    }
}
