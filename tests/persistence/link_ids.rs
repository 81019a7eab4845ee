//! Tests of the ids that an article's row repeats from its links to people and topics, and of the people and
//! topics that a node holds in memory.

use std::slice;

use anyhow::{Context as _, ensure};
use khabar_domain::article::Status;
use khabar_domain::{Article, ArticleId, Edition, Media, Name, Person, Scope, Section, Topic};
use khabar_persistence::article::{By, Filter, List, Listed, Manuscript};
use khabar_persistence::{
    BatchKey, Bulk, Db, Includes, Page, ReadSession, Saved, Slice, archive, article, check,
    edition, media, migration, person, section, topic,
};
use khabar_tests::harness::newsroom::now;
use khabar_tests::harness::{TestDb, builders};

/// The migration that introduces the ids.
const MIGRATION: &str = "m0016_link_ids";

/// The number of rows of one kind that a node holds in memory.
const HELD: u32 = 20_000;

/// A few people and topics, whose ids are in another order than they are linked in.
struct Linked {
    edition: Edition,
    section: Section,
    people: Vec<Person>,
    topics: Vec<Topic>,
}

impl Linked {
    fn new() -> anyhow::Result<Self> {
        let edition = builders::edition("ar", "العربية", "ar")?;
        let mut people = Vec::new();
        for name in ["سلمى النجار", "كريم الشامي", "ليلى حداد"] {
            let person = builders::person(&edition, name)?;
            people.push(Person {
                portrait: Some(portrait(&person)?.id),
                ..person
            });
        }
        let topics = ["الجسور", "الأنهار", "الري"].map(|name| builders::topic(&edition, name));
        let mut topics = topics.into_iter().collect::<Result<Vec<_>, _>>()?;
        people.sort_by_key(|person| std::cmp::Reverse(person.id.uuid()));
        topics.sort_by_key(|topic| std::cmp::Reverse(topic.id.uuid()));
        Ok(Self {
            section: builders::section(&edition, "محليات", 0)?,
            edition,
            people,
            topics,
        })
    }

    /// Writes everything that articles refer to.
    async fn save(&self, db: &Db) -> anyhow::Result<()> {
        let mut writer = db.writer(now()).await?;
        edition::save(&mut writer, &self.edition).await?;
        section::save(&mut writer, &self.section).await?;
        for person in &self.people {
            media::save(&mut writer, &portrait(person)?).await?;
            person::save(&mut writer, person).await?;
        }
        for topic in &self.topics {
            topic::save(&mut writer, topic).await?;
        }
        Ok(writer.commit().await?)
    }

    /// An article by all people, on all topics.
    fn manuscript(&self, number: i64) -> anyhow::Result<Manuscript> {
        let article = builders::article(&self.edition, &format!("خبر رقم {number}"), number)?;
        Ok(Manuscript {
            authors: self.people.iter().map(|person| person.id).collect(),
            topics: self.topics.iter().map(|topic| topic.id).collect(),
            ..builders::manuscript(article, Vec::new())?
        })
    }

    fn names(&self) -> (Vec<String>, Vec<String>) {
        let people = self.people.iter().map(|person| person.name.to_string());
        let topics = self.topics.iter().map(|topic| topic.name.to_string());
        (people.collect(), topics.collect())
    }
}

fn portrait(person: &Person) -> anyhow::Result<Media> {
    Ok(builders::picture(
        person.slug.as_str(),
        person.name.as_str(),
    )?)
}

async fn write(db: &Db, manuscript: &Manuscript) -> anyhow::Result<Saved> {
    let mut writer = db.writer(now()).await?;
    let saved = article::save(&mut writer, manuscript).await?;
    writer.commit().await?;
    Ok(saved)
}

/// Returns the columns of articles that the check finds to differ from the links.
async fn differing(db: &Db) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    check::check(db, Scope::reader(now()), |row| {
        found.push((row.column.into_owned(), row.row));
    })
    .await?;
    Ok(found)
}

async fn agrees(test: &TestDb, after: &str) -> anyhow::Result<()> {
    let found = differing(test.db()).await?;
    ensure!(found.is_empty(), "{} after {after}: {found:?}", test.name());
    Ok(())
}

/// Returns the literal for a list of ids, as the database stores it.
fn list(test: &TestDb, ids: &[uuid::Uuid]) -> String {
    if test.name() == "SQLite" {
        let bytes: String = ids.iter().map(|id| id.simple().to_string()).collect();
        format!("x'{bytes}'")
    } else {
        let ids: Vec<_> = ids.iter().map(|id| format!("'{id}'")).collect();
        format!("ARRAY[{}]::uuid[]", ids.join(", "))
    }
}

/// Checks that the ids agree with the links after every kind of write, and that the check finds those that
/// do not.
pub(crate) async fn ids_repeat_the_links(test: &TestDb, restored: &TestDb) -> anyhow::Result<()> {
    let (db, linked) = (test.db(), Linked::new()?);
    linked.save(db).await?;
    let mut manuscript = linked.manuscript(1)?;
    ensure!(write(db, &manuscript).await? == Saved::Added);
    agrees(test, "adding an article").await?;
    manuscript.authors.reverse();
    manuscript.topics.truncate(1);
    ensure!(write(db, &manuscript).await? == Saved::Changed);
    agrees(test, "another order").await?;
    manuscript.article.status = Status::Withdrawn;
    manuscript.topics.clear();
    write(db, &manuscript).await?;
    agrees(test, "removing all topics").await?;

    let mut bulk = Bulk::new(db.writer(now()).await?);
    for number in 2..5 {
        bulk.add(&linked.manuscript(number)?, &[]).await?;
    }
    let without = Manuscript {
        authors: Vec::new(),
        topics: Vec::new(),
        ..linked.manuscript(5)?
    };
    bulk.add(&without, &[]).await?;
    bulk.finish().await?.commit().await?;
    agrees(test, "a bulk load").await?;

    let mut file = Vec::new();
    archive::export(db, &mut file).await?;
    ensure!(!String::from_utf8(file.clone())?.contains("author_ids"));
    archive::restore(restored.db().writer(now()).await?, &*file).await?;
    agrees(restored, "a restore").await?;

    let id = linked.manuscript(2)?.article.id.uuid();
    for column in ["author_ids", "topic_ids"] {
        let empty = list(test, &[]);
        let text = format!("UPDATE article SET {column} = {empty} WHERE headline = 'خبر رقم 2'");
        test.execute_sql(&text).await?;
        let found = differing(db).await?;
        ensure!(
            found.contains(&(column.to_owned(), id.to_string())),
            "{found:?}"
        );
    }
    ensure!(differing(db).await?.len() == 2);
    Ok(())
}

/// Checks that the migration fills in the ids of the articles that are there.
pub(crate) async fn a_migration_fills_in_the_ids(test: &TestDb) -> anyhow::Result<()> {
    let (db, linked) = (test.db(), Linked::new()?);
    linked.save(db).await?;
    let mut authored = linked.manuscript(2)?;
    authored.topics.clear();
    let mut filed = linked.manuscript(3)?;
    filed.authors.clear();
    for manuscript in [linked.manuscript(1)?, authored, filed] {
        write(db, &manuscript).await?;
    }
    let steps = migration::status(db).await?;
    let place = steps.iter().position(|step| step.name == MIGRATION);
    let back = steps.len() - place.context("no such migration")?;
    migration::down(db, u32::try_from(back)?).await?;
    migration::up(db).await?;
    agrees(test, "a migration").await
}

/// Adds a cache without entries, which holds the reference data, and waits until it has been read.
async fn holding(test: &TestDb) -> anyhow::Result<Db> {
    let db = TestDb::at(test.url().to_owned())
        .await?
        .caching_in(0)
        .await?;
    db.db().wait_for_feed().await?;
    Ok(db.db().clone())
}

/// The articles of the edition with the names of their authors and topics, as one request reads them.
struct Shown {
    articles: Vec<(ArticleId, Vec<String>, Vec<String>)>,
    portraits: usize,
    statements: Vec<&'static str>,
}

impl Shown {
    async fn by(reader: &ReadSession, edition: &Edition) -> anyhow::Result<Self> {
        let key = Listed {
            list: List::Edition(edition.id),
            filter: Filter::default(),
            by: By::Oldest,
            page: Page::first(20),
        };
        let wanted = Includes::AUTHORS
            .and(Includes::PORTRAITS)
            .and(Includes::TOPICS);
        let articles = reader.including(wanted);
        let articles = articles.load(slice::from_ref(&key)).await?;
        let articles: Vec<Article> = articles.into_values().flat_map(Slice::into_items).collect();
        let mut shown = Self {
            articles: Vec::new(),
            portraits: 0,
            statements: Vec::new(),
        };
        for article in &articles {
            let people = one(reader, person::OfArticle(article.id))
                .await?
                .unwrap_or_default();
            for portrait in people.iter().filter_map(|person| person.portrait) {
                let found = one(reader, media::ById(portrait)).await?;
                shown.portraits += usize::from(found.is_some());
            }
            let topics = one(reader, topic::OfArticle(article.id))
                .await?
                .unwrap_or_default();
            shown.articles.push((
                article.id,
                people
                    .iter()
                    .map(|person| person.name.to_string())
                    .collect(),
                topics.iter().map(|topic| topic.name.to_string()).collect(),
            ));
        }
        shown.statements = reader.statements();
        Ok(shown)
    }
}

async fn one<K: BatchKey>(reader: &ReadSession, key: K) -> anyhow::Result<Option<K::Value>> {
    Ok(reader.load(slice::from_ref(&key)).await?.remove(&key))
}

/// Checks that a page of articles with authors, portraits and topics is one statement, which reads the ids and
/// no links, and that whatever is not in memory is read from the database.
pub(crate) async fn people_and_topics_are_in_memory(test: &TestDb) -> anyhow::Result<()> {
    let linked = Linked::new()?;
    linked.save(test.db()).await?;
    for number in 1..4 {
        write(test.db(), &linked.manuscript(number)?).await?;
    }
    let db = holding(test).await?;
    let on = test.name();
    let (people, topics) = linked.names();
    let reader = || db.reader(Scope::reader(now()));
    let shown = Shown::by(&reader(), &linked.edition).await?;
    ensure!(
        shown.statements == ["article.list"],
        "{on}: {:?}",
        shown.statements
    );
    ensure!((shown.articles.len(), shown.portraits) == (3, 9), "{on}");
    for (_, authors, subjects) in &shown.articles {
        ensure!(
            (authors, subjects) == (&people, &topics),
            "{on}: {authors:?} {subjects:?}"
        );
    }
    // Without the reference data, the answer is the same.
    let fresh = Shown::by(&reader().uncached(), &linked.edition).await?;
    ensure!(
        fresh.articles == shown.articles && fresh.portraits == 9,
        "{on}"
    );
    ensure!(
        fresh.statements == ["article.list"],
        "{on}: {:?}",
        fresh.statements
    );

    // The ids decide, not the links.
    let mut ids: Vec<_> = linked
        .people
        .iter()
        .map(|person| person.id.uuid())
        .collect();
    ids.reverse();
    let set =
        |ids: String| format!("UPDATE article SET author_ids = {ids} WHERE headline = 'خبر رقم 1'");
    test.execute_sql(&set(list(test, &ids))).await?;
    let mut reversed = people.clone();
    reversed.reverse();
    let shown = Shown::by(&reader(), &linked.edition).await?;
    ensure!(
        shown.articles[0].1 == reversed,
        "{on}: {:?}",
        shown.articles[0]
    );

    // An unknown id, and a value that is no list of ids: the links are read.
    let unknown = list(test, &[ids[0], uuid::Uuid::nil()]);
    let malformed = match on {
        "SQLite" => "x'00'",
        _ => "ARRAY[NULL]::uuid[]",
    };
    for value in [unknown, malformed.to_owned()] {
        test.execute_sql(&set(value.clone())).await?;
        let shown = Shown::by(&reader(), &linked.edition).await?;
        ensure!(
            shown.articles[0].1 == people,
            "{on}, {value}: {:?}",
            shown.articles[0]
        );
        ensure!(
            shown.statements == ["article.list", "person.of_article"],
            "{on}: {:?}",
            shown.statements
        );
    }
    Ok(())
}

/// Checks that a change of a person, a portrait, a topic or the links is seen by the next request.
pub(crate) async fn changes_of_people_and_topics_are_seen(test: &TestDb) -> anyhow::Result<()> {
    let mut linked = Linked::new()?;
    linked.save(test.db()).await?;
    let mut manuscript = linked.manuscript(1)?;
    write(test.db(), &manuscript).await?;
    let db = holding(test).await?;
    // With the reference data as it is right after the write, and once it was read again.
    for (settles, suffix) in [(false, "الأولى"), (true, "الثانية")] {
        linked.people[1].name = Name::parse(&format!("كريم {suffix}"))?;
        linked.topics[0].name = Name::parse(&format!("الجسور {suffix}"))?;
        let newcomer = builders::person(&linked.edition, &format!("مراسلة {suffix}"))?;
        linked.people.push(newcomer.clone());
        manuscript.authors.push(newcomer.id);
        manuscript.authors.rotate_left(1);
        linked.people.rotate_left(1);
        let mut writer = db.writer(now()).await?;
        for person in &linked.people {
            person::save(&mut writer, person).await?;
        }
        topic::save(&mut writer, &linked.topics[0]).await?;
        article::save(&mut writer, &manuscript).await?;
        writer.commit().await?;
        if settles {
            db.wait_for_feed().await?;
        }
        let reader = db.reader(Scope::reader(now()));
        let shown = Shown::by(&reader, &linked.edition).await?;
        let (people, topics) = linked.names();
        let (_, authors, subjects) = &shown.articles[0];
        ensure!(
            (authors, subjects) == (&people, &topics),
            "{}: {authors:?}",
            test.name()
        );
        if settles {
            ensure!(
                shown.statements == ["article.list"],
                "{:?}",
                shown.statements
            );
            let key = person::ById(newcomer.id);
            ensure!(
                one(&reader, key)
                    .await?
                    .is_some_and(|found| found.article_count == 1)
            );
            ensure!(reader.statements().len() == 1, "{:?}", reader.statements());
        }
    }
    Ok(())
}

/// Checks that a newsroom with too many people still has its sections and topics in memory, and that its
/// people are then read from the database.
pub(crate) async fn too_many_people_are_left_out(test: &TestDb) -> anyhow::Result<()> {
    let linked = Linked::new()?;
    linked.save(test.db()).await?;
    write(test.db(), &linked.manuscript(1)?).await?;
    let edition = linked.edition.id.uuid();
    let (numbers, id, of) = if test.name() == "SQLite" {
        (
            format!(
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {HELD})"
            ),
            "unhex(printf('%032x', n))",
            format!("x'{}'", edition.simple()),
        )
    } else {
        (
            format!("WITH n (n) AS (SELECT generate_series(1, {HELD}))"),
            "lpad(to_hex(n), 32, '0')::uuid",
            format!("'{edition}'::uuid"),
        )
    };
    test.execute_sql(&format!(
        "{numbers} INSERT INTO person (id, edition_id, slug, name, article_count) \
         SELECT {id}, {of}, 'person-' || n, 'Person', 0 FROM n"
    ))
    .await?;
    let db = holding(test).await?;
    let reader = db.reader(Scope::reader(now()));
    let section = one(&reader, section::ById(linked.section.id)).await?;
    ensure!(section.is_some_and(|section| section.name == linked.section.name));
    let topic = one(&reader, topic::ById(linked.topics[0].id)).await?;
    ensure!(topic.is_some_and(|topic| topic.article_count == 1));
    ensure!(reader.statements().is_empty(), "{:?}", reader.statements());
    let shown = Shown::by(&reader, &linked.edition).await?;
    let (people, topics) = linked.names();
    ensure!((&shown.articles[0].1, &shown.articles[0].2) == (&people, &topics));
    ensure!((shown.portraits, shown.statements) == (3, vec!["article.list"]));
    let person = person::ById(linked.people[0].id);
    ensure!(one(&reader, person).await?.is_some());
    ensure!(reader.statements() == ["article.list", "person.by_id"]);
    Ok(())
}
