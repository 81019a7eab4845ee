//! What stood in the newsroom before anybody wrote: nobody changes it, but all refer to it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::model::{Article, CONTENT, Face, Id};
use super::noun::{Noun, flat};
use super::writer::COMMON;
use crate::Desk;

/// What is read of an article: its content.
pub(super) const READ: &str =
    "kind slug canonicalUrl headline lead hero { id } source { id } section { id }
    hasPhotos hasVideo hasAudio authors { id } topics { id } stories { id } bodyText";

pub(super) struct Stock {
    /// Its articles, published or not.
    pub(super) articles: BTreeMap<Id, Article>,
    nouns: BTreeMap<&'static str, BTreeSet<Id>>,
}

impl Stock {
    pub(super) async fn of_desk(desk: &Desk) -> anyhow::Result<Self> {
        let document = format!(
            "{{ articles(first: 100) {{ nodes {{ ...A }} }} desk(first: 100) {{ nodes {{ ...A }} }}
                sections {{ id }} stories(first: 100, status: ACTIVE) {{ nodes {{ id }} }}
                liveChannels {{ id }} followChannels {{ id }} }}
             fragment A on Article {{ id status version listedAt {READ} }}"
        );
        let found = flat(desk.ask(&desk.editor, &document, json!({})).await?);
        let mut articles = BTreeMap::new();
        for list in ["articles", "desk"] {
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

    /// Its things of a kind: of stories those that go on, of those who sign, are cited or written
    /// about those of any article.
    pub(super) fn of(&self, noun: &Noun) -> Vec<Id> {
        self.ids(noun.name)
    }

    pub(super) fn ids(&self, noun: &str) -> Vec<Id> {
        let ids = self.nouns.get(noun).into_iter().flatten();
        ids.cloned().collect()
    }

    /// Whether this is one of its things.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.nouns.values().any(|ids| ids.contains(id))
    }
}

fn article(node: &Value) -> anyhow::Result<Article> {
    let fields = CONTENT.iter().chain(&["status", "version"]);
    let face: Face = fields
        .map(|field| ((*field).to_owned(), node[field].clone()))
        .collect();
    Ok(Article {
        edition: COMMON.to_owned(),
        face,
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
