//! Null propagation (§6.4.4 of the GraphQL specification) when a statement fails: each document is executed with
//! its first statement failing, then with the second, and so on. Every response must be the whole response, but
//! for a null at the nearest nullable ancestor of each field that failed, with one error for each such null.

use anyhow::{Context as _, bail, ensure};
use khabar_tests::harness::schema_map::{INTROSPECTION, Map};
use khabar_tests::harness::{Newsroom, TestApp, TestDb, TestResponse, unlimited};
use serde_json::Value;

/// Finds objects for the documents.
const FIND: &str = "{
    articles(first: 20) { nodes { id slug stories { slug } topics { slug } section { slug } source { slug } } } }";

/// The documents, with the objects that [`FIND`] finds in place of `ARTICLE`, `STORY` and so on. They have no
/// aliases and no variables. Every set selects `__typename`.
const DOCUMENTS: &[&str] = &[
    "{ __typename home { __typename edition { __typename name }
        liveChannel { __typename name poster { __typename url } }
        pinnedStories(first: 5) { __typename totalCount nodes { __typename title image { __typename url } } }
        leadArticles { __typename headline hero { __typename url caption } authors { __typename name } }
        latest(first: 8) { __typename totalCount pageInfo { __typename endCursor } edges { __typename cursor
            node { __typename headline section { __typename name } stories { __typename title } } } }
        mostRead(first: 3) { __typename nodes { __typename headline formerSlugs } }
        featuredSections { __typename name children { __typename name } } followChannels { __typename name } } }",
    "{ __typename article(slug: \"ARTICLE\") { __typename headline bodyText bodyHtml commenting { __typename open }
        corrections { __typename note } withdrawal { __typename reason }
        body { __typename ... on ParagraphBlock { html } ... on ImageBlock { image { __typename url } }
            ... on GalleryBlock { images { __typename url } } ... on VideoBlock { video { __typename url } } }
        related(first: 5) { __typename totalCount edges { __typename reason node { __typename headline lead } } }
        comments(first: 5) { __typename totalCount nodes { __typename text
            replies(first: 3) { __typename nodes { __typename text parent { __typename text } } } } } } }",
    "{ __typename story(slug: \"STORY\") { __typename title topics { __typename name }
        timeline(first: 10) { __typename totalCount days { __typename date
            articles { __typename headline authors { __typename name portrait { __typename url } } } } }
        articles(first: 10, filter: { hasPhotos: false }) { __typename totalCount totalCountIsExact
            nodes { __typename headline topics { __typename name } } } } }",
    "{ __typename topic(slug: \"TOPIC\") { __typename name
        articles(first: 5) { __typename nodes { __typename headline related(first: 3) { __typename nodes {
            __typename headline stories { __typename title articles(first: 2) { __typename totalCount
                nodes { __typename headline } } } } } } } } }",
    "{ __typename section(slug: \"SECTION\") { __typename name path { __typename name }
        articles(first: 5, includeDescendants: false) { __typename totalCount
            nodes { __typename headline source { __typename name } edition { __typename name } } } }
      source(slug: \"SOURCE\") { __typename name formerSlugs articles(first: 3) { __typename totalCount } }
      editions { __typename name commenting { __typename mode } } }",
    "{ __typename nodes(ids: [IDS]) { __typename id ... on Article { headline authors { __typename name } }
        ... on Story { title articles(first: 2) { __typename nodes { __typename headline } } } }
      articles(first: 4, filter: { sectionSlug: \"SECTION\" }) { __typename totalCount nodes { __typename headline } }
      stories(first: 3) { __typename totalCount nodes { __typename title } } }",
];

/// Executes a document of which the statement with this number fails.
async fn ask_failing(app: &TestApp, document: &str, number: usize) -> anyhow::Result<TestResponse> {
    let reader = app.uncached_reader().failing_at(number);
    app.ask_through(reader, document).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_statement_nulls_what_needs_it_and_nothing_else() -> anyhow::Result<()> {
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        let app = TestApp::with_limits(db, unlimited())?;
        let map = Map::read(&app.ask(INTROSPECTION).await?.value()?)?;
        let found = app.ask(FIND).await?.value()?;
        let (mut failed, mut propagated) = (0, 0);
        for document in DOCUMENTS {
            let document = filled(document, &found)?;
            // No statement has this number.
            let whole = ask_failing(&app, &document, usize::MAX).await?;
            let data = &whole.value()?["data"];
            ensure!(
                whole.value()?["errors"].is_null(),
                "{document}\n{}",
                whole.json
            );
            for number in 1..=whole.statements.len() {
                let response = ask_failing(&app, &document, number).await?;
                let name = response.statements.get(number - 1);
                let check = Check {
                    map: &map,
                    whole: data,
                    response: &response.value()?,
                };
                let nulls = check
                    .nulls()
                    .with_context(|| format!("{document}\n{number} {name:?}\n{}", response.json))?;
                failed += nulls.len();
                propagated += nulls
                    .iter()
                    .filter(|(null, error)| null.len() < error.len())
                    .count();
            }
        }
        // The documents are worth their statements.
        ensure!(
            failed > 50 && propagated > 20,
            "{failed} failed, {propagated} propagated"
        );
    }
    Ok(())
}

/// Puts objects into a document.
fn filled(document: &str, found: &Value) -> anyhow::Result<String> {
    let nodes = found["data"]["articles"]["nodes"].as_array();
    let nodes = nodes.context("no articles were found")?;
    let first = |pointer: &str| {
        let mut slugs = nodes.iter().filter_map(|node| node.pointer(pointer));
        slugs
            .find_map(Value::as_str)
            .with_context(|| format!("no {pointer}"))
    };
    let ids: Vec<String> = nodes
        .iter()
        .take(3)
        .map(|node| node["id"].to_string())
        .collect();
    Ok(document
        .replace("ARTICLE", first("/slug")?)
        .replace("STORY", first("/stories/0/slug")?)
        .replace("TOPIC", first("/topics/0/slug")?)
        .replace("SECTION", first("/section/slug")?)
        .replace("SOURCE", first("/source/slug")?)
        .replace("IDS", &ids.join(", ")))
}

/// A path of response keys and indices.
type Path = Vec<Value>;

struct Check<'a> {
    map: &'a Map,
    /// The data of the response without a failure.
    whole: &'a Value,
    response: &'a Value,
}

impl Check<'_> {
    /// Compares the response with the whole one. Returns the path of each null that is due to the failure,
    /// with the path of its error.
    fn nulls(&self) -> anyhow::Result<Vec<(Path, Path)>> {
        let mut nulls = Vec::new();
        differences(
            self.whole,
            &self.response["data"],
            &mut Vec::new(),
            &mut nulls,
        )?;
        let errors = self.response["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        ensure!(!errors.is_empty(), "nothing failed");
        let mut explained = Vec::new();
        for error in errors {
            let path = error["path"].as_array().cloned().unwrap_or_default();
            let at = self.nearest_nullable(&path)?;
            ensure!(nulls.contains(&at), "{error} should make {at:?} null");
            ensure!(
                !explained.iter().any(|(null, _)| *null == at),
                "{at:?} has two errors"
            );
            explained.push((at, path));
        }
        for null in nulls {
            let is_explained = explained.iter().any(|(at, _)| *at == null);
            ensure!(is_explained, "{null:?} is null without an error");
        }
        Ok(explained)
    }

    /// Returns the path of the value that an error at this path makes null.
    fn nearest_nullable(&self, path: &[Value]) -> anyhow::Result<Path> {
        let mut nearest = Vec::new();
        let (mut value, mut ty) = (self.whole, self.map.root.as_str());
        // Whether the items of the list at this place may be null, and the items of those.
        let mut items: &[bool] = &[];
        for (at, segment) in path.iter().enumerate() {
            let is_nullable = match segment {
                Value::String(key) => {
                    if let Some(name) = value["__typename"].as_str() {
                        ty = name;
                    }
                    let mut fields = self.map.fields(ty);
                    let field = fields.find(|field| field.name == *key);
                    let field = field.with_context(|| format!("{ty} has no field {key}"))?;
                    ty = &field.to;
                    value = &value[key.as_str()];
                    items = &field.nullable[1..];
                    field.nullable[0]
                }
                index => {
                    let index = index.as_u64().context("a segment is a name or an index")?;
                    value = &value[usize::try_from(index)?];
                    let Some((first, rest)) = items.split_first() else {
                        bail!("{path:?} has an index where there is no list");
                    };
                    items = rest;
                    *first
                }
            };
            if is_nullable {
                nearest = path[..=at].to_vec();
            }
        }
        Ok(nearest)
    }
}

/// Adds the paths of the values that are null in `actual` only. Returns an error if anything else differs.
fn differences(
    whole: &Value,
    actual: &Value,
    path: &mut Path,
    nulls: &mut Vec<Path>,
) -> anyhow::Result<()> {
    match (whole, actual) {
        (whole, Value::Null) if !whole.is_null() => nulls.push(path.clone()),
        (Value::Object(whole), Value::Object(actual)) => {
            ensure!(whole.keys().eq(actual.keys()), "{path:?} has other fields");
            for (key, value) in whole {
                path.push(key.as_str().into());
                differences(value, &actual[key], path, nulls)?;
                path.pop();
            }
        }
        (Value::Array(whole), Value::Array(actual)) => {
            ensure!(whole.len() == actual.len(), "{path:?} has other items");
            for (index, (whole, actual)) in whole.iter().zip(actual).enumerate() {
                path.push(index.into());
                differences(whole, actual, path, nulls)?;
                path.pop();
            }
        }
        (whole, actual) => ensure!(whole == actual, "{path:?} is {actual} instead of {whole}"),
    }
    Ok(())
}
