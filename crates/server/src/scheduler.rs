//! The scheduler: publishes scheduled articles on time.
//!
//! Every node runs a scheduler. The first node to see a due article publishes it, in a transaction that
//! locks the article. Other nodes skip locked articles, so each is published once. After downtime, such as
//! a restart, everything that became due in the meantime is published at once.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use khabar_domain::article::Status;
use khabar_domain::clock::Clock;
use khabar_domain::workflow::Transition;
use khabar_domain::{ArticleId, Scope};
use khabar_persistence::{Author, Db, article, editorial};

/// Maximum time to sleep between rounds. Meanwhile, any node may schedule an article for the very next
/// moment, which is then late by at most this time. A round costs one index lookup if nothing is due.
const NAP: Duration = Duration::from_millis(500);

/// The result of one round of publishing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// The articles that were published.
    pub published: Vec<ArticleId>,
    /// The articles that are due but could not be published. The log gives the reasons.
    pub failed: Vec<ArticleId>,
    /// The time at which the next article is due.
    pub next: Option<DateTime<Utc>>,
}

/// Publishes all due articles, earliest first. Each article has its own transaction, so a failure does not
/// delay the others.
pub async fn publish_due(db: &Db, clock: &dyn Clock) -> khabar_persistence::Result<Tick> {
    let mut round = Tick::default();
    loop {
        let mut writer = db
            .writer(clock.now())
            .await?
            .signed(Author::command("publish on time"));
        let limit = u16::try_from(round.failed.len() + 1).unwrap_or(u16::MAX);
        let due = editorial::due(&writer, limit).await?;
        let Some(id) = due.into_iter().find(|id| !round.failed.contains(id)) else {
            break;
        };
        let published = async {
            if let Some(locked) = article::lock(&writer, id).await? {
                locked
                    .take(&mut writer, Transition::Publish, Status::Published, None)
                    .await?;
            }
            writer.commit().await
        };
        match published.await {
            Ok(()) => {
                tracing::info!(article = %id.uuid(), "article_published");
                round.published.push(id);
            }
            Err(error) => {
                tracing::error!(article = %id.uuid(), cause = %error, "article_publishing_failed");
                round.failed.push(id);
            }
        }
    }
    let reader = db.primary(&db.reader(Scope::reader(clock.now())));
    round.next = editorial::next_due(&reader).await?;
    Ok(round)
}

/// Publishes due articles until `stop` completes. Finishes a round that is in progress.
pub async fn run(db: Db, clock: Arc<dyn Clock>, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        let next = match publish_due(&db, clock.as_ref()).await {
            Ok(round) => round.next,
            Err(error) => {
                tracing::error!(cause = %error, "scheduler_failed");
                None
            }
        };
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(nap(next, clock.now())) => {}
        }
    }
}

/// Returns the time to sleep before the next round. An overdue article that was not published is locked by
/// another node or has failed, so there is no need to retry early.
fn nap(next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    let wait = next.and_then(|next| (next - now).to_std().ok());
    wait.filter(|wait| !wait.is_zero())
        .map_or(NAP, |wait| wait.min(NAP))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_scheduler_wakes_for_the_next_article_and_polls() {
        let now = DateTime::UNIX_EPOCH;
        let soon = now + TimeDelta::milliseconds(30);
        assert_eq!(nap(Some(soon), now), Duration::from_millis(30));
        assert_eq!(nap(Some(now + TimeDelta::days(1)), now), NAP);
        assert_eq!(nap(Some(now), now), NAP);
        assert_eq!(nap(Some(now - TimeDelta::days(1)), now), NAP);
        assert_eq!(nap(None, now), NAP);
    }
}
