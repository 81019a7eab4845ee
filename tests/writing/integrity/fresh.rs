//! Checks that responses from the cache match the database.

use std::collections::BTreeMap;

use anyhow::ensure;
use khabar_tests::harness::{TestApp, TestDb, Who};
use serde_json::Value;

use crate::{Fixture, high_limits};

/// Queries that cover each kind of list and object that a reader can request, in both editions with
/// more than one writer.
pub(super) const ASKED: [&str; 10] = [
    "{ home { edition { name articleCount } liveChannels { name } followChannels { name }
        featuredSections { name slug articleCount path { name } }
        pinnedStories { nodes { title articleCount lastArticleAt } } leadArticles { headline commentCount }
        latest(first: 30) { totalCount nodes { headline section { name } } }
        mostRead(first: 10) { nodes { headline } } } }",
    "{ articles(first: 60) { totalCount pageInfo { hasNextPage endCursor } nodes { headline slug version bodyText
        commentCount section { name path { name } } source { name articleCount } } } }",
    "{ articles(first: 60) { nodes { hero { caption alt } authors { name articleCount } topics { name articleCount }
        stories { title slug articleCount } corrections { note } } } }",
    "{ articles(first: 60) { nodes { related(first: 5) { totalCount nodes { headline } }
        formerSlugs commenting { open mode } comments(first: 5) { totalCount nodes { text replyCount replies(first: 3) { nodes { text } } } } } } }",
    r#"{ articles(first: 60, orderBy: MOST_COMMENTED) { nodes { headline commentCount } }
        english: articles(edition: "en", last: 40) { totalCount nodes { headline listedAt formerSlugs } } }"#,
    "{ stories(first: 60) { totalCount nodes { title status articleCount lastArticleAt topics { name }
        articles(first: 8) { totalCount nodes { headline } } } } }",
    "{ rail: stories(pinned: true) { nodes { title pinnedPosition } }
        others: stories(pinned: false, first: 30) { nodes { title } }
        running: stories(kind: RUNNING, status: ACTIVE) { totalCount } }",
    "{ sections { name slug articleCount parent { name } children { name } path { slug }
        articles(first: 5) { totalCount nodes { headline } }
        alone: articles(first: 5, includeDescendants: false) { totalCount nodes { headline } } } }",
    r#"{ nobody: article(slug: "nobody") { id } none: story(slug: "nobody") { id } no: section(slug: "nobody") { id }
        nowhere: edition(slug: "xx") { id } noone: person(slug: "nobody") { id }
        sections { formerSlugs edition { commenting { mode } } } stories(first: 60) { nodes { formerSlugs } } }"#,
    "{ editions { slug name articleCount labels { live } } sections(roots: true) { name }
        featured: sections(featured: true) { name } liveChannels { name position streamUrl } followChannels { name position url } }",
];

/// Sends all queries repeatedly, as a reader and as an editor, until dropped.
pub(super) async fn keep_reading(app: &TestApp, editor: &Who) -> anyhow::Result<()> {
    loop {
        for document in ASKED {
            for who in [&Who::anonymous(), editor] {
                app.ask_as(who, super::newsroom::now(), document, &Value::Null)
                    .await?;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Creates another node on the same database, with a cache of at most this many bytes.
pub(super) async fn another_node(fixture: &Fixture, bytes: usize) -> anyhow::Result<TestApp> {
    let db = TestDb::at(fixture.app.db().url().to_owned()).await?;
    TestApp::with_limits(db.caching_in(bytes).await?, high_limits())
}

/// Checks on each node that readers and editors get the same responses with the cache as without
/// it.
pub(super) async fn compare(nodes: &[&TestApp], editor: &Who) -> anyhow::Result<()> {
    let mut hits = BTreeMap::new();
    for (node, app) in nodes.iter().enumerate() {
        app.db().db().wait_for_feed().await?;
        for document in ASKED {
            for who in [&Who::anonymous(), editor] {
                let truth = app.ask_uncached(who, document, &Value::Null).await?;
                ensure!(
                    !truth.json.contains("\"errors\""),
                    "{document}: {}",
                    truth.json
                );
                // The first request reads what was cached before, the second what the first has
                // cached.
                for _ in 0..2 {
                    let now = super::newsroom::now();
                    let cached = app.ask_as(who, now, document, &Value::Null).await?;
                    ensure!(
                        cached.json == truth.json,
                        "node {node}, as {}: {document}\nthe cache says\n{}\nthe database says\n{}",
                        who.name,
                        cached.json,
                        truth.json
                    );
                }
            }
        }
        let stats = app.db().db().cache().map(khabar_persistence::Cache::stats);
        hits.insert(node, stats.unwrap_or_default());
    }
    // An empty cache is always right, so there must be cache hits. The last node caches only the
    // reference data.
    ensure!(
        hits.iter().all(|(node, stats)| {
            let is_warm = stats.entities.hits > stats.entities.misses / 4 && stats.dropped > 0;
            stats.referred > 1_000 && is_warm != (node + 1 == nodes.len())
        }),
        "{hits:?}"
    );
    Ok(())
}
