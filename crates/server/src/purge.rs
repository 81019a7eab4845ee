//! Purging: telling the caches before the server what to let go of, as soon as it was written.
//!
//! Each target is followed by a reader of the change feed of its own. What a change touches becomes
//! calls; a call that fails is tried again until it succeeds; only then the target's place moves on in
//! the database. So a restart goes on where the last call succeeded, and a change is never passed
//! over. A target whose place is gone from the feed, and one that is new, lets go of everything.
//!
//! Everything is purged twice. An answer may have been under way to the cache when it was purged, from
//! this node or from one that had not heard of the change; it would be held from then on. The second
//! time it is there, and goes. The place moves on after that.

mod call;
mod target;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use http_body_util::{BodyExt as _, Limited};
use khabar_domain::clock::Clock;
use khabar_persistence::cache::ReadingKey;
use khabar_persistence::change::{Change, Feed, Position};
use khabar_persistence::purge_place::{self, Claim, Held};
use khabar_persistence::{Db, Error};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use self::call::{Call, Span, What, calls};
pub use self::target::{Secret, Target, Targets};
use crate::graphql::surrogate::spelled;
use crate::http::{Client, client};
use crate::identity::bits;

/// How fast it is gone about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// After how long the same is purged again.
    pub again: Duration,
    /// How long to wait after the first failure of a call; after each further one twice as long.
    pub pause: Duration,
    /// How long to wait at most.
    pub longest_pause: Duration,
    /// How long a call may take.
    pub patience: Duration,
    /// For how long a process has a target to itself without saying that it goes on.
    pub claim: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            // Nearly every answer has reached the cache by then, and every node heard of the change.
            again: Duration::from_secs(5),
            pause: Duration::from_millis(200),
            // A target that is down for hours is found again within this.
            longest_pause: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            claim: Duration::from_secs(30),
        }
    }
}

/// How many changes are purged together.
const BATCH: u16 = 1_000;
/// How much of a target's answer is read: enough to use its connection again.
const MOST_ANSWER: usize = 64 * 1024;

/// What purges, until it is stopped.
pub struct Purging {
    followers: Vec<Arc<Follower>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Purging {
    /// Begins to follow the change feed for each of these targets.
    pub fn start(
        db: &Db,
        clock: &Arc<dyn Clock>,
        targets: &Targets,
        pace: Pace,
    ) -> anyhow::Result<Self> {
        let holder = Uuid::from_bytes(bits());
        let mut followers = Vec::with_capacity(targets.len());
        for (name, target) in targets {
            followers.push(Arc::new(Follower {
                name: name.clone(),
                target: target.clone(),
                holder,
                db: db.clone(),
                clock: Arc::clone(clock),
                client: client()?,
                pace,
            }));
        }
        let tasks = followers.iter().map(|follower| {
            let follower = Arc::clone(follower);
            tokio::spawn(async move { follower.run().await })
        });
        let tasks = tasks.collect();
        Ok(Self { followers, tasks })
    }

    /// Stops, wherever it is: whoever begins next goes on from the last place that was reached.
    pub async fn stop(self) {
        for task in self.tasks {
            task.abort();
            // It was stopped, which is no failure.
            let _ = task.await;
        }
        for follower in self.followers {
            if let Err(error) = follower.leave().await {
                tracing::warn!(target_name = follower.name, cause = %error, "others have to wait for this target");
            }
        }
    }
}

/// What reads the feed for one target.
struct Follower {
    name: String,
    target: Target,
    holder: Uuid,
    db: Db,
    clock: Arc<dyn Clock>,
    client: Client,
    pace: Pace,
}

/// A target that is this process's: until when it need not say that it goes on.
struct Ours {
    renew_at: Instant,
}

/// What is to be purged a second time, and where the target is then.
struct Again {
    due: Instant,
    what: What,
    span: Span,
}

/// Why a process follows no longer.
enum Ended {
    /// Another has the target.
    Others,
    /// The database failed.
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Follower {
    async fn run(&self) {
        loop {
            let Err(ended) = self.follow().await;
            if let Ended::Failed(error) = ended {
                tracing::warn!(target_name = self.name, cause = %error, "nothing is purged for now");
            }
            tokio::time::sleep(self.pace.claim / 3).await;
        }
    }

    /// Purges what was changed and what is changed from now on, for as long as the target is ours.
    async fn follow(&self) -> Result<std::convert::Infallible, Ended> {
        let (mut ours, place) = self.hold().await?;
        let mut feed = self.db.feed();
        let mut again = VecDeque::new();
        let mut sent = match place {
            Some(Position { epoch, seq }) => {
                feed = feed.in_epoch(epoch);
                seq
            }
            None => self.begin(&mut ours, &mut feed, &mut again).await?,
        };
        loop {
            let due = again.front().map(|again: &Again| again.due);
            let due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What is to be done in time comes before the feed, which may have more for ever.
                biased;
                () = tokio::time::sleep_until(ours.renew_at) => (ours, _) = self.hold().await?,
                () = due => {
                    if let Some(Again { what, span, .. }) = again.pop_front() {
                        self.purge(&mut ours, &what, span).await?;
                        self.reach(&feed, span.up_to).await?;
                    }
                }
                changes = feed.next(sent, BATCH) => match changes {
                    Ok(changes) => {
                        let span = Span {
                            after: sent,
                            up_to: changes.last().map_or(sent, |last| last.seq),
                        };
                        let what = touched(&changes);
                        self.purge(&mut ours, &what, span).await?;
                        again.push_back(self.later(what, span));
                        sent = span.up_to;
                    }
                    Err(Error::Missed { after, .. }) => {
                        tracing::warn!(target_name = self.name, after, "changes were missed: everything is purged");
                        again.clear();
                        sent = self.begin(&mut ours, &mut feed, &mut again).await?;
                    }
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    /// Purges everything, and gives the place to go on from.
    async fn begin(
        &self,
        ours: &mut Ours,
        feed: &mut Feed,
        again: &mut VecDeque<Again>,
    ) -> Result<i64, Ended> {
        // Before it is purged: what is written meanwhile is purged once more.
        let Position { epoch, seq: head } = feed.edges().await?.position();
        *feed = feed.clone().in_epoch(epoch);
        let span = Span {
            after: 0,
            up_to: head,
        };
        self.purge(ours, &What::Everything, span).await?;
        again.push_back(self.later(What::Everything, span));
        Ok(head)
    }

    fn later(&self, what: What, span: Span) -> Again {
        let due = Instant::now() + self.pace.again;
        Again { due, what, span }
    }

    /// Makes the target let go of this, however often it takes.
    async fn purge(&self, ours: &mut Ours, what: &What, span: Span) -> Result<(), Ended> {
        let calls = calls(&self.target, what, span);
        tracing::debug!(
            target_name = self.name,
            up_to = span.up_to,
            calls = calls.len(),
            "purges"
        );
        for call in calls {
            let mut pause = self.pace.pause;
            while let Err(error) = self.send(&call).await {
                let cause = format!("{error:#}");
                tracing::warn!(
                    target_name = self.name,
                    cause,
                    "a purge failed; it is tried again"
                );
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(self.pace.longest_pause);
                if Instant::now() >= ours.renew_at {
                    (*ours, _) = self.hold().await?;
                }
            }
        }
        Ok(())
    }

    async fn send(&self, call: &Call) -> anyhow::Result<()> {
        let at = self.clock.now().timestamp();
        let request = call.request(&self.target, at)?;
        let answered = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MOST_ANSWER).collect();
            // A longer answer costs a connection, and says no more than its status.
            let _ = body.await;
            ensure!(status.is_success(), "the answer's status is {status}");
            Ok(())
        };
        tokio::time::timeout(self.pace.patience, answered)
            .await
            .context("there was no answer in time")?
    }

    async fn hold(&self) -> Result<(Ours, Option<Position>), Ended> {
        let now = self.clock.now();
        let claim = TimeDelta::from_std(self.pace.claim).unwrap_or(TimeDelta::MAX);
        // Before it is asked for, so that it is never thought to last longer than it does.
        let renew_at = Instant::now() + self.pace.claim / 3;
        let writer = self.db.writer(now).await?;
        let until = now.checked_add_signed(claim).unwrap_or(now);
        let held = purge_place::hold(&writer, self.claim(), until).await?;
        writer.commit().await?;
        match held {
            Held::Ours(place) => Ok((Ours { renew_at }, place)),
            Held::Others => Err(Ended::Others),
        }
    }

    async fn reach(&self, feed: &Feed, seq: i64) -> Result<(), Ended> {
        let epoch = feed.epoch().unwrap_or_default();
        let place = Position { epoch, seq };
        let writer = self.db.writer(self.clock.now()).await?;
        let reached = purge_place::reach(&writer, self.claim(), place).await?;
        writer.commit().await?;
        if reached { Ok(()) } else { Err(Ended::Others) }
    }

    async fn leave(&self) -> Result<(), Error> {
        let writer = self.db.writer(self.clock.now()).await?;
        purge_place::leave(&writer, self.claim()).await?;
        writer.commit().await
    }

    fn claim(&self) -> Claim<'_> {
        Claim {
            target: &self.name,
            holder: self.holder,
        }
    }
}

/// What these changes touch, each once; everything where that cannot be known.
fn touched(changes: &[Change]) -> What {
    let mut keys = BTreeSet::new();
    for change in changes {
        match ReadingKey::touched_by(change) {
            Some(touched) => keys.extend(touched.into_iter().map(spelled)),
            // All of it, or what a later program writes and this one does not know.
            None => return What::Everything,
        }
    }
    What::Keys(keys.into_iter().collect())
}

/// Between half of it and one and a half, so that nodes that failed together do not come back
/// together.
fn jittered(pause: Duration) -> Duration {
    let [random] = bits::<1>();
    pause / 2 + pause * u32::from(random) / 256
}

#[cfg(test)]
mod tests {
    use khabar_persistence::change::Noun;

    use super::*;

    fn change(seq: i64, key: &str) -> Change {
        Change {
            seq,
            at: chrono::DateTime::UNIX_EPOCH,
            noun: "article".to_owned(),
            noun_id: Uuid::nil(),
            act: "changed".to_owned(),
            keys: vec![key.to_owned()],
        }
    }

    #[test]
    fn a_batch_has_each_key_once_and_what_is_not_known_is_everything() {
        let article = Noun::Article.key(Uuid::from_u128(7));
        let twice = [change(1, &article), change(2, &article)];
        let What::Keys(keys) = touched(&twice) else {
            panic!("everything");
        };
        // The article, and all articles.
        assert_eq!(keys.len(), 2, "{keys:?}");
        let strange = [change(1, &article), change(2, "podcast:7")];
        assert_eq!(touched(&strange), What::Everything);
    }

    #[test]
    fn pauses_are_spread_around_their_length() {
        let pause = Duration::from_millis(200);
        for _ in 0..100 {
            let jittered = jittered(pause);
            assert!(jittered >= pause / 2 && jittered < pause * 3 / 2);
        }
    }
}
