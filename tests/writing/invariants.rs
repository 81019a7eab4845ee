//! Invariants that hold after any write: counts match lists, lists match the articles' own fields, and
//! positions match the order. Also helpers for checking what the change feed records.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use khabar_domain::Scope;
use khabar_persistence::change::{self, Change, Write};
use khabar_persistence::check;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Fixture;

const ALL: &str = "{
  articles(first: 100) { nodes { id section { id path { id } } stories { id } } }
  sections { id name position articleCount parent { id } children { id position }
    articles(first: 100) { totalCount nodes { id } }
    alone: articles(first: 100, includeDescendants: false) { totalCount nodes { id } } }
  stories(first: 100) { nodes { id title articleCount lastArticleAt
    articles(first: 100) { totalCount nodes { id publishedAt } } } }
  rail: stories(first: 100, pinned: true) { nodes { pinnedPosition } }
  liveChannels { position } followChannels { position }
  roots: sections(roots: true) { position }
}";

fn ids(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|one| one["id"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn dense(list: &Value, place: &str) -> bool {
    let list = list.as_array().into_iter().flatten();
    list.enumerate().all(|(at, one)| one[place] == json!(at))
}

impl Fixture {
    /// Checks that everything readers can see in the Arabic edition is consistent.
    pub(crate) async fn check_invariants(&self) -> anyhow::Result<()> {
        let all = self.ask(&Who::anonymous(), ALL, json!({})).await?;
        let mut under: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut alone: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for article in all["articles"]["nodes"].as_array().context("articles")? {
            let id = article["id"].as_str().context("an id")?;
            let section = &article["section"];
            for list in ids(&section["path"])
                .into_iter()
                .chain(ids(&article["stories"]))
            {
                under.entry(list).or_default().insert(id.to_owned());
            }
            if let Some(section) = section["id"].as_str() {
                alone
                    .entry(section.to_owned())
                    .or_default()
                    .insert(id.to_owned());
            }
        }
        let sections = all["sections"].as_array().context("sections")?;
        let stories = all["stories"]["nodes"].as_array().context("stories")?;
        for list in sections.iter().chain(stories) {
            let id = list["id"].as_str().context("an id")?;
            let listed = ids(&list["articles"]["nodes"]);
            ensure!(
                listed == under.remove(id).unwrap_or_default(),
                "the articles of {list}"
            );
            ensure!(
                list["articleCount"] == json!(listed.len()),
                "the count of {list}"
            );
            ensure!(
                list["articles"]["totalCount"] == json!(listed.len()),
                "the total of {list}"
            );
        }
        for section in sections {
            let id = section["id"].as_str().context("an id")?;
            let listed = ids(&section["alone"]["nodes"]);
            ensure!(
                listed == alone.remove(id).unwrap_or_default(),
                "alone in {section}"
            );
            ensure!(
                dense(&section["children"], "position"),
                "the order in {section}"
            );
        }
        for story in stories {
            let newest = &story["articles"]["nodes"][0]["publishedAt"];
            ensure!(story["lastArticleAt"] == *newest, "the newest of {story}");
        }
        ensure!(
            under.is_empty() && alone.is_empty(),
            "lists that are gone: {under:?}"
        );
        // Every row can be read, and the ids in articles are those of their links.
        let mut broken = Vec::new();
        let scope = Scope::reader(newsroom::now());
        check::check(self.app.db().db(), scope, |row| {
            broken.push(row.to_string());
        })
        .await?;
        ensure!(broken.is_empty(), "broken rows: {broken:?}");
        for (list, place) in [
            (&all["rail"]["nodes"], "pinnedPosition"),
            (&all["liveChannels"], "position"),
            (&all["followChannels"], "position"),
            (&all["roots"], "position"),
        ] {
            ensure!(dense(list, place), "gaps or doubles: {list}");
        }
        Ok(())
    }

    /// Returns the global ID of an object that readers can find by its slug.
    pub(crate) async fn id(&self, noun: &str, slug: &str) -> anyhow::Result<Value> {
        let document = format!("{{ {noun}(slug: \"{slug}\") {{ id }} }}");
        let found = self.ask(&Who::anonymous(), &document, json!({})).await?;
        let id = found[noun]["id"].clone();
        ensure!(id.is_string(), "there is no {noun} {slug}");
        Ok(id)
    }

    /// Returns the current and former slugs of the object found under a slug, or null if there is none.
    pub(crate) async fn find_slugs(&self, noun: &str, slug: &str) -> anyhow::Result<Value> {
        let document = format!("{{ {noun}(slug: \"{slug}\") {{ slug formerSlugs }} }}");
        let mut found = self.ask(&Who::anonymous(), &document, json!({})).await?;
        Ok(found[noun].take())
    }

    /// Returns the position of the last change in the change feed.
    pub(crate) async fn seq(&self) -> anyhow::Result<i64> {
        let reader = self.app.db().db().reader(Scope::reader(newsroom::now()));
        let mut seq = 0;
        while let Some(last) = change::after(&reader, seq, 100).await?.last() {
            seq = last.seq;
        }
        Ok(seq)
    }

    /// Returns up to 100 changes after this position: the entity and operation of each, and all their
    /// cache tags.
    pub(crate) async fn changes(
        &self,
        seq: i64,
    ) -> anyhow::Result<(Vec<String>, BTreeSet<String>)> {
        let reader = self.app.db().db().reader(Scope::reader(newsroom::now()));
        let changes = change::after(&reader, seq, 100).await?;
        let writes = || changes.iter().filter_map(Change::write);
        let operations =
            writes().map(|write| format!("{} {}", write.entity.as_str(), write.operation.as_str()));
        let tags = writes().flat_map(Write::tags).map(ToString::to_string);
        Ok((operations.collect(), tags.collect()))
    }

    /// Sends a mutation as the editor and returns its payload. Fails if there are user errors.
    pub(crate) async fn mutate(&self, document: &str, input: Value) -> anyhow::Result<Value> {
        let payload = self.write(&self.editor, document, input).await?;
        ensure!(payload["userErrors"] == json!([]), "{document}\n{payload}");
        Ok(payload)
    }

    /// Sends a mutation as the editor, expecting a user error. Returns its code and field path.
    pub(crate) async fn user_error_of(
        &self,
        document: &str,
        input: Value,
    ) -> anyhow::Result<String> {
        let payload = self.write(&self.editor, document, input).await?;
        let error = &payload["userErrors"][0];
        let field = error["field"].as_array().context("it was carried out")?;
        let field: Vec<_> = field.iter().filter_map(Value::as_str).collect();
        let code = error["code"].as_str().unwrap_or_default();
        Ok(format!("{code} {}", field.join(".")))
    }
}

/// Builds the document of a mutation that selects `payload` and the user errors.
pub(crate) fn mutation(name: &str, payload: &str) -> String {
    let input = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    format!(
        "mutation ($input: {input}!) {{ {name}(input: $input) {{ {payload} \
         userErrors {{ field code message }} }} }}"
    )
}

/// Returns the cache tag of the object with this global ID, whose last sixteen bytes are a UUID.
pub(crate) fn key(noun: &str, id: &Value) -> anyhow::Result<String> {
    let id = id.as_str().context("an id")?;
    let bytes = URL_SAFE_NO_PAD.decode(id)?;
    let uuid = Uuid::from_slice(bytes.get(1..).context("an empty id")?)?;
    Ok(format!("{noun}:{uuid}"))
}
