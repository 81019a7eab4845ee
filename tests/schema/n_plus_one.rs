//! No N+1 queries: the number of SQL statements does not grow with the number of parents, on any path
//! through the schema. The paths are derived from the schema, so new fields are covered automatically.
//!
//! Each path is queried in three newsrooms, which have 1, 2 and 20 identical editions. One document
//! queries it for every edition, using aliases.

mod sample_schema;
mod walk;

use anyhow::ensure;
use khabar_tests::harness::{Newsroom, TestApp, TestDb, unlimited};

use self::walk::{Playground, Report};

/// Number of editions in each newsroom.
const SIZES: [usize; 3] = [1, 2, 20];

/// Fields without data for enough parents in the newsrooms, with the reason.
const EXCUSED: [(&str, &str); 2] = [
    ("Query.brokenRows", "a sound newsroom has none"),
    ("Query.viewer", "a request has one"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_do_not_grow_with_parents_on_sqlite() -> anyhow::Result<()> {
    let mut databases = Vec::new();
    for _ in SIZES {
        databases.push(TestDb::sqlite().await?);
    }
    check(&walk_api(databases).await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_do_not_grow_with_parents_on_postgres() -> anyhow::Result<()> {
    let mut databases = Vec::new();
    for _ in SIZES {
        let Some(db) = TestDb::postgres().await? else {
            return Ok(());
        };
        databases.push(db);
    }
    check(&walk_api(databases).await?)
}

/// Verifies that the walk detects N+1 queries in a schema that has them.
#[tokio::test]
async fn a_planted_n_plus_one_is_detected() -> anyhow::Result<()> {
    let mut grounds = Vec::new();
    for size in SIZES {
        let app = TestApp::of(TestDb::sqlite().await?, sample_schema::api()?);
        grounds.push(Playground::new(app, size, None).await?);
    }
    let report = walk::walk(grounds, 4).await?;
    let culprit: Vec<_> = report.grown.keys().map(String::as_str).collect();
    ensure!(
        culprit == ["Parent.alone", "Parent.counted", "Together.alone"],
        "{culprit:?}"
    );
    ensure!(
        report.visited("Parent.together") == 3 * 20 && report.visited("Parent.missing") == 0,
        "what was met is counted wrong: {:?}",
        report.visited
    );
    Ok(())
}

async fn walk_api(databases: Vec<TestDb>) -> anyhow::Result<Report> {
    let mut grounds = Vec::new();
    for (db, size) in databases.into_iter().zip(SIZES) {
        Newsroom::of_editions(size)?.save(db.db()).await?;
        let app = TestApp::with_limits(db, unlimited())?;
        grounds.push(Playground::new(app, size, Some(walk::FIND)).await?);
    }
    // Depth 4 in fields of the schema: a connection and its nodes count as two.
    walk::walk(grounds, 4).await
}

fn check(report: &Report) -> anyhow::Result<()> {
    ensure!(
        report.grown.is_empty(),
        "the number of SQL statements grows with the number of parents:\n{}",
        report
            .grown
            .values()
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
    let most = SIZES[SIZES.len() - 1];
    let excused = |field: &str| EXCUSED.iter().any(|(name, _)| *name == field);
    let unmet: Vec<_> = report
        .fields
        .iter()
        .filter(|field| !excused(field) && report.visited(field) < most)
        .map(|field| format!("{field}: {}", report.visited(field)))
        .collect();
    ensure!(
        unmet.is_empty(),
        "these fields had data for fewer than {most} parents, so nothing is known of them: {unmet:#?}"
    );
    let needless: Vec<_> = EXCUSED
        .iter()
        .filter(|(field, _)| report.visited(field) >= most || !report.fields.contains(*field))
        .collect();
    ensure!(needless.is_empty(), "no longer to be excused: {needless:?}");
    ensure!(
        report.paths > 500 && report.fields.len() > 70,
        "only {} paths over {} fields were walked",
        report.paths,
        report.fields.len()
    );
    Ok(())
}
