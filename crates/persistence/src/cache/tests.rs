//! Tests of the cache on its own: entries that it adds, refuses and invalidates.

use std::collections::HashMap;
use std::slice;
use std::time::Instant;

use chrono::DateTime;
use khabar_domain::edition::Labels;
use khabar_domain::{Direction, Edition, EditionId, Language, Name, Scope, Slug};
use uuid::Uuid;

use super::*;
use crate::feed::{Operation, Touched, Write};
use crate::reference_data::Reference;
use crate::tables::edition;
use crate::{BatchKey, Db, Options, ReadSession, Result, migration};

impl Cacheable for i64 {
    fn describe(&self, _: &mut CacheMeta) {}
}

/// A key of one article, whose result is a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct About(u128);

impl BatchKey for About {
    type Value = i64;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, value: Option<&i64>) -> Option<CacheMeta> {
        let id = Uuid::from_u128(self.0);
        let kept = CacheMeta::of(value).on(EntityKind::Article, id);
        Some(kept.part(EntityKind::Article, id, Facet::Comments))
    }

    async fn fetch(_: &ReadSession, _: &[Self]) -> Result<HashMap<Self, i64>> {
        Ok(HashMap::new())
    }
}

fn change(seq: i64, tags: impl IntoIterator<Item = CacheTag>) -> Change {
    let content = Content::Write(Write {
        at: DateTime::UNIX_EPOCH,
        entity: EntityKind::Article,
        id: Uuid::nil(),
        operation: Operation::Changed,
        touched: Touched::Tags(tags.into_iter().collect()),
    });
    Change { seq, content }
}

/// Creates a change that this version does not know.
fn unknown(seq: i64) -> Change {
    let words = vec!["weather:1".to_owned()];
    let content = Content::Unknown { words };
    Change { seq, content }
}

/// Creates a cache of at most `most` bytes, with a lease longer than any test.
fn cache_of(most: usize) -> crate::Cache {
    Cache::new(most, 0, Lease::new(Duration::from_hours(1), Instant::now()))
}

fn apply(cache: &crate::Cache, changes: &[Change]) {
    let place = changes.last().map_or(0, |last| last.seq);
    cache.0.apply(changes, place);
}

fn begin_at(cache: &crate::Cache, seq: i64) {
    cache.0.begin(Position { epoch: 1, seq });
}

fn article(id: u128) -> CacheTag {
    CacheTag::one(EntityKind::Article, Uuid::from_u128(id))
}

fn fill(view: &CacheSession<Reference>, id: u128, value: i64) {
    let key = About(id);
    let meta = key.cache_meta(Some(&value)).expect("it is cacheable");
    view.insert([(&key, Some(Arc::new(value)), meta)]);
}

fn get(cache: &crate::Cache, id: u128) -> Option<i64> {
    match cache.view()?.get::<_, i64>([About(id)].iter()).pop()? {
        Lookup::Hit(value) => value.map(|value| *value),
        Lookup::Miss => None,
    }
}

fn view(cache: &crate::Cache) -> CacheSession<Reference> {
    cache.view().expect("it is up to date")
}

#[test]
fn a_change_drops_what_was_read_from_it_and_nothing_else() {
    let cache = cache_of(1 << 20);
    (1..=3).for_each(|id| fill(&view(&cache), id, 10));
    apply(&cache, &[change(1, [article(2)])]);
    assert_eq!(
        (get(&cache, 1), get(&cache, 2), get(&cache, 3)),
        (Some(10), None, Some(10))
    );
    let list = CacheTag::part(EntityKind::Article, Uuid::from_u128(3), Facet::Comments);
    apply(&cache, &[change(2, [list])]);
    assert_eq!((get(&cache, 1), get(&cache, 3)), (Some(10), None));
    assert_eq!((cache.stats().dropped, cache.stats().entries), (2, 1));
}

#[test]
fn what_was_read_before_a_change_does_not_come_in_after_it() {
    let cache = cache_of(1 << 20);
    let before = view(&cache);
    apply(&cache, &[change(1, [article(1)])]);
    fill(&before, 1, 10);
    fill(&before, 2, 20);
    assert_eq!((get(&cache, 1), get(&cache, 2)), (None, Some(20)));
    assert_eq!(cache.stats().entities.refused, 1);
    fill(&view(&cache), 1, 11);
    assert_eq!(get(&cache, 1), Some(11));
}

#[test]
fn that_nothing_was_found_is_an_answer_too() {
    let cache = cache_of(1 << 20);
    let key = About(1);
    let meta = key.cache_meta(None).expect("it is cacheable");
    view(&cache).insert([(&key, None::<Arc<i64>>, meta)]);
    let results = view(&cache).get::<_, i64>([About(1), About(2)].iter());
    assert_eq!(results, [Lookup::Hit(None), Lookup::Miss]);
}

#[test]
fn a_view_that_is_older_than_what_is_remembered_fills_nothing() {
    let cache = cache_of(1 << 20);
    let before = view(&cache);
    let many = change(1, (100..70_000).map(article));
    apply(&cache, &[many, change(2, [article(9)])]);
    fill(&before, 1, 10);
    assert_eq!((get(&cache, 1), cache.stats().entities.refused), (None, 1));
}

#[test]
fn a_change_that_is_not_known_empties_it_and_whoever_read_before_fills_nothing() {
    let everything = Change {
        content: Content::Write(Write {
            touched: Touched::Everything,
            ..change(1, []).write().expect("a write").clone()
        }),
        ..change(1, [])
    };
    for change in [unknown(1), everything] {
        let cache = cache_of(1 << 20);
        let before = view(&cache);
        fill(&before, 1, 10);
        apply(&cache, slice::from_ref(&change));
        assert_eq!((get(&cache, 1), cache.stats().cleared), (None, 1));
        fill(&before, 2, 20);
        assert_eq!(get(&cache, 2), None, "{change:?}");
    }
}

#[test]
fn it_stays_within_its_bytes_and_what_is_asked_for_stays_longest() {
    let most = 100 * 1024;
    let cache = cache_of(most);
    fill(&view(&cache), 1, 10);
    for id in 2..2_000 {
        fill(&view(&cache), id, 10);
        assert_eq!(get(&cache, 1), Some(10), "after {id}");
        assert!(cache.stats().bytes <= most);
    }
    assert_eq!(get(&cache, 2), None);
    assert_eq!(get(&cache, 1_999), Some(10));
    // Removed entries leave nothing behind.
    apply(&cache, &[change(1, (1..2_000).map(article))]);
    assert_eq!((cache.stats().entries, cache.stats().bytes), (0, 0));
}

#[test]
fn it_is_not_asked_while_it_does_not_know_of_a_write() {
    let cache = cache_of(1 << 20);
    fill(&view(&cache), 1, 10);
    cache.0.committed.fetch_max(1, Ordering::AcqRel);
    assert!(cache.view().is_none());
    apply(&cache, &[change(1, [article(2)])]);
    assert_eq!(get(&cache, 1), Some(10));
    cache.0.lost();
    assert!(cache.view().is_none());
    cache.0.apply(&[], 1);
    assert_eq!(get(&cache, 1), Some(10));
    begin_at(&cache, 0);
    assert_eq!(get(&cache, 1), None);
}

#[test]
fn it_is_not_asked_when_its_lease_is_over() {
    let second = Duration::from_secs(1);
    let long_ago = Instant::now()
        .checked_sub(2 * second)
        .expect("a machine just started");
    let cache = crate::Cache::new(1 << 20, 0, Lease::new(second, long_ago));
    assert!(cache.view().is_none() && cache.position().is_none());
    cache.0.lease.renew(Instant::now());
    assert!(cache.view().is_some() && cache.position().is_some());
}

/// Loads empty reference data into the cache.
fn read(cache: &crate::Cache) {
    let mut contents = cache.0.write();
    let task = contents.snapshot.begin().expect("something is to be read");
    contents.snapshot.install(&task, Some(Reference::default()));
}

fn refers(cache: &crate::Cache) -> bool {
    view(cache).snapshot().is_some()
}

#[test]
fn reference_data_answers_until_something_in_it_is_written() {
    let cache = cache_of(0);
    assert!(!refers(&cache));
    read(&cache);
    let before = view(&cache);
    let id = Uuid::from_u128(7);
    let mut seq = 0;
    for (key, is_part) in [
        (article(1), false),
        (
            CacheTag::part(EntityKind::Topic, id, Facet::Articles),
            false,
        ),
        (CacheTag::part(EntityKind::Edition, id, Facet::Leads), false),
        (CacheTag::one(EntityKind::Story, id), false),
        (CacheTag::one(EntityKind::Media, id), false),
        (CacheTag::one(EntityKind::Edition, id), true),
        (
            CacheTag::part(EntityKind::Edition, id, Facet::Articles),
            true,
        ),
        (
            CacheTag::part(EntityKind::Edition, id, Facet::Sections),
            true,
        ),
        (
            CacheTag::part(EntityKind::Edition, id, Facet::Stories),
            true,
        ),
        (
            CacheTag::part(EntityKind::Edition, id, Facet::LiveChannels),
            true,
        ),
        (
            CacheTag::part(EntityKind::Edition, id, Facet::FollowChannels),
            true,
        ),
        (CacheTag::one(EntityKind::Section, id), true),
        (
            CacheTag::part(EntityKind::Section, id, Facet::Articles),
            true,
        ),
        (CacheTag::one(EntityKind::Source, id), true),
        (
            CacheTag::part(EntityKind::Source, id, Facet::Articles),
            true,
        ),
        (CacheTag::one(EntityKind::LiveChannel, id), true),
        (CacheTag::one(EntityKind::FollowChannel, id), true),
    ] {
        seq += 1;
        apply(&cache, &[change(seq, [key])]);
        assert_eq!(refers(&cache), !is_part, "{key}");
        if is_part {
            read(&cache);
        }
    }
    assert!(refers(&cache) && before.snapshot().is_some());
    apply(&cache, &[unknown(seq + 1)]);
    assert!(!refers(&cache));
    read(&cache);
    begin_at(&cache, 0);
    assert!(!refers(&cache));
}

#[test]
fn what_is_written_while_it_is_read_is_read_once_more() {
    let cache = cache_of(0);
    let section = CacheTag::one(EntityKind::Section, Uuid::from_u128(7));
    let begin = || cache.0.write().snapshot.begin().expect("is to be read");
    let install = |task| {
        let mut contents = cache.0.write();
        contents.snapshot.install(&task, Some(Reference::default()));
    };
    let first = begin();
    apply(&cache, &[change(1, [section])]);
    install(first);
    assert!(!refers(&cache));
    // Until it has been read, it is unknown whether a story or picture belongs to the reference
    // data.
    let second = begin();
    apply(
        &cache,
        &[change(
            2,
            [CacheTag::one(EntityKind::Story, Uuid::from_u128(8))],
        )],
    );
    install(second);
    assert!(refers(&cache));
    // A reload that began before the cache was restarted is discarded.
    apply(&cache, &[change(3, [section])]);
    let third = begin();
    begin_at(&cache, 1);
    install(third);
    assert!(!refers(&cache));
    let abandoned = begin();
    cache.0.write().snapshot.abandon(abandoned);
    read(&cache);
    assert!(refers(&cache));
}

/// A reload may see changes that this node has not read from the feed yet. Answering with it at
/// that time would give a state that exists at no position in the feed.
#[tokio::test]
async fn what_was_read_answers_once_the_feed_was_applied_as_far() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.db").display());
    let db = Db::open(&Options::new(url).create()).await.unwrap();
    migration::up(&db).await.unwrap();
    let cache = cache_of(0);
    let edition = Edition {
        id: EditionId::new(Uuid::from_u128(1)),
        slug: Slug::parse("ar").unwrap(),
        name: Name::parse("السنديان").unwrap(),
        language: Language::parse("ar").unwrap(),
        direction: Direction::Rtl,
        labels: Labels::default(),
        article_count: 0,
    };
    let mut writer = db.writer(DateTime::UNIX_EPOCH).await.unwrap();
    edition::save(&mut writer, &edition).await.unwrap();
    writer.commit().await.unwrap();

    let mut feed = db.feed();
    follow::refresh(&cache.0, &feed).await.unwrap();
    assert!(!refers(&cache));
    apply(&cache, &feed.next(0, 10).await.unwrap());
    follow::refresh(&cache.0, &feed).await.unwrap();
    let key = edition::ById(edition.id);
    let found = view(&cache).look_up(|reference| key.look_up(reference));
    assert_eq!(found, Lookup::Hit(Some(Arc::new(edition))));
}

/// A key of one article whose statement prefetches the result of [`About`]: ten times its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Bringing(u128);

impl BatchKey for Bringing {
    type Value = i64;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn cache_meta(&self, _: Option<&i64>) -> Option<CacheMeta> {
        None
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, i64>> {
        let number = |key: &Self| i64::try_from(10 * key.0).ok();
        reader.side_load(keys.iter().map(|key| (About(key.0), number(key))));
        Ok(HashMap::new())
    }
}

/// A key that prefetches in the same way, but whose own results may not be shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Privately(u128);

impl BatchKey for Privately {
    type Value = i64;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, i64>> {
        reader.side_load(keys.iter().map(|key| (About(key.0), Some(1))));
        Ok(HashMap::new())
    }
}

#[tokio::test]
async fn what_came_along_is_kept_once_it_is_asked_for_and_if_it_is_still_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.db").display());
    let db = Db::open(&Options::new(url).create()).await.unwrap();
    let cache = cache_of(1 << 20);
    let scope = Scope::reader(DateTime::UNIX_EPOCH);
    let reader = db.reader(scope).through(view(&cache));
    reader.load(&[Bringing(1), Bringing(2)]).await.unwrap();
    reader.load(&[Privately(3)]).await.unwrap();
    assert_eq!(cache.stats().entries, 0);

    apply(&cache, &[change(1, [article(2)])]);
    for (id, number, kept) in [(1, 10, Some(10)), (2, 20, None), (3, 1, None)] {
        // The request gets the prefetched result again, whether or not it could be cached.
        let found = reader.load(&[About(id)]).await.unwrap();
        assert_eq!(found.get(&About(id)), Some(&number));
        assert_eq!(get(&cache, id), kept, "{id}");
    }
    assert_eq!(cache.stats().entities.refused, 1);
    // After a write by this reader, prefetched results are gone.
    let found = reader.afresh().uncached().load(&[About(1)]).await.unwrap();
    assert!(found.is_empty());
}
