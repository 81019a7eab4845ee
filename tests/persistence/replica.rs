//! A replica that lags behind, with the cache in front: what it does not know yet is not kept, and
//! nobody is told it.

use std::time::Duration;

use khabar_domain::{Name, Scope, TopicId};
use khabar_persistence::{Cache, Db, Options, Reader, topic};
use khabar_tests::harness::{Newsroom, TestDb, newsroom};

/// Another database with the same newsroom stands for the replica: it never hears of what is written
/// later, and so lags for as long as the test takes.
pub(crate) async fn what_a_replica_lacks_is_read_on_the_primary(
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
        // It is kept, as read on the primary.
        assert_eq!(after.statements().is_empty(), turn > 0);
    }
    // Whoever read before the write is not told what they were told then, nor do others get it.
    assert_eq!(named(&before, changed.id).await?, renamed.name.as_str());
    // Nor is the replica read without the cache: it lacks what was written here.
    let uncached = reader(&db).uncached();
    assert_eq!(named(&uncached, changed.id).await?, renamed.name.as_str());

    // While the feed cannot be read, own writes are seen as before.
    primary
        .administer("ALTER TABLE change_head RENAME TO gone; NOTIFY khabar_change, '1000'")
        .await?;
    while db.cache().and_then(Cache::position).is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let scope = Scope::reader(newsroom::now());
    let own = db.reader_at(scope, None).await?;
    assert_eq!(named(&own, changed.id).await?, renamed.name.as_str());
    db.close().await?;
    Ok(())
}

fn reader(db: &Db) -> Reader {
    db.reader(Scope::reader(newsroom::now()))
}

async fn named(reader: &Reader, id: TopicId) -> anyhow::Result<String> {
    let key = topic::ById(id);
    let found = reader.load(&[key]).await?;
    Ok(found
        .get(&key)
        .map_or_else(String::new, |topic| topic.name.as_str().to_owned()))
}
