//! Tests of newsrooms written in bulk.

use std::collections::HashMap;

use khabar_domain::{Comment, Edition, RelatedLink, Scope, related};
use khabar_graphql::limit::Limits;
use khabar_persistence::article::{CountListed, Filter, List};
use khabar_persistence::{BatchKey, Bulk, Db, Tally, change, edition};
use khabar_tests::harness::newsroom::now;
use khabar_tests::harness::{Newsroom, TestApp, TestDb, builders};
use serde_json::{Value, json};

/// Query for everything stored in an edition: all fields, every count and the order of every list.
const EVERYTHING: &str = "
query Everything($edition: Slug!) {
  edition(slug: $edition) { articleCount }
  articles(edition: $edition) { ...List nodes { ...Whole } }
  stories(edition: $edition) {
    nodes { id articleCount lastArticleAt articles { ...List } topics { id } }
  }
  sections(edition: $edition) {
    id articleCount path { id } articles { ...List }
    alone: articles(includeDescendants: false) { ...List }
  }
  home(edition: $edition) { leadArticles { id } mostRead { nodes { id } } }
}
fragment Whole on Article {
  id slug canonicalUrl kind status isStub headline lead excerpt bodyHtml language direction
  hasPhotos hasVideo hasAudio firstPublishedAt publishedAt updatedAt listedAt version
  readingMinutes commentCount hero { id } section { id }
  source { id articleCount articles { ...List } }
  authors { id articleCount articles { ...List } }
  topics { id articleCount articles { ...List } }
  stories { id }
  comments { ...Comments edges { node { replies { ...Comments edges { node { replies { ...Comments } } } } } } }
  related { totalCount edges { node { id } rank origin reason score } }
}
fragment List on ArticleConnection { totalCount edges { cursor } }
fragment Comments on CommentConnection {
  totalCount nodes { id authorName text postedAt replyCount parent { id } }
}";

/// Compares a newsroom written in bulk with one written row by row. The API returns equal answers, and
/// the change feeds hold equal changes in any order.
pub(crate) async fn bulk_inserts_equal_single_writes(
    one_by_one: TestDb,
    at_once: TestDb,
) -> anyhow::Result<()> {
    let newsroom = Newsroom::small()?;
    newsroom.save(one_by_one.db()).await?;
    newsroom.save_in_bulk(at_once.db()).await?;
    let mut feeds = Vec::new();
    for test in [&one_by_one, &at_once] {
        let reader = test.db().reader(Scope::reader(now()));
        let feed = change::after(&reader, 0, 10_000).await?;
        assert!((1..).zip(&feed).all(|(seq, change)| seq == change.seq));
        assert!(feed.iter().all(|change| change.write().is_some()));
        let mut feed: Vec<_> = feed
            .into_iter()
            .filter_map(|change| {
                let write = change.write()?;
                let tags = write.tags().to_vec();
                Some((write.entity, write.id, write.operation, tags))
            })
            .collect();
        feed.sort_unstable();
        feeds.push(feed);
    }
    assert!(feeds[0] == feeds[1], "{}: {feeds:#?}", one_by_one.name());
    let limits = Limits {
        complexity: u64::MAX,
        ..Limits::default()
    };
    let one_by_one = TestApp::with_limits(one_by_one, limits.clone())?;
    let at_once = TestApp::with_limits(at_once, limits)?;
    for edition in &newsroom.editions {
        let variables = json!({"edition": edition.slug.as_str()});
        let wanted = one_by_one.ask_with(EVERYTHING, &variables).await?.value()?;
        assert_eq!(wanted.get("errors"), None);
        let had = at_once.ask_with(EVERYTHING, &variables).await?.value()?;
        assert_eq!(had, wanted, "{}", one_by_one.db().name());
        assert_ne!(wanted["data"]["articles"]["edges"], Value::Array(vec![]));
    }
    Ok(())
}

fn ar() -> anyhow::Result<Edition> {
    Ok(builders::edition("ar", "العربية", "ar")?)
}

/// Writes more rows than fit in two statements, both articles and the rows that refer to them.
pub(crate) async fn bulk_inserts_use_several_statements(db: &Db) -> anyhow::Result<()> {
    let ar = ar()?;
    let mut writer = db.writer(now()).await?;
    edition::save(&mut writer, &ar).await?;
    let mut bulk = Bulk::new(writer);
    let mut ids = Vec::new();
    for number in 0..2_500 {
        let article = builders::article(&ar, &format!("خبر {number}"), number)?;
        let question = builders::comment(&article, "سائل", "متى؟", 1)?;
        let answer = Comment {
            parent: Some(question.id),
            ..builders::comment(&article, "مجيب", "غداً", 2)?
        };
        ids.push(article.id);
        bulk.add(
            &builders::manuscript(article, Vec::new())?,
            &[question, answer],
        )
        .await?;
    }
    for pair in ids.windows(2) {
        let link = RelatedLink {
            from: pair[0],
            to: pair[1],
            rank: 0,
            origin: related::Origin::Editorial,
            reason: related::Reason::Chosen,
            score: None,
        };
        bulk.relate(pair[0], &[link]).await?;
    }
    bulk.finish().await?.commit().await?;

    let reader = db.reader(Scope::reader(now()));
    let found = edition::ById::fetch(&reader, &[edition::ById(ar.id)]).await?;
    assert_eq!(found[&edition::ById(ar.id)].article_count, 2_500);
    let listed = CountListed {
        list: List::Edition(ar.id),
        filter: Filter::default(),
    };
    let listed = CountListed::fetch(&reader, &[listed]).await?;
    assert_eq!(
        listed.into_values().collect::<Vec<_>>(),
        [Tally::exact(2_500)]
    );
    let links: Vec<_> = ids
        .iter()
        .copied()
        .map(khabar_persistence::related::CountOf)
        .collect();
    let links: HashMap<_, _> = BatchKey::fetch(&reader, &links).await?;
    assert_eq!(
        links.into_values().map(|tally| tally.count).sum::<i64>(),
        2_499
    );
    let feed = change::after(&reader, 0, 20_000).await?;
    assert_eq!(feed.len(), 1 + 2_500 * 3 + 2_499);
    Ok(())
}

/// Checks that bulk writes reject a comment on another article, a reply that precedes its parent, and an
/// article related to itself.
pub(crate) async fn bulk_inserts_are_validated_like_single_writes(db: &Db) -> anyhow::Result<()> {
    let ar = ar()?;
    let article = builders::article(&ar, "خبر", 1)?;
    let elsewhere = builders::comment(&builders::article(&ar, "خبر آخر", 2)?, "قارئة", "تعليق", 1)?;
    let question = builders::comment(&article, "سائل", "متى؟", 1)?;
    let answer = Comment {
        parent: Some(question.id),
        ..builders::comment(&article, "مجيب", "غداً", 2)?
    };
    let manuscript = builders::manuscript(article, Vec::new())?;
    let mut writer = db.writer(now()).await?;
    edition::save(&mut writer, &ar).await?;
    let mut bulk = Bulk::new(writer);
    assert!(bulk.add(&manuscript, &[elsewhere]).await.is_err());
    assert!(bulk.add(&manuscript, &[answer, question]).await.is_err());
    let id = manuscript.article.id;
    let itself = RelatedLink {
        from: id,
        to: id,
        rank: 0,
        origin: related::Origin::Editorial,
        reason: related::Reason::Chosen,
        score: None,
    };
    assert!(bulk.relate(id, &[itself]).await.is_err());
    Ok(())
}
