//! Batches are whole, and nobody is told "not found" because somebody else went away.

use std::sync::{Arc, Mutex};

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema};
use chrono::DateTime;
use khabar_domain::Scope;
use khabar_persistence::{Db, Options};
use tokio::task::yield_now;

use super::*;

/// The double of a number, after some turns of the runtime; odd numbers above 1,000 are not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Double(u64);

impl Double {
    fn is_there(self) -> bool {
        self.0 < 1_000 || self.0.is_multiple_of(2)
    }
}

impl BatchKey for Double {
    type Value = u64;

    async fn fetch(
        _: &ReadSession,
        keys: &[Self],
    ) -> khabar_persistence::Result<HashMap<Self, u64>> {
        for _ in 0..5 {
            yield_now().await;
        }
        Ok(keys
            .iter()
            .filter(|key| key.is_there())
            .map(|key| (*key, key.0 * 2))
            .collect())
    }
}

/// A [`Double`] that logs its batches. Requested by one test only, so that the log is of its requests alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Logged(u64);

/// The keys of each batch of [`Logged`], sorted, in the order in which the batches were fetched.
static LOG: Mutex<Vec<Vec<u64>>> = Mutex::new(Vec::new());

impl BatchKey for Logged {
    type Value = u64;

    async fn fetch(
        reader: &ReadSession,
        keys: &[Self],
    ) -> khabar_persistence::Result<HashMap<Self, u64>> {
        let mut batch: Vec<_> = keys.iter().map(|key| key.0).collect();
        batch.sort_unstable();
        LOG.lock().unwrap().push(batch);
        let doubles: Vec<_> = keys.iter().map(|key| Double(key.0)).collect();
        let found = Double::fetch(reader, &doubles).await?;
        Ok(found
            .into_iter()
            .map(|(key, value)| (Self(key.0), value))
            .collect())
    }
}

/// Always fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Broken(u64);

impl BatchKey for Broken {
    type Value = u64;

    async fn fetch(_: &ReadSession, _: &[Self]) -> khabar_persistence::Result<HashMap<Self, u64>> {
        Err(khabar_domain::Invalid::new("the key", "is broken").into())
    }
}

async fn loaders() -> (Arc<Loaders>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("empty.db").display());
    let db = Db::open(&Options::new(url).create()).await.unwrap();
    (
        Arc::new(Loaders::new(db.reader(Scope::reader(DateTime::UNIX_EPOCH)))),
        folder,
    )
}

#[tokio::test]
async fn siblings_are_one_batch_and_are_remembered() {
    let (loaders, _folder) = loaders().await;
    let siblings: Vec<_> = (0..400).collect();
    let loaded = join_all(siblings.iter().map(|number| loaders.one(Logged(*number))));
    for (number, value) in (0..).zip(loaded.await) {
        assert_eq!(value.unwrap(), Some(number * 2));
    }
    assert_eq!(*LOG.lock().unwrap(), std::slice::from_ref(&siblings));

    // Of these, 7 is already loaded, and 1,001 is not found.
    let some = loaders.many([Logged(7), Logged(1_001)]).await.unwrap();
    assert_eq!(some, HashMap::from([(Logged(7), 14)]));
    assert_eq!(*LOG.lock().unwrap(), [siblings, vec![1_001]]);
}

#[tokio::test]
async fn a_failure_reaches_everyone_who_asked() {
    let (loaders, _folder) = loaders().await;
    let (one, other) = futures::join!(loaders.one(Broken(1)), loaders.one(Broken(2)));
    assert!(one.is_err() && other.is_err());
    assert!(loaders.many([Broken(3)]).await.is_err());
}

/// Tasks are aborted at random while their batches are in flight, thousands of times; whoever is
/// left hears the truth. On one thread, so that each turn of the runtime is a turn of every task.
#[tokio::test]
async fn random_aborts_never_make_a_false_not_found() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let (mut aborted, mut answered) = (0, 0);
    for _ in 0..300 {
        let (loaders, _folder) = loaders().await;
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (loaders, key) = (Arc::clone(&loaders), Double(next() % 2_000));
                tokio::spawn(async move { (key, loaders.one(key).await) })
            })
            .collect();
        for _ in 0..40 {
            yield_now().await;
            if next().is_multiple_of(3) {
                let unlucky = usize::try_from(next()).unwrap_or_default() % tasks.len();
                tasks[unlucky].abort();
            }
        }
        for task in tasks {
            match task.await {
                Ok((key, answer)) => {
                    assert_eq!(
                        answer.unwrap(),
                        key.is_there().then_some(key.0 * 2),
                        "{key:?}"
                    );
                    answered += 1;
                }
                Err(error) => {
                    assert!(error.is_cancelled());
                    aborted += 1;
                }
            }
        }
    }
    assert!(
        aborted > 100 && answered > 1_000,
        "{aborted} aborted, {answered} answered"
    );
}

struct Query;

#[Object]
impl Query {
    async fn double(&self, ctx: &Context<'_>, of: u64) -> async_graphql::Result<Option<u64>> {
        Ok(ctx.data_unchecked::<Arc<Loaders>>().one(Double(of)).await?)
    }

    /// Nullable, so that its non-null child's failure ends here and takes the siblings along.
    async fn fragile(&self) -> Option<Fragile> {
        Some(Fragile)
    }
}

struct Fragile;

#[Object]
impl Fragile {
    async fn double(&self, ctx: &Context<'_>, of: u64) -> async_graphql::Result<Option<u64>> {
        Query.double(ctx, of).await
    }

    async fn fails(&self, turns: u64) -> async_graphql::Result<u64> {
        for _ in 0..turns {
            yield_now().await;
        }
        Err("failed".into())
    }
}

/// A non-null sibling fails at every possible moment of the batch that its parent's other field
/// may be driving; the fields that are left still get their values.
#[tokio::test]
async fn a_siblings_failure_leaves_the_others_their_answers() {
    let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
    for turns in 0..40 {
        let (loaders, _folder) = loaders().await;
        let query = format!(
            "{{ fragile {{ a: double(of: 1) b: double(of: 2) fails(turns: {turns}) }} c: double(of: 1) d: double(of: 4) }}"
        );
        let answer = schema
            .execute(async_graphql::Request::new(query).data(loaders))
            .await;
        assert_eq!(
            serde_json::to_string(&answer.data).unwrap(),
            r#"{"fragile":null,"c":2,"d":8}"#,
            "after {turns} turns"
        );
        assert_eq!(answer.errors.len(), 1);
    }
}
