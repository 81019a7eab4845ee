//! Tests of a lagging replica behind the cache: its outdated data is neither cached nor returned.

use khabar_domain::{Name, Scope, TopicId};
use khabar_persistence::{Cache, Db, Options, ReadSession, topic};
use khabar_tests::harness::{Newsroom, TestDb, newsroom, until};

/// Uses another database with an identical newsroom as the replica. It never receives later writes, so
/// it lags for the whole test.
pub(crate) async fn a_lagging_replica_falls_back_to_the_primary(
    primary: &TestDb,
    replica: &TestDb,
) -> anyhow::Result<()> {
    let small = Newsroom::small()?;
    for db in [primary, replica] {
        small.save(db.db()).await?;
    }
    let options = Options {
        replicas: vec![replica.url().to_owned()],
        ..Options::new(primary.url())
    };
    let db = Db::open(&options).await?.caching(1 << 20).await?;
    let [changed, other] = [&small.topics[0], &small.topics[1]];

    let before = reader(&db);
    assert_eq!(named(&before, changed.id).await?, changed.name.as_str());

    let renamed = khabar_domain::Topic {
        name: Name::parse("اسم آخر")?,
        ..changed.clone()
    };
    let mut writer = db.writer(newsroom::now()).await?;
    topic::save(&mut writer, &renamed).await?;
    writer.commit().await?;

    for turn in 0..3 {
        let after = reader(&db);
        assert_eq!(named(&after, changed.id).await?, renamed.name.as_str());
        assert_eq!(named(&after, other.id).await?, other.name.as_str());
        // After the first turn, the values read from the primary are cached.
        assert_eq!(after.statements().is_empty(), turn > 0);
    }
    // A reader opened before the write returns the new value too, and the old value is not cached.
    assert_eq!(named(&before, changed.id).await?, renamed.name.as_str());
    // Without the cache the replica is not read either, because it lacks this node's write.
    let uncached = reader(&db).uncached();
    assert_eq!(named(&uncached, changed.id).await?, renamed.name.as_str());

    // While the change feed cannot be read, this node still sees its own writes.
    primary
        .administer("ALTER TABLE change_head RENAME TO gone; NOTIFY khabar_change, '1000'")
        .await?;
    until("the cache has lost the feed", || async {
        Ok(db.cache().and_then(Cache::position).is_none())
    })
    .await?;
    let scope = Scope::reader(newsroom::now());
    let own = db.reader_at(scope, None).await?;
    assert_eq!(named(&own, changed.id).await?, renamed.name.as_str());
    db.close().await?;
    Ok(())
}

fn reader(db: &Db) -> ReadSession {
    db.reader(Scope::reader(newsroom::now()))
}

async fn named(reader: &ReadSession, id: TopicId) -> anyhow::Result<String> {
    let key = topic::ById(id);
    let found = reader.load(&[key]).await?;
    Ok(found
        .get(&key)
        .map_or_else(String::new, |topic| topic.name.as_str().to_owned()))
}
