//! Tests for every field that readers can select, generated from the schema. After each mutation,
//! the cached value of each field must match the database. Each field must also change under some
//! mutation, or be listed as constant.
//!
//! Each field of each type has a separate query, so that changes to other fields do not invalidate
//! its cached response. A new field must either change here or be listed in [`STEADY`] with a
//! reason.

mod coverage;
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_graphql::limit::Limits;
use khabar_persistence::Cache;
use khabar_tests::harness::random::Random;
use khabar_tests::harness::{TestApp, TestDb};
use serde_json::{Value, json};

use self::coverage::{STEADY, TESTED_ELSEWHERE, TYPES, WAYS, leaf};
use super::client::Endpoint;
use super::writer::{DECK, Writer};
use crate::Fixture;

/// The slug of an article that is queried from before it exists until it is withdrawn.
pub(super) const SLUG: &str = "كل-حقل";

/// Number of passes through the deck.
const ROUNDS: usize = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cached_field_is_fresh_after_every_mutation() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let on = fixture.app.db().name();
        every_field(&fixture).await.with_context(|| on)?;
    }
    Ok(())
}

async fn every_field(fixture: &Fixture) -> anyhow::Result<()> {
    let mut fields = Fields::of(fixture).await?;
    let shared = super::shared(fixture, 1).await?;
    let who = fixture.app.who("كاتب", Role::Editor).await?;
    let mut writer = Writer::start(fixture, &shared, who, 11, 0).await?;
    fields.look("nothing").await?;
    let deck: Vec<_> = DECK
        .iter()
        .flat_map(|(name, times)| std::iter::repeat_n(*name, (*times).min(3)))
        .collect();
    let mut random = Random::of(11, 1);
    for _ in 0..ROUNDS {
        for name in random.shuffled(&deck) {
            writer.step(name).await?;
            fields.look(name).await?;
        }
    }
    script::write(fixture, &mut fields).await?;
    script::comment(fixture, &mut fields).await?;
    fields.are_all_known()
}

/// A field of a type, with the query that selects it.
struct Field {
    of: &'static str,
    name: String,
    /// The field with its selection set.
    selected: String,
    query: String,
}

struct Fields<'a> {
    fixture: &'a Fixture,
    endpoint: Endpoint,
    /// An uncached app with raised limits, for queries that select all fields of a type.
    plain: TestApp,
    each: Vec<Field>,
    /// The last known fields of each object, by type and object name.
    said: BTreeMap<(&'static str, String), Value>,
    changed: BTreeSet<String>,
    checked: usize,
}

impl<'a> Fields<'a> {
    async fn of(fixture: &'a Fixture) -> anyhow::Result<Self> {
        let limits = Limits {
            complexity: 10_000_000,
            introspection_lists: 20,
            ..Limits::default()
        };
        let plain = TestDb::at(fixture.app.db().url().to_owned()).await?;
        let mut all = Self {
            fixture,
            endpoint: Endpoint::over(&fixture.app).await?,
            plain: TestApp::with_limits(plain, limits)?,
            each: Vec::new(),
            said: BTreeMap::new(),
            changed: BTreeSet::new(),
            checked: 0,
        };
        for (of, before) in TYPES {
            for (name, selected) in all.selections(of).await? {
                let query = whole(before, &selected);
                let asked = all.plain.ask(&query).await?.value()?;
                if asked["errors"].is_null() {
                    all.each.push(Field {
                        of,
                        name,
                        selected,
                        query,
                    });
                } else {
                    let code = &asked["errors"][0]["extensions"]["code"];
                    ensure!(
                        *code == "FORBIDDEN" || *code == "UNAUTHENTICATED",
                        "{query}: {asked}"
                    );
                }
            }
        }
        for (of, before, fields) in WAYS {
            all.each.extend(fields.iter().map(|selected| Field {
                of,
                name: selected.split(' ').next().unwrap_or_default().to_owned(),
                selected: (*selected).to_owned(),
                query: whole(before, selected),
            }));
        }
        all.are_all_types().await?;
        ensure!(all.each.len() > 150, "only {} fields", all.each.len());
        Ok(all)
    }

    /// Returns the fields of a type that require no argument, each with its selection set.
    async fn selections(&self, of: &str) -> anyhow::Result<Vec<(String, String)>> {
        const READ: &str = "query ($name: String!) { __type(name: $name) { fields {
            name args { defaultValue type { kind } }
            type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } }";
        let found = self
            .plain
            .ask_with(READ, &json!({ "name": of }))
            .await?
            .value()?;
        let fields = found["data"]["__type"]["fields"].as_array();
        let mut selections = Vec::new();
        for field in fields.with_context(|| format!("there is no type {of}"))? {
            let args = field["args"].as_array().into_iter().flatten();
            let needs =
                |arg: &Value| arg["type"]["kind"] == "NON_NULL" && arg["defaultValue"].is_null();
            if args.into_iter().any(needs) {
                continue;
            }
            let name = field["name"].as_str().unwrap_or_default();
            let mut ty = &field["type"];
            while !ty["ofType"].is_null() {
                ty = &ty["ofType"];
            }
            let is_leaf = ty["kind"] == "SCALAR" || ty["kind"] == "ENUM";
            let of = ty["name"].as_str().unwrap_or_default();
            let selected = if is_leaf {
                name.to_owned()
            } else if of.ends_with("Connection") && TYPES.iter().any(|(ty, _)| *ty == of) {
                format!("{name} {{ totalCount nodes {{ id }} }}")
            } else if TYPES.iter().any(|(ty, _)| *ty == of) && self.has_id(of).await? {
                format!("{name} {{ id }}")
            } else {
                let leaf = leaf(of);
                format!("{name} {{ {leaf} }}")
            };
            selections.push((name.to_owned(), selected));
        }
        Ok(selections)
    }

    async fn has_id(&self, of: &str) -> anyhow::Result<bool> {
        const READ: &str = "query ($name: String!) { __type(name: $name) { fields { name } } }";
        let found = self
            .plain
            .ask_with(READ, &json!({ "name": of }))
            .await?
            .value()?;
        let fields = found["data"]["__type"]["fields"].as_array();
        Ok(fields
            .into_iter()
            .flatten()
            .any(|field| field["name"] == "id"))
    }

    /// Checks that each object type in the schema is covered here or listed elsewhere.
    async fn are_all_types(&self) -> anyhow::Result<()> {
        const READ: &str = "{ __schema { types { kind name } } }";
        let found = self.plain.ask(READ).await?.value()?;
        let types = found["data"]["__schema"]["types"].as_array();
        let of_writes = [
            "Payload",
            "Conflict",
            "WordsDiff",
            "UserError",
            "Mutation",
            "Query",
            "Preview",
            "RichText",
            "Token",
        ];
        let names = types.into_iter().flatten();
        let names = names.filter(|ty| ty["kind"] == "OBJECT");
        for name in names.filter_map(|ty| ty["name"].as_str()) {
            let here = TYPES.iter().any(|(ty, _)| *ty == name);
            let elsewhere = TESTED_ELSEWHERE.iter().any(|(ty, _)| *ty == name);
            let writes = name.starts_with("__") || of_writes.iter().any(|part| name.contains(part));
            ensure!(here || elsewhere || writes, "{name} is covered nowhere");
        }
        Ok(())
    }

    /// Compares every field as cached with the database, which also fills the cache. Records which
    /// fields have changed.
    async fn look(&mut self, after: &str) -> anyhow::Result<()> {
        self.checked += 1;
        let cache = self.fixture.app.db().db().cache();
        let hits = || cache.map(Cache::stats).unwrap_or_default().responses.hits;
        let ways = WAYS.iter().map(|(of, before, _)| (*of, *before));
        for (of, before) in TYPES.into_iter().chain(ways) {
            let of_type = || self.each.iter().filter(|field| field.of == of);
            let all = of_type().fold(String::new(), |mut all, field| {
                let _ = write!(all, " {}", field.selected);
                all
            });
            let truth = self.plain.ask(&whole(before, &all)).await?.value()?;
            ensure!(truth["errors"].is_null(), "{of}: {truth}");
            for field in of_type() {
                let cached = self
                    .endpoint
                    .ask_as_reader(&field.query, &Value::Null)
                    .await?;
                let cached: Value = serde_json::from_str(&cached)?;
                ensure!(
                    is_part(&cached["data"], &truth["data"]),
                    "{of}.{}, after {after}: {}\nthe cache says\n{}\nthe database says\n{}",
                    field.name,
                    field.query,
                    cached["data"],
                    truth["data"]
                );
                if self.checked == 1 {
                    // Nothing has been written yet, so a repeated query must be a cache hit.
                    let before = hits();
                    self.endpoint
                        .ask_as_reader(&field.query, &Value::Null)
                        .await?;
                    ensure!(hits() == before + 1, "not cached: {}", field.query);
                }
            }
            let mut objects = Vec::new();
            // Inline fragments open a brace in the query, but add no level to the response.
            let depth = before.matches('{').count() - before.matches("... on").count();
            collect(&truth["data"], depth, String::new(), &mut objects);
            let names: Vec<_> = of_type().map(|field| field.name.clone()).collect();
            for (object, value) in objects {
                let was = self.said.insert((of, object), value.clone());
                let Some(was) = was else { continue };
                for name in names.iter().filter(|name| was[*name] != value[*name]) {
                    self.changed.insert(format!("{of}.{name}"));
                }
            }
        }
        Ok(())
    }

    fn are_all_known(&self) -> anyhow::Result<()> {
        let names = self.each.iter();
        let names: BTreeSet<_> = names
            .map(|field| format!("{}.{}", field.of, field.name))
            .collect();
        let steady: BTreeSet<_> = STEADY.iter().map(|(name, _)| (*name).to_owned()).collect();
        let missing: Vec<_> = names
            .difference(&self.changed)
            .filter(|name| !steady.contains(*name))
            .collect();
        ensure!(
            missing.is_empty(),
            "nothing has changed these: {missing:#?}"
        );
        let moved: Vec<_> = steady.intersection(&self.changed).collect();
        ensure!(moved.is_empty(), "these have changed: {moved:?}");
        let gone: Vec<_> = steady.difference(&names).collect();
        ensure!(gone.is_empty(), "these are no fields of readers: {gone:?}");
        Ok(())
    }
}

/// Builds a query from its start and a selection, and closes the open braces.
fn whole(before: &str, selected: &str) -> String {
    let braces = "}".repeat(before.matches('{').count() + 1);
    format!("{{ {before} {selected} {braces}")
}

/// Whether `truth` contains all of `cached`. Objects in `truth` may have more fields.
fn is_part(cached: &Value, truth: &Value) -> bool {
    match (cached, truth) {
        (Value::Object(cached), Value::Object(truth)) => cached
            .iter()
            .all(|(name, cached)| truth.get(name).is_some_and(|truth| is_part(cached, truth))),
        (Value::Array(cached), Value::Array(truth)) => {
            cached.len() == truth.len()
                && cached
                    .iter()
                    .zip(truth)
                    .all(|(cached, truth)| is_part(cached, truth))
        }
        _ => cached == truth,
    }
}

/// Collects the objects at this depth of a response. Each is named by its ID or, if it has none, by
/// the path from the nearest ancestor with an ID.
fn collect(value: &Value, depth: usize, name: String, objects: &mut Vec<(String, Value)>) {
    let name = value["id"].as_str().map_or(name, str::to_owned);
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                collect(item, depth, format!("{name} {place}"), objects);
            }
        }
        Value::Object(members) if depth > 0 => {
            for (member, inner) in members.iter().filter(|(name, _)| *name != "id") {
                collect(inner, depth - 1, format!("{name} {member}"), objects);
            }
        }
        Value::Object(_) => objects.push((name, value.clone())),
        _ => {}
    }
}
