//! The content of the newsroom before any writer starts. All writers refer to it, but change only its
//! order and its section tree.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::model::{Article, CONTENT, FieldValues, Id};
use super::noun::{Noun, flat};
use super::writer::COMMON;
use crate::Fixture;

/// The GraphQL fields of an article's content.
pub(super) const READ: &str =
    "kind slug canonicalUrl headline lead hero { id } source { id } section { id }
    hasPhotos hasVideo hasAudio authors { id } topics { id } stories { id } bodyText";

pub(super) struct SeedData {
    /// All articles, published or not.
    pub(super) articles: BTreeMap<Id, Article>,
    nouns: BTreeMap<&'static str, BTreeSet<Id>>,
}

impl SeedData {
    pub(super) async fn read(fixture: &Fixture) -> anyhow::Result<Self> {
        let document = format!(
            "{{ articles(first: 100) {{ nodes {{ ...A }} }} unpublishedArticles(first: 100) {{ nodes {{ ...A }} }}
                sections {{ id }} stories(first: 100, status: ACTIVE) {{ nodes {{ id }} }}
                liveChannels {{ id }} followChannels {{ id }} }}
             fragment A on Article {{ id status version listedAt {READ} }}"
        );
        let found = flat(fixture.ask(&fixture.editor, &document, json!({})).await?);
        let mut articles = BTreeMap::new();
        for list in ["articles", "unpublishedArticles"] {
            for node in found[list]["nodes"].as_array().context("no list")? {
                let id = node["id"].as_str().context("no id")?;
                articles.insert(id.to_owned(), article(node)?);
            }
        }
        let mut nouns: BTreeMap<&'static str, BTreeSet<Id>> = BTreeMap::new();
        for (noun, list) in [
            ("section", &found["sections"]),
            ("story", &found["stories"]["nodes"]),
            ("liveChannel", &found["liveChannels"]),
            ("followChannel", &found["followChannels"]),
        ] {
            let ids = list.as_array().into_iter().flatten();
            let ids = ids.filter_map(|id| id.as_str().map(str::to_owned));
            nouns.entry(noun).or_default().extend(ids);
        }
        for article in articles.values() {
            for (noun, field) in [("topic", "topics"), ("person", "authors")] {
                nouns.entry(noun).or_default().extend(article.ids(field));
            }
            let source = nouns.entry("source").or_default();
            source.extend(article.one("source"));
        }
        Ok(Self { articles, nouns })
    }

    /// Returns the objects of a kind. Stories are limited to active ones. Authors, sources and topics are
    /// limited to those used by an article.
    pub(super) fn of(&self, noun: &Noun) -> Vec<Id> {
        self.ids(noun.name)
    }

    pub(super) fn ids(&self, noun: &str) -> Vec<Id> {
        let ids = self.nouns.get(noun).into_iter().flatten();
        ids.cloned().collect()
    }

    /// Whether the seed data contains this object. Articles are not included.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.nouns.values().any(|ids| ids.contains(id))
    }
}

fn article(node: &Value) -> anyhow::Result<Article> {
    let fields = CONTENT.iter().chain(&["status", "version"]);
    let values: FieldValues = fields
        .map(|field| ((*field).to_owned(), node[field].clone()))
        .collect();
    Ok(Article {
        edition: COMMON.to_owned(),
        values,
        listed: node["listedAt"].as_str().context("no hour")?.parse()?,
        scheduled: None,
        embargo: None,
        reason: None,
        history: Vec::new(),
        corrections: Vec::new(),
        related: Vec::new(),
        loose: false,
        withdrawn_as: None,
    })
}
