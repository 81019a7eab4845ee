//! Tests of the cache on its own: entries that it adds, refuses and invalidates.

use std::collections::HashMap;

use chrono::DateTime;
use khabar_domain::edition::Labels;
use khabar_domain::{Direction, Edition, EditionId, Language, Name, Scope, Slug};
use uuid::Uuid;

use super::*;
use crate::feed::{EntityKind, Facet};
use crate::reference_data::{Lookup, Reference};
use crate::tables::edition;
use crate::{BatchKey, Db, Options, ReadSession, migration};

impl Cacheable for i64 {
    fn shown(&self, _: &mut CacheMeta) {}
}

/// A key of one article, whose result is a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct About(u128);

impl BatchKey for About {
    type Value = i64;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn keep(&self, value: Option<&i64>) -> Option<CacheMeta> {
        let id = Uuid::from_u128(self.0);
        let kept = CacheMeta::of::<Self>(value).on(EntityKind::Article, id);
        Some(kept.part(EntityKind::Article, id, Facet::Comments))
    }

    async fn fetch(_: &ReadSession, _: &[Self]) -> Result<HashMap<Self, i64>> {
        Ok(HashMap::new())
    }
}

fn change(seq: i64, key: &str) -> Change {
    Change {
        seq,
        at: DateTime::UNIX_EPOCH,
        noun: "article".to_owned(),
        noun_id: Uuid::nil(),
        act: "changed".to_owned(),
        keys: vec![key.to_owned()],
    }
}

/// Creates a cache of at most `most` bytes, with a lease longer than any test.
fn cache_of(most: usize) -> Cache {
    Cache::at(most, 0, Lease::new(Duration::from_hours(1), Instant::now()))
}

fn apply(cache: &Cache, changes: &[Change]) {
    let place = changes.last().map_or(0, |last| last.seq);
    cache.0.apply(changes, place);
}

fn begin_at(cache: &Cache, seq: i64) {
    cache.0.begin(Position { epoch: 1, seq });
}

fn article(id: u128) -> String {
    EntityKind::Article.key(Uuid::from_u128(id))
}

fn fill(view: &CacheSession, id: u128, value: i64) {
    let key = About(id);
    view.fill([(&key, Some(&value))]);
}

fn get(cache: &Cache, id: u128) -> Option<i64> {
    let (found, _) = cache.view()?.get(&[About(id)]);
    found.get(&About(id)).copied()
}

fn view(cache: &Cache) -> CacheSession {
    cache.view().expect("it is up to date")
}

#[test]
fn a_change_drops_what_was_read_from_it_and_nothing_else() {
    let cache = cache_of(1 << 20);
    (1..=3).for_each(|id| fill(&view(&cache), id, 10));
    apply(&cache, &[change(1, &article(2))]);
    assert_eq!(
        (get(&cache, 1), get(&cache, 2), get(&cache, 3)),
        (Some(10), None, Some(10))
    );
    let list = EntityKind::Article.list_key(Uuid::from_u128(3), Facet::Comments);
    apply(&cache, &[change(2, &list)]);
    assert_eq!((get(&cache, 1), get(&cache, 3)), (Some(10), None));
    assert_eq!((cache.stats().dropped, cache.stats().entries), (2, 1));
}

#[test]
fn what_was_read_before_a_change_does_not_come_in_after_it() {
    let cache = cache_of(1 << 20);
    let before = view(&cache);
    apply(&cache, &[change(1, &article(1))]);
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
    view(&cache).fill([(&About(1), None)]);
    let (found, missing) = view(&cache).get(&[About(1), About(2)]);
    assert!(found.is_empty());
    assert_eq!(missing, [About(2)]);
}

#[test]
fn a_view_that_is_older_than_what_is_remembered_fills_nothing() {
    let cache = cache_of(1 << 20);
    let before = view(&cache);
    let mut many = change(1, &article(9));
    many.keys = (100..70_000).map(article).collect();
    apply(&cache, &[many, change(2, &article(9))]);
    fill(&before, 1, 10);
    assert_eq!((get(&cache, 1), cache.stats().entities.refused), (None, 1));
}

#[test]
fn a_key_that_is_not_known_empties_it_and_whoever_read_before_fills_nothing() {
    for text in [
        "weather:1",
        "article:x",
        "article",
        &format!("{}:articles:x", article(1)),
    ] {
        let cache = cache_of(1 << 20);
        let before = view(&cache);
        fill(&before, 1, 10);
        apply(&cache, &[change(1, text)]);
        assert_eq!((get(&cache, 1), cache.stats().cleared), (None, 1), "{text}");
        fill(&before, 2, 20);
        assert_eq!(get(&cache, 2), None, "{text}");
    }
}

#[test]
fn the_words_of_the_feed_are_known() {
    for text in [
        article(1),
        EntityKind::FollowChannel.key(Uuid::nil()),
        EntityKind::Edition.list_key(Uuid::nil(), Facet::LiveChannels),
    ] {
        assert!(CacheTag::read(&text).is_some(), "{text}");
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
    let keys: Vec<_> = (1..2_000).map(article).collect();
    let all = Change {
        keys,
        ..change(1, "")
    };
    apply(&cache, &[all]);
    assert_eq!((cache.stats().entries, cache.stats().bytes), (0, 0));
}

#[test]
fn it_is_not_asked_while_it_does_not_know_of_a_write() {
    let cache = cache_of(1 << 20);
    fill(&view(&cache), 1, 10);
    cache.0.committed.fetch_max(1, Ordering::AcqRel);
    assert!(cache.view().is_none());
    apply(&cache, &[change(1, &article(2))]);
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
    let cache = Cache::at(1 << 20, 0, Lease::new(second, long_ago));
    assert!(cache.view().is_none() && cache.position().is_none());
    cache.0.lease.renew(Instant::now());
    assert!(cache.view().is_some() && cache.position().is_some());
}

/// Loads empty reference data into the cache.
fn read(cache: &Cache) {
    let mut known = cache.0.write();
    let task = known.snapshot.begin().expect("something is to be read");
    known.snapshot.bring(&task, Some(Reference::default()));
}

fn refers(cache: &Cache) -> bool {
    view(cache).reference.is_some()
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
        (EntityKind::Topic.list_key(id, Facet::Articles), false),
        (EntityKind::Edition.list_key(id, Facet::Leads), false),
        (EntityKind::Story.key(id), false),
        (EntityKind::Media.key(id), false),
        (EntityKind::Edition.key(id), true),
        (EntityKind::Edition.list_key(id, Facet::Articles), true),
        (EntityKind::Edition.list_key(id, Facet::Sections), true),
        (EntityKind::Edition.list_key(id, Facet::Stories), true),
        (EntityKind::Edition.list_key(id, Facet::LiveChannels), true),
        (
            EntityKind::Edition.list_key(id, Facet::FollowChannels),
            true,
        ),
        (EntityKind::Section.key(id), true),
        (EntityKind::Section.list_key(id, Facet::Articles), true),
        (EntityKind::Source.key(id), true),
        (EntityKind::Source.list_key(id, Facet::Articles), true),
        (EntityKind::LiveChannel.key(id), true),
        (EntityKind::FollowChannel.key(id), true),
    ] {
        seq += 1;
        apply(&cache, &[change(seq, &key)]);
        assert_eq!(refers(&cache), !is_part, "{key}");
        if is_part {
            read(&cache);
        }
    }
    assert!(refers(&cache) && before.reference.is_some());
    apply(&cache, &[change(seq + 1, "weather:1")]);
    assert!(!refers(&cache));
    read(&cache);
    begin_at(&cache, 0);
    assert!(!refers(&cache));
}

#[test]
fn what_is_written_while_it_is_read_is_read_once_more() {
    let cache = cache_of(0);
    let section = EntityKind::Section.key(Uuid::from_u128(7));
    let begin = || cache.0.write().snapshot.begin().expect("is to be read");
    let bring = |task| {
        let mut known = cache.0.write();
        known.snapshot.bring(&task, Some(Reference::default()));
    };
    let first = begin();
    apply(&cache, &[change(1, &section)]);
    bring(first);
    assert!(!refers(&cache));
    // Until it has been read, it is unknown whether a story or picture belongs to the reference
    // data.
    let second = begin();
    apply(
        &cache,
        &[change(2, &EntityKind::Story.key(Uuid::from_u128(8)))],
    );
    bring(second);
    assert!(refers(&cache));
    // A reload that began before the cache was restarted is discarded.
    apply(&cache, &[change(3, &section)]);
    let third = begin();
    begin_at(&cache, 1);
    bring(third);
    assert!(!refers(&cache));
    let given_up = begin();
    cache.0.write().snapshot.give_up(given_up);
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
    snapshot::refresh(&cache.0, &feed).await.unwrap();
    assert!(!refers(&cache));
    apply(&cache, &feed.next(0, 10).await.unwrap());
    snapshot::refresh(&cache.0, &feed).await.unwrap();
    let known = view(&cache).known(&edition::ById(edition.id));
    assert_eq!(known, Lookup::Hit(Some(edition)));
}

/// A key of one article whose statement prefetches the result of [`About`]: ten times its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Bringing(u128);

impl BatchKey for Bringing {
    type Value = i64;

    fn is_cacheable(_: Scope) -> bool {
        true
    }

    fn keep(&self, _: Option<&i64>) -> Option<CacheMeta> {
        None
    }

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, i64>> {
        let number = |key: &Self| i64::try_from(10 * key.0).ok();
        reader.bring(keys.iter().map(|key| (About(key.0), number(key))));
        Ok(HashMap::new())
    }
}

/// A key that prefetches in the same way, but whose own results may not be shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Privately(u128);

impl BatchKey for Privately {
    type Value = i64;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, i64>> {
        reader.bring(keys.iter().map(|key| (About(key.0), Some(1))));
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

    apply(&cache, &[change(1, &article(2))]);
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
