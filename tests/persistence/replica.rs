//! Tests of a lagging replica behind the cache: its outdated data is neither cached nor returned.

use anyhow::Context as _;
use khabar_domain::article::Status;
use khabar_domain::{ArticleId, Headline, Scope};
use khabar_persistence::article::Manuscript;
use khabar_persistence::{Cache, Db, Options, ReadSession, article};
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
    let published = |one: &&Manuscript| one.article.status == Status::Published;
    let mut articles = small.manuscripts.iter().filter(published);
    let mut changed = articles.next().context("no article")?.clone();
    let other = &articles.next().context("one article only")?.article;

    let before = reader(&db);
    let id = changed.article.id;
    assert_eq!(
        headline(&before, id).await?,
        changed.article.headline.as_str()
    );

    let renamed = "عنوان آخر";
    changed.article.headline = Headline::parse(renamed)?;
    let mut writer = db.writer(newsroom::now()).await?;
    article::save(&mut writer, &changed).await?;
    writer.commit().await?;

    for turn in 0..3 {
        let after = reader(&db);
        assert_eq!(headline(&after, id).await?, renamed);
        assert_eq!(headline(&after, other.id).await?, other.headline.as_str());
        // After the first turn, the values read from the primary are cached.
        assert_eq!(after.statements().is_empty(), turn > 0);
    }
    // A reader opened before the write returns the new value too, and the old value is not cached.
    assert_eq!(headline(&before, id).await?, renamed);
    // Without the cache the replica is not read either, because it lacks this node's write.
    let uncached = reader(&db).uncached();
    assert_eq!(headline(&uncached, id).await?, renamed);

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
    assert_eq!(headline(&own, id).await?, renamed);
    db.close().await?;
    Ok(())
}

fn reader(db: &Db) -> ReadSession {
    db.reader(Scope::reader(newsroom::now()))
}

async fn headline(reader: &ReadSession, id: ArticleId) -> anyhow::Result<String> {
    let key = article::ById(id);
    let found = reader.load(&[key]).await?;
    Ok(found
        .get(&key)
        .map_or_else(String::new, |found| found.headline.as_str().to_owned()))
}
