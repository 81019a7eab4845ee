//! Tests of a small newsroom: data is written, read back, counted and paged.

use anyhow::Context as _;
use chrono::{DateTime, Duration, Utc};
use khabar_domain::comment::{Status, Text};
use khabar_domain::{
    Article, Block, Comment, CommentId, Edition, Name, Scope, Slug, Source, SourceId, Story, WebUrl,
};
use khabar_persistence::article::{By, Filter, List, Listed, Manuscript};
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Write};
use khabar_persistence::{
    BatchKey, Db, Page, Saved, article, change, comment, edition, migration, source, story,
};
use khabar_tests::harness::{TestDb, builders};

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

fn edition() -> Edition {
    builders::edition("ar", "العربية", "ar").unwrap()
}

fn story() -> Story {
    Story {
        reported_article_count: Some(41),
        active_at: noon(),
        ..builders::story(&edition(), "ميناء الشمال").unwrap()
    }
}

fn manuscript(number: i64) -> Manuscript {
    let article = builders::article(&edition(), &format!("خبر رقم {number}"), 0).unwrap();
    let at = noon() + Duration::minutes(number);
    let article = Article {
        listed_at: at,
        published_at: Some(at),
        ..article
    };
    let text = format!("نص الخبر {number}");
    Manuscript {
        stories: vec![story().id],
        ..builders::manuscript(article, vec![Block::paragraph(&text)]).unwrap()
    }
}

/// URLs stored by an older version that differ only in the case of a percent-escape become one URL.
pub(crate) async fn addresses_are_normalized(test: &TestDb) -> anyhow::Result<()> {
    let db = test.db();
    let mut writer = db.writer(noon()).await?;
    edition::save(&mut writer, &edition()).await?;
    story::save(&mut writer, &story()).await?;
    let manuscripts: Vec<_> = (0..3).map(manuscript).collect();
    for manuscript in &manuscripts {
        article::save(&mut writer, manuscript).await?;
    }
    writer.commit().await?;
    // Before the migration that normalizes addresses.
    let steps = migration::status(db).await?;
    let place = steps
        .iter()
        .position(|step| step.name == "m0012_reserved_names");
    let back = steps.len() - place.context("no such migration")?;
    migration::down(db, u32::try_from(back)?).await?;
    // After normalization the second and third URLs are equal.
    for (manuscript, escape) in manuscripts.iter().zip(["%d9%85", "%d9%86", "%D9%86"]) {
        let headline = &manuscript.article.headline;
        test.execute_sql(&format!(
            "UPDATE article SET canonical_url = 'https://akhbar.example/{escape}' \
             WHERE headline = '{}'",
            headline.as_str()
        ))
        .await?;
    }
    migration::up(db).await?;
    let reader = db.reader(Scope::reader(noon() + Duration::days(1)));
    let of = |escape: &str| WebUrl::parse(&format!("https://akhbar.example/{escape}"));
    for (escape, number) in [("%d9%85", 0), ("%D9%85", 0), ("%d9%86", 2), ("%D9%86", 2)] {
        let key = article::ByUrl(of(escape)?);
        let found = article::ByUrl::fetch(&reader, std::slice::from_ref(&key)).await?;
        let found = found.get(&key).map(|found| found.id);
        let wanted: &Manuscript = &manuscripts[number];
        assert_eq!(found, Some(wanted.article.id), "{escape}");
    }
    Ok(())
}

/// Writes articles, reads them back, counts and pages them. Writing them again changes nothing.
pub(crate) async fn articles_are_counted_and_paged(db: &Db) {
    let (edition, story) = (edition(), story());
    for turn in [Saved::Added, Saved::Unchanged] {
        let mut writer = db.writer(noon()).await.unwrap();
        assert_eq!(edition::save(&mut writer, &edition).await.unwrap(), turn);
        assert_eq!(story::save(&mut writer, &story).await.unwrap(), turn);
        for number in 0..25 {
            let manuscript = manuscript(number);
            assert_eq!(article::save(&mut writer, &manuscript).await.unwrap(), turn);
        }
        writer.commit().await.unwrap();
    }
    let mut draft = manuscript(7);
    draft.article.status = khabar_domain::article::Status::Withdrawn;
    let mut writer = db.writer(noon()).await.unwrap();
    assert_eq!(
        article::save(&mut writer, &draft).await.unwrap(),
        Saved::Changed
    );
    writer.commit().await.unwrap();

    let reader = db.reader(Scope::reader(noon()));
    let found = story::ById::fetch(&reader, &[story::ById(story.id)])
        .await
        .unwrap();
    let found = &found[&story::ById(story.id)];
    assert_eq!(
        (found.article_count, found.reported_article_count),
        (24, Some(41))
    );
    assert_eq!(found.last_article_at, Some(noon() + Duration::minutes(24)));

    let listed = |page| Listed {
        list: List::Story(story.id),
        filter: Filter::default(),
        by: By::Newest,
        page,
    };
    let first = listed(Page::first(10));
    let slices = Listed::fetch(&reader, std::slice::from_ref(&first))
        .await
        .unwrap();
    let slice = &slices[&first];
    assert!(slice.has_next && !slice.has_previous);
    assert_eq!(slice.items.len(), 10);
    assert_eq!(slice.items[0].1.headline.as_str(), "خبر رقم 24");
    let after = listed(Page::parse(Some(100), Some(slice.items[9].0), None, None).unwrap());
    let rest = Listed::fetch(&reader, std::slice::from_ref(&after))
        .await
        .unwrap();
    assert_eq!(rest[&after].items.len(), 14);
    assert!(!rest[&after].has_next && rest[&after].has_previous);
    let last = listed(Page::parse(None, None, Some(3), None).unwrap());
    let end = Listed::fetch(&reader, std::slice::from_ref(&last))
        .await
        .unwrap();
    let headlines: Vec<_> = end[&last]
        .items
        .iter()
        .map(|(_, a)| a.headline.as_str().to_owned())
        .collect();
    assert_eq!(headlines, ["خبر رقم 2", "خبر رقم 1", "خبر رقم 0"]);
}

/// Reverts all migrations, applies them again, and checks that the database works.
pub(crate) async fn migrations_are_reversible(db: &Db) {
    assert!(
        migration::status(db)
            .await
            .unwrap()
            .iter()
            .all(|step| step.state == migration::State::Applied)
    );
    let steps = migration::status(db).await.unwrap().len();
    migration::down(db, u32::try_from(steps).unwrap())
        .await
        .unwrap();
    assert!(
        migration::status(db)
            .await
            .unwrap()
            .iter()
            .all(|step| step.state == migration::State::Pending)
    );
    migration::up(db).await.unwrap();
    articles_are_counted_and_paged(db).await;
}

/// Checks that a comment counts only while readers can see it.
pub(crate) async fn comments_are_counted(db: &Db) {
    let (edition, story, manuscript) = (edition(), story(), manuscript(1));
    let comment = |number: u32, parent: Option<CommentId>, status| Comment {
        id: CommentId::new(uuid::Uuid::from_u128(number.into())),
        article: manuscript.article.id,
        parent,
        account: None,
        author_name: Name::parse("قارئة").unwrap(),
        text: Text::parse("تعليق").unwrap(),
        status,
        reason: None,
        posted_at: noon() + Duration::minutes(number.into()),
        edited_at: None,
        reply_count: 0,
        report_count: 0,
        is_staff: false,
    };
    let first = comment(1, None, Status::Approved);
    let reply = comment(2, Some(first.id), Status::Approved);
    let waiting = comment(3, None, Status::Pending);
    let mut writer = db.writer(noon()).await.unwrap();
    edition::save(&mut writer, &edition).await.unwrap();
    story::save(&mut writer, &story).await.unwrap();
    article::save(&mut writer, &manuscript).await.unwrap();
    for comment in [&first, &reply, &waiting] {
        assert_eq!(
            comment::save(&mut writer, comment).await.unwrap(),
            Saved::Added
        );
        assert_eq!(
            comment::save(&mut writer, comment).await.unwrap(),
            Saved::Unchanged
        );
    }
    writer.commit().await.unwrap();
    assert_eq!(counts(db, &manuscript, first.id).await, (2, 1, 1));

    let hidden = Comment {
        status: Status::Hidden,
        ..reply
    };
    let mut writer = db.writer(noon()).await.unwrap();
    assert_eq!(
        comment::save(&mut writer, &hidden).await.unwrap(),
        Saved::Changed
    );
    writer.commit().await.unwrap();
    assert_eq!(counts(db, &manuscript, first.id).await, (1, 0, 1));

    let mut writer = db.writer(noon()).await.unwrap();
    let stray = Comment {
        id: CommentId::new(uuid::Uuid::from_u128(9)),
        parent: Some(CommentId::new(uuid::Uuid::nil())),
        ..hidden.clone()
    };
    let refused = comment::save(&mut writer, &stray).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the comment answers one that is not under the same article"
    );

    // A comment cannot answer itself, whether it is new or already stored. The parent of a stored
    // comment never changes, so it cannot answer its own reply either.
    for id in [stray.id, first.id] {
        let circle = Comment {
            id,
            parent: Some(id),
            ..first.clone()
        };
        let refused = comment::save(&mut writer, &circle).await.unwrap_err();
        assert_eq!(refused.to_string(), "the comment answers itself");
    }
    let circle = Comment {
        parent: Some(hidden.id),
        ..first.clone()
    };
    comment::save(&mut writer, &circle).await.unwrap();
    writer.commit().await.unwrap();
    let reader = db.reader(Scope::reader(noon()));
    let key = comment::ById(first.id);
    let found = comment::ById::fetch(&reader, &[key]).await.unwrap();
    assert_eq!(found[&key].parent, None);
}

/// Returns the article's comment count, the first comment's reply count, and the number of threads in
/// the list that readers page through.
async fn counts(db: &Db, manuscript: &Manuscript, first: CommentId) -> (i64, i64, usize) {
    let reader = db.reader(Scope::reader(noon()));
    let article = article::ById(manuscript.article.id);
    let articles = article::ById::fetch(&reader, &[article]).await.unwrap();
    let comments = comment::ById::fetch(&reader, &[comment::ById(first)])
        .await
        .unwrap();
    let threads = comment::OfArticle {
        article: manuscript.article.id,
        by: comment::By::Oldest,
        page: Page::first(9),
    };
    let pages = comment::OfArticle::fetch(&reader, &[threads])
        .await
        .unwrap();
    (
        articles[&article].comment_count,
        comments[&comment::ById(first)].reply_count,
        pages[&threads].items.len(),
    )
}

/// Checks that the change feed is ordered without gaps, and that an uncommitted write leaves no row in
/// it.
pub(crate) async fn the_change_feed_is_dense(db: &Db) {
    let edition = edition();
    let writes = (0..8_u128).map(|number| {
        let edition = edition.clone();
        async move {
            let mut writer = db.writer(noon()).await.unwrap();
            if number == 0 {
                edition::save(&mut writer, &edition).await.unwrap();
            }
            let source = Source {
                id: SourceId::new(uuid::Uuid::from_u128(number + 1)),
                edition: edition.id,
                kind: None,
                slug: Slug::parse(&format!("source-{number}")).unwrap(),
                name: Name::parse("وكالة").unwrap(),
                url: None,
                article_count: 0,
            };
            if number > 0 {
                source::save(&mut writer, &source).await.unwrap();
            }
            if number == 5 {
                drop(writer);
            } else {
                writer.commit().await.unwrap();
            }
        }
    });
    let mut writes = writes.collect::<Vec<_>>().into_iter();
    // The edition is written first, because the others refer to it. The others are written
    // concurrently.
    writes.next().unwrap().await;
    futures::future::join_all(writes).await;
    let changes = change::after(&db.reader(Scope::reader(noon())), 0, 100)
        .await
        .unwrap();
    assert_eq!(
        changes.iter().map(|change| change.seq).collect::<Vec<_>>(),
        (1..=7).collect::<Vec<_>>()
    );
    let tags = changes[0].write().map(Write::tags);
    let tag = CacheTag::one(EntityKind::Edition, edition.id);
    assert_eq!(tags, Some(&[tag][..]));
}

/// Writes and commits an edition.
pub(crate) async fn an_edition_is_written(db: &Db) {
    let mut writer = db.writer(noon()).await.unwrap();
    edition::save(&mut writer, &edition()).await.unwrap();
    writer.commit().await.unwrap();
}

/// Whether the edition written by [`an_edition_is_written`] is found.
pub(crate) async fn the_edition_is_read(db: &Db) -> bool {
    let key = edition::BySlug(edition().slug);
    let reader = db.reader(Scope::reader(noon()));
    let found = edition::BySlug::fetch(&reader, std::slice::from_ref(&key)).await;
    found.unwrap().contains_key(&key)
}
