//! Comparison of the models with everything that the API returns.

mod article;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use super::list::List;
use super::model::{Article, Id, Model, Order};
use super::noun::{
    EDITION, FOLLOW, LIVE, MEDIA, Noun, PERSON, SECTION, SOURCE, STORY, TOPIC, flat,
};
use super::seed_data::SeedData;
use super::writer::{COMMON, Written};
use crate::Fixture;

/// The combined model of all writers, together with the initial content.
pub(super) struct MergedModel {
    model: Model,
    seed_data: SeedData,
    /// The orders in each edition that belongs to a single writer, by edition slug.
    own: BTreeMap<String, BTreeMap<Order, Vec<Id>>>,
}

impl MergedModel {
    pub(super) fn of(writers: Vec<Written>, mut seed_data: SeedData) -> Self {
        let mut model = Model::default();
        let mut own = BTreeMap::new();
        let mut guests = Vec::new();
        for writer in writers {
            own.insert(writer.own, writer.model.orders);
            guests.push((writer.guest, writer.visited));
            model.objects.extend(writer.model.objects);
            model.articles.extend(writer.model.articles);
            model.addresses.extend(writer.model.addresses);
            model.redirects.extend(writer.model.redirects);
            model.merged.extend(writer.model.merged);
        }
        for (guest, visited) in guests {
            // A story that a guest article was added to may have been merged since, possibly
            // several times.
            let stories: BTreeSet<Id> = visited
                .into_iter()
                .map(|mut story| {
                    while let Some(into) = model.merged.get(&story) {
                        story.clone_from(into);
                    }
                    story
                })
                .collect();
            if let Some(article) = model.articles.get_mut(&guest) {
                article.set("stories", &Vec::from_iter(stories));
            }
        }
        model.articles.append(&mut seed_data.articles);
        Self {
            model,
            seed_data,
            own,
        }
    }

    /// Publishes the articles in the model that are due by this time, and returns their number.
    pub(super) fn publish_due(&mut self, hour: DateTime<Utc>) -> usize {
        let articles = self.model.articles.iter_mut();
        let due = articles.filter(|(_, article)| {
            article.status() == "SCHEDULED" && article.scheduled.is_some_and(|at| at <= hour)
        });
        let due: Vec<Id> = due
            .map(|(id, article)| {
                article.take("PUBLISH", "PUBLISHED", hour, None);
                id.clone()
            })
            .collect();
        for id in &due {
            self.model.went_out(id);
        }
        due.len()
    }

    /// Compares the whole model with what the API returns.
    pub(super) async fn compare(&self, fixture: &Fixture) -> anyhow::Result<()> {
        for noun in [
            &TOPIC, &PERSON, &SOURCE, &SECTION, &STORY, &MEDIA, &LIVE, &FOLLOW, &EDITION,
        ] {
            self.things_hold(fixture, noun).await?;
        }
        self.articles_hold(fixture).await?;
        self.addresses_hold(fixture).await?;
        self.lists_hold(fixture).await?;
        self.orders_hold(fixture).await
    }

    /// Checks that each object has the fields that the model expects.
    async fn things_hold(&self, fixture: &Fixture, noun: &Noun) -> anyhow::Result<()> {
        let objects = self.model.objects.iter();
        let objects = objects.filter(|(_, object)| object.noun.name == noun.name);
        let objects: Vec<_> = objects.collect();
        let document = format!(
            "query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {} {{ {} }} }} }}",
            noun.class, noun.read
        );
        for objects in objects.chunks(50) {
            let ids: Vec<_> = objects.iter().map(|(id, _)| id).collect();
            let found = fixture
                .ask(&Who::anonymous(), &document, json!({ "ids": ids }))
                .await?;
            let nodes = found["nodes"].as_array().context("no nodes")?;
            for ((id, object), node) in objects.iter().zip(nodes) {
                let expected = Value::Object(object.values.clone());
                ensure!(
                    flat(node.clone()) == expected,
                    "{} {id} is {node} instead of {expected}",
                    noun.name
                );
            }
        }
        Ok(())
    }

    /// Checks that every slug ever used resolves to its present owner, to its former owner, or to
    /// nothing.
    async fn addresses_hold(&self, fixture: &Fixture) -> anyhow::Result<()> {
        for address in &self.model.addresses {
            let (noun, edition, slug) = address;
            let redirected = self.model.found_by_editors(address);
            let document = format!(
                "query ($slug: Slug!, $edition: Slug!) {{
                    {noun}(slug: $slug, edition: $edition) {{ id slug formerSlugs }} }}"
            );
            let variables = json!({"slug": slug, "edition": edition});
            let found = fixture
                .ask(&fixture.editor, &document, variables.clone())
                .await?;
            let mut found = found[*noun].clone();
            if let Some(former) = found.get_mut("formerSlugs").and_then(Value::as_array_mut) {
                former.sort_by_key(Value::to_string);
            }
            let expected = redirected.map(|id| {
                let slug = self.model.values(id).map(|values| values["slug"].clone());
                let mut former = Vec::from_iter(self.model.former(id));
                former.sort_by_key(|slug| json!(slug).to_string());
                json!({"id": id, "slug": slug, "formerSlugs": former})
            });
            let expected = expected.unwrap_or_default();
            ensure!(
                found == expected,
                "the {noun} {slug:?} of {edition} is {found} instead of {expected}"
            );
            if *noun == "article" {
                let redirected = self.model.found_by_readers(address);
                self.readers_find(fixture, &variables, redirected).await?;
            }
        }
        Ok(())
    }

    /// Checks that an article slug gives readers a published article, the tombstone of a withdrawn
    /// one, or nothing.
    async fn readers_find(
        &self,
        fixture: &Fixture,
        address: &Value,
        redirected: Option<&Id>,
    ) -> anyhow::Result<()> {
        const READ: &str = "query ($slug: Slug!, $edition: Slug!) {
            article(slug: $slug, edition: $edition) { id headline status } }";
        let found = fixture
            .ask(&Who::anonymous(), READ, address.clone())
            .await?;
        let article = redirected.and_then(|id| Some((id, self.model.articles.get(id)?)));
        let expected = article.map_or(Value::Null, |(id, article)| match article.status() {
            status @ "PUBLISHED" => {
                json!({"id": id, "headline": article.values["headline"], "status": status})
            }
            status @ "WITHDRAWN" => {
                json!({"id": id, "headline": article.reason, "status": status})
            }
            _ => Value::Null,
        });
        ensure!(
            found["article"] == expected,
            "under {address} readers find {} instead of {expected}",
            found["article"]
        );
        Ok(())
    }

    /// Checks the content, order and count of every list of articles, newest first.
    async fn lists_hold(&self, fixture: &Fixture) -> anyhow::Result<()> {
        let editions: Vec<_> = self
            .own
            .keys()
            .map(String::as_str)
            .chain([COMMON])
            .collect();
        let above = self.sections_above(fixture, &editions).await?;
        let mut lists: BTreeMap<(&str, Id), Vec<&Id>> = BTreeMap::new();
        // Lists start empty, so that objects without articles are checked too.
        for noun in [&TOPIC, &PERSON, &SOURCE, &SECTION, &STORY] {
            let mine = editions.iter().flat_map(|it| self.model.of(noun, it));
            for id in mine.chain(self.seed_data.of(noun)) {
                lists.insert((noun.name, id), Vec::new());
            }
        }
        let mut alone: BTreeMap<Id, Vec<&Id>> = BTreeMap::new();
        for (id, article) in &self.model.articles {
            if !article.published() {
                continue;
            }
            for (noun, field) in [
                ("topic", "topics"),
                ("person", "authors"),
                ("story", "stories"),
            ] {
                for list in article.ids(field) {
                    lists.entry((noun, list)).or_default().push(id);
                }
            }
            if let Some(source) = article.one("source") {
                lists.entry(("source", source)).or_default().push(id);
            }
            if let Some(section) = article.one("section") {
                for list in above.get(&section).into_iter().flatten() {
                    let list = lists.entry(("section", list.clone()));
                    list.or_default().push(id);
                }
                alone.entry(section).or_default().push(id);
            }
            let edition = article.edition.clone();
            lists.entry(("edition", edition)).or_default().push(id);
        }
        for ((noun, of), articles) in &lists {
            let newest = self.newest_first(articles);
            self.list_holds(fixture, noun, of, &newest).await?;
            if *noun == "section" {
                let alone = alone.get(of).map_or(&[][..], Vec::as_slice);
                let list = List {
                    within: format!("section(id: {of:?})"),
                    field: "articles",
                    arguments: "includeDescendants: false".to_owned(),
                };
                let alone = self.newest_first(alone);
                list.compare(fixture, &Who::anonymous(), &alone).await?;
            }
        }
        for edition in editions {
            self.desk_holds(fixture, edition).await?;
        }
        Ok(())
    }

    /// Checks one list of articles in both orders, and the `articleCount` of its owner.
    async fn list_holds(
        &self,
        fixture: &Fixture,
        noun: &str,
        of: &Id,
        newest: &[Id],
    ) -> anyhow::Result<()> {
        let reader = Who::anonymous();
        let (within, edition, named) = match noun {
            "edition" => (
                String::new(),
                format!("edition: {of:?}"),
                format!("slug: {of:?}"),
            ),
            _ => (
                format!("{noun}(id: {of:?})"),
                String::new(),
                format!("id: {of:?}"),
            ),
        };
        let mut list = List {
            within,
            field: "articles",
            arguments: edition.clone(),
        };
        list.compare(fixture, &reader, newest).await?;
        list.arguments = format!("orderBy: OLDEST {edition}");
        let oldest: Vec<_> = newest.iter().rev().cloned().collect();
        list.compare(fixture, &reader, &oldest).await?;
        let document = format!("{{ {noun}({named}) {{ articleCount }} }}");
        let found = fixture.ask(&reader, &document, json!({})).await?;
        let count = &found[noun]["articleCount"];
        ensure!(
            *count == json!(newest.len()),
            "the {noun} {of} counts {count} articles, not {}",
            newest.len()
        );
        Ok(())
    }

    /// Checks that the desk lists the unpublished articles of an edition, most recently changed
    /// first.
    async fn desk_holds(&self, fixture: &Fixture, edition: &str) -> anyhow::Result<()> {
        let unseen: Vec<_> = self
            .articles_of(edition)
            .filter(|(_, article)| !article.published())
            .map(|(id, _)| id)
            .collect();
        let list = List {
            within: String::new(),
            field: "unpublishedArticles",
            arguments: format!("edition: {edition:?}"),
        };
        list.compare(fixture, &fixture.editor, &self.newest_first(&unseen))
            .await
    }

    fn articles_of(&self, edition: &str) -> impl Iterator<Item = (&Id, &Article)> {
        let articles = self.model.articles.iter();
        articles.filter(move |(_, article)| article.edition == edition)
    }

    /// Sorts articles as lists do: newest first, and by descending ID if the times are equal.
    fn newest_first(&self, articles: &[&Id]) -> Vec<Id> {
        let mut order: Vec<Id> = articles.iter().map(|id| (*id).clone()).collect();
        let place = |id: &Id| {
            let listed = self.model.articles.get(id).map(|article| article.listed);
            (listed, bytes(id))
        };
        order.sort_by_key(|id| std::cmp::Reverse(place(id)));
        order
    }

    /// Returns each section with its path to the root, itself included. Checks that every section
    /// is known and that the sections form a tree.
    async fn sections_above(
        &self,
        fixture: &Fixture,
        editions: &[&str],
    ) -> anyhow::Result<BTreeMap<Id, Vec<Id>>> {
        let mut parents: BTreeMap<Id, Option<Id>> = BTreeMap::new();
        for edition in editions {
            let document = format!("{{ sections(edition: {edition:?}) {{ id parent {{ id }} }} }}");
            let found = fixture.ask(&Who::anonymous(), &document, json!({})).await?;
            for section in found["sections"].as_array().context("no sections")? {
                let id = section["id"].as_str().context("no id")?.to_owned();
                let parent = section["parent"]["id"].as_str().map(str::to_owned);
                ensure!(
                    self.model.objects.contains_key(&id) || self.seed_data.contains(&id),
                    "there is a section {section} that nobody made"
                );
                parents.insert(id, parent);
            }
        }
        let mut above = BTreeMap::new();
        for section in parents.keys() {
            let (mut path, mut at) = (Vec::new(), Some(section.clone()));
            while let Some(id) = at {
                ensure!(!path.contains(&id), "{path:?} goes round in a circle");
                at = parents.get(&id).cloned().context("no parent")?;
                path.push(id);
            }
            above.insert(section.clone(), path);
        }
        Ok(above)
    }
}

/// Decodes a global ID into its bytes, which define the order of IDs.
fn bytes(id: &str) -> Vec<u8> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    URL_SAFE_NO_PAD.decode(id).unwrap_or_default()
}
