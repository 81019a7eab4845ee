//! SQL statement budgets of a site's pages, on a node whose cache holds only the reference data. The
//! operations include those measured in `benches`.

use std::collections::BTreeSet;

use anyhow::ensure;
use khabar_tests::harness::{Newsroom, TestApp, TestDb, until};
use serde_json::{Value, json};

/// A page and the statements it may cost.
struct Budget {
    page: &'static str,
    document: &'static str,
    slug: &'static str,
    most: usize,
    /// The expected statements by purpose, in any order.
    statements: &'static [&'static str],
}

const HOME: &str = include_str!("../../benches/operations/home.graphql");
const ARTICLE: &str = include_str!("../../benches/operations/article.graphql");
const STORY: &str = include_str!("../../benches/operations/story.graphql");
const SECTION: &str = include_str!("../../benches/operations/section.graphql");
const DEEP: &str = include_str!("../../benches/operations/deep.graphql");

const OPENING: &str = "افتتاح-الجسر-الجديد-فوق-نهر-السنديان";

const BUDGETS: [Budget; 11] = [
    Budget {
        page: "home",
        document: HOME,
        slug: "",
        most: 6,
        statements: &[
            "home.lead_articles",
            "article.list",
            "article.list",
            "article.most_read",
        ],
    },
    Budget {
        page: "article, with answers to comments, authors and topics",
        document: ARTICLE,
        slug: OPENING,
        most: 4,
        statements: &[
            "article.by_slug",
            "comment.of_article",
            "related.list",
            "comment.replies",
        ],
    },
    Budget {
        page: "article",
        document: "query ($slug: Slug!) { article(slug: $slug) { headline body { ... on ParagraphBlock { text } }
            section { name path { name } } source { name } stories { title articleCount }
            related(first: 7) { nodes { headline section { name } } }
            comments(first: 10) { nodes { authorName text } } } }",
        slug: OPENING,
        most: 4,
        statements: &[
            "article.by_slug",
            "comment.of_article",
            "related.list",
        ],
    },
    Budget {
        page: "article, by what stands under its comments",
        document: "query ($slug: Slug!) { article(slug: $slug) {
            comments { nodes { article { headline } } } } }",
        slug: OPENING,
        most: 2,
        statements: &["article.by_slug", "comment.of_article"],
    },
    Budget {
        page: "article, with the pictures of its authors and stories",
        document: "query ($slug: Slug!) { article(slug: $slug) { authors { name portrait { alt } }
            stories { title image { alt } } } }",
        slug: OPENING,
        most: 1,
        statements: &["article.by_slug"],
    },
    Budget {
        page: "person",
        document: "query ($slug: Slug!) { person(slug: $slug) { name portrait { alt }
            articles(first: 20) { nodes { headline hero { alt } authors { name portrait { alt } } } } } }",
        slug: "سلمى-النجار",
        most: 1,
        statements: &["article.list"],
    },
    Budget {
        page: "story",
        document: STORY,
        slug: "الجسر-الجديد",
        most: 2,
        statements: &[
            "story.by_slug",
            "article.list",
        ],
    },
    Budget {
        page: "story that is pinned",
        document: STORY,
        slug: "بالصور",
        most: 2,
        statements: &[
            "topic.of_story",
            "article.list",
        ],
    },
    Budget {
        page: "story, day by day",
        document: "query ($slug: Slug!) { story(slug: $slug) {
            timeline { days { date articles { headline hero { alt } authors { name } } } } } }",
        slug: "الجسر-الجديد",
        most: 2,
        statements: &[
            "story.by_slug",
            "article.list",
        ],
    },
    Budget {
        page: "section",
        document: SECTION,
        slug: "محليات",
        most: 1,
        statements: &["article.list"],
    },
    Budget {
        page: "deep",
        document: DEEP,
        slug: "نهر-السنديان",
        most: 3,
        statements: &[
            "article.list",
            "article.list",
            "related.list",
        ],
    },
];

/// The small newsroom, changed so that no page has empty parts. The first story has every field and is
/// not pinned, the other stories copy its image, summary and topics, and every edition has a label for
/// comments.
fn newsroom() -> anyhow::Result<Newsroom> {
    let mut newsroom = Newsroom::small()?;
    let [(bridge, about), others @ ..] = newsroom.stories.as_mut_slice() else {
        anyhow::bail!("there are no stories");
    };
    bridge.pinned_position = None;
    for (story, topics) in others {
        story.image = bridge.image;
        story.summary.clone_from(&bridge.summary);
        topics.clone_from(about);
    }
    for edition in &mut newsroom.editions {
        edition.labels.comments = Some("تعليقات".to_owned());
    }
    Ok(newsroom)
}

#[tokio::test]
async fn no_page_costs_more_than_its_budget() -> anyhow::Result<()> {
    for db in TestDb::each().await? {
        newsroom()?.save(db.db()).await?;
        let plain = TestApp::new(TestDb::at(db.url().to_owned()).await?)?;
        for budget in BUDGETS {
            let Budget { page, document, .. } = budget;
            let page = format!("{page} on {}", db.name());
            let variables = json!({ "slug": budget.slug });
            let truth = plain.ask_with(document, &variables).await?;
            ensure!(!truth.json.contains("\"errors\""), "{page}: {}", truth.json);
            says_something(&page, &truth.value()?)?;
            // A new node for each page, so that nothing is cached by an earlier one.
            let cold = TestApp::new(TestDb::at(db.url().to_owned()).await?.caching().await?)?;
            let answered = cold.ask_with(document, &variables).await?;
            ensure!(
                answered.json == truth.json,
                "{page} answers\n{}\nwithout a cache\n{}",
                answered.json,
                truth.json
            );
            let mut statements = answered.statements;
            statements.sort_unstable();
            let mut expected = budget.statements.to_vec();
            expected.sort_unstable();
            ensure!(
                statements == expected && statements.len() <= budget.most,
                "{page}: {statements:#?}"
            );
            let again = cold.ask_with(document, &variables).await?;
            ensure!(
                again.json == truth.json && again.statements.is_empty(),
                "{page}, again: {:?}\n{}",
                again.statements,
                again.json
            );
        }
    }
    Ok(())
}

/// Fails if an answer contains only empty lists or nulls under a field, because those cost no statements.
fn says_something(page: &str, data: &Value) -> anyhow::Result<()> {
    let mut empty = BTreeSet::new();
    look(data, &mut empty, &mut BTreeSet::new());
    ensure!(empty.is_empty(), "{page} has nothing under {empty:?}");
    Ok(())
}

/// Collects the fields that are empty or null wherever they occur.
fn look<'a>(value: &'a Value, empty: &mut BTreeSet<&'a str>, full: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                if !is_empty {
                    empty.remove(name.as_str());
                    full.insert(name);
                } else if !full.contains(name.as_str()) {
                    empty.insert(name);
                }
                look(value, empty, full);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| look(item, empty, full)),
        _ => {}
    }
}

/// On PostgreSQL, no statement waits for another one that it does not depend on. While their tables are
/// locked, all statements of a level wait for the locks at the same time.
#[tokio::test]
async fn independent_statements_run_concurrently() -> anyhow::Result<()> {
    let Some(db) = TestDb::postgres().await? else {
        return Ok(());
    };
    newsroom()?.save(db.db()).await?;
    for (document, slug, tables, at_once) in [
        // Lead articles, latest articles, most read articles, and the articles of pinned stories.
        (HOME, "", "home_lead, listing, article", 4),
        (ARTICLE, OPENING, "comment, related", 2),
    ] {
        let variables = json!({ "slug": slug });
        let app = TestApp::new(TestDb::at(db.url().to_owned()).await?.caching().await?)?;
        let lock =
            format!("BEGIN; LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)");
        let locked = db.administer(&lock);
        let asked = async {
            counted(&db, SLEEPING, 1).await?;
            let (answered, released) = tokio::join!(app.ask_with(document, &variables), async {
                let waited = counted(&db, WAITING, at_once).await;
                db.administer(RELEASE).await?;
                waited
            });
            released?;
            answered
        };
        // The session that holds the locks is terminated by `RELEASE`, so its result is ignored.
        let (_, answered) = tokio::join!(locked, asked);
        let answered = answered?;
        ensure!(answered.statements.len() >= at_once, "{answered:?}");
        ensure!(!answered.json.contains("\"errors\""), "{}", answered.json);
    }
    Ok(())
}

const SLEEPING: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND wait_event = 'PgSleep'";
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND wait_event_type = 'Lock'";
const RELEASE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND wait_event = 'PgSleep'";

/// Waits until this many sessions are counted.
async fn counted(db: &TestDb, count: &str, expected: usize) -> anyhow::Result<()> {
    until(&format!("{expected} sessions: {count}"), || async {
        Ok(db.administer(count).await?.trim() == expected.to_string())
    })
    .await
}
