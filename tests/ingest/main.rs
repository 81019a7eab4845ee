//! Page imports: fixtures are read, merged into a newsroom, and queried through the API.

mod merging;
mod reading;
mod real;
mod refusals;

use std::collections::BTreeMap;

use anyhow::ensure;
use khabar_domain::Scope;
use khabar_domain::story::Kind;
use khabar_ingest::page::{self, Imported, Page};
use khabar_persistence::change::{self, Change};
use khabar_tests::harness::{TestApp, TestDb, newsroom};
use serde_json::Value;

/// Loads the text of a fixture.
fn fixture(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ingest/fixtures");
    let file = folder.join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Loads and parses a fixture.
fn read(name: &str) -> anyhow::Result<Page> {
    Ok(page::read(name, fixture(name).as_bytes())?)
}

/// Configured story kinds, by story title.
type Kinds = BTreeMap<String, Kind>;

/// Merges a page at a time `hours` after the newsroom opened.
async fn import(db: &TestDb, page: &Page, kinds: &Kinds, hours: i64) -> anyhow::Result<Imported> {
    let at = newsroom::opened() + chrono::Duration::hours(hours);
    let mut writer = db.db().writer(at).await?;
    let imported = page::merge(&mut writer, page, kinds).await?;
    writer.commit().await?;
    Ok(imported)
}

/// Loads the change feed from the beginning.
async fn feed(db: &TestDb) -> anyhow::Result<Vec<Change>> {
    let reader = db.db().reader(Scope::reader(newsroom::now()));
    Ok(change::after(&reader, 0, u16::MAX).await?)
}

/// Returns the API over each test database.
async fn apps() -> anyhow::Result<Vec<TestApp>> {
    let each = TestDb::each().await?.into_iter();
    each.map(TestApp::new).collect()
}

/// Executes a document and returns its data. Fails if the response has errors.
async fn response(app: &TestApp, document: &str) -> anyhow::Result<Value> {
    let mut value = app.ask(document).await?.value()?;
    ensure!(value["errors"].is_null(), "{}", value["errors"]);
    Ok(value["data"].take())
}
