//! The scheduler: lets articles go out when their hour has come.
//!
//! Every node has one. Whichever sees first that something is due publishes it, by a transaction
//! in which the article is its own: others pass it by, so it goes out once. After a pause, such as
//! a restart, what became due meanwhile goes out at once.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use khabar_domain::article::Status;
use khabar_domain::clock::Clock;
use khabar_domain::workflow::Step;
use khabar_domain::{ArticleId, Scope};
use khabar_persistence::{Author, Db, article, desk};

/// How long it sleeps at most. Something may be scheduled meanwhile, by any node, for the very next
/// moment; then it is at most so much late. Looking costs one step into an index.
const NAP: Duration = Duration::from_millis(500);

/// One look at what is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// What went out.
    pub published: Vec<ArticleId>,
    /// What is due and could not go out; the log says why.
    pub failed: Vec<ArticleId>,
    /// When the next article is due.
    pub next: Option<DateTime<Utc>>,
}

/// Lets out everything that is due, the earliest first, each in a transaction of its own: one that
/// fails keeps no other back.
pub async fn publish_due(db: &Db, clock: &dyn Clock) -> khabar_persistence::Result<Round> {
    let mut round = Round::default();
    loop {
        let mut writer = db
            .writer(clock.now())
            .await?
            .signed(Author::command("publish on time"));
        let most = u16::try_from(round.failed.len() + 1).unwrap_or(u16::MAX);
        let due = desk::due(&writer, most).await?;
        let Some(id) = due.into_iter().find(|id| !round.failed.contains(id)) else {
            break;
        };
        let published = async {
            if let Some(held) = article::hold(&writer, id).await? {
                held.take(&mut writer, Step::Publish, Status::Published, None)
                    .await?;
            }
            writer.commit().await
        };
        match published.await {
            Ok(()) => {
                tracing::info!(article = %id.uuid(), "went out on time");
                round.published.push(id);
            }
            Err(error) => {
                tracing::error!(article = %id.uuid(), cause = %error, "could not go out");
                round.failed.push(id);
            }
        }
    }
    let reader = db.primary(&db.reader(Scope::reader(clock.now())));
    round.next = desk::next_due(&reader).await?;
    Ok(round)
}

/// Publishes on time until `stop` comes. A round that has begun is finished.
pub async fn run(db: Db, clock: Arc<dyn Clock>, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        let next = match publish_due(&db, clock.as_ref()).await {
            Ok(round) => round.next,
            Err(error) => {
                tracing::error!(cause = %error, "the scheduler could not look what is due");
                None
            }
        };
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(nap(next, clock.now())) => {}
        }
    }
}

/// How long there is nothing to do. What is due already and did not go out is in another's hands,
/// or broken: there is no haste to look again.
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
    fn it_wakes_for_what_is_next_and_looks_often() {
        let now = DateTime::UNIX_EPOCH;
        let soon = now + TimeDelta::milliseconds(30);
        assert_eq!(nap(Some(soon), now), Duration::from_millis(30));
        assert_eq!(nap(Some(now + TimeDelta::days(1)), now), NAP);
        assert_eq!(nap(Some(now), now), NAP);
        assert_eq!(nap(Some(now - TimeDelta::days(1)), now), NAP);
        assert_eq!(nap(None, now), NAP);
    }
}
