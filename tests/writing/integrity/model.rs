//! The model of what one writer has written, in plain maps. It is exact, because no other writer
//! changes these objects. Objects that several writers change are not in it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::noun::{Noun, STORY};

/// A global ID.
pub(super) type Id = String;

/// The fields of an object as read from the API, with IDs for references.
pub(super) type FieldValues = Map<String, Value>;

/// The fields of an article that are stored with each version. The body is plain text.
pub(super) const CONTENT: [&str; 15] = [
    "kind",
    "slug",
    "canonicalUrl",
    "headline",
    "lead",
    "hero",
    "source",
    "section",
    "hasPhotos",
    "hasVideo",
    "hasAudio",
    "authors",
    "topics",
    "stories",
    "bodyText",
];

/// An object other than an article.
pub(super) struct ModelObject {
    pub(super) noun: &'static Noun,
    /// The slug of its edition.
    pub(super) edition: String,
    pub(super) values: FieldValues,
}

/// A version of an article.
pub(super) struct Saved {
    pub(super) version: i64,
    pub(super) step: &'static str,
    pub(super) note: Option<String>,
    pub(super) content: FieldValues,
}

pub(super) struct Article {
    pub(super) edition: String,
    /// The content, the status and the version.
    pub(super) values: FieldValues,
    /// The time by which lists sort the article.
    pub(super) listed: DateTime<Utc>,
    pub(super) scheduled: Option<DateTime<Utc>>,
    pub(super) embargo: Option<DateTime<Utc>>,
    /// The reason for the withdrawal, while withdrawn.
    pub(super) reason: Option<String>,
    /// All versions from 1 onwards. Empty for articles that existed before the test.
    pub(super) history: Vec<Saved>,
    /// The corrections shown to readers, each with its version and its note.
    pub(super) corrections: Vec<(i64, String)>,
    /// The related articles that an editor has chosen, in order.
    pub(super) related: Vec<Id>,
    /// Whether other writers affect the order of its stories.
    pub(super) loose: bool,
    /// The slug at the time of the last withdrawal.
    pub(super) withdrawn_as: Option<String>,
}

impl Article {
    pub(super) fn status(&self) -> &str {
        self.values["status"].as_str().unwrap_or_default()
    }

    pub(super) fn version(&self) -> i64 {
        self.values["version"].as_i64().unwrap_or_default()
    }

    pub(super) fn published(&self) -> bool {
        self.status() == "PUBLISHED"
    }

    /// Whether the slug gives readers a result: the article, or the reason for its withdrawal.
    pub(super) fn has_address(&self) -> bool {
        ["PUBLISHED", "WITHDRAWN"].contains(&self.status())
    }

    pub(super) fn slug(&self) -> &str {
        self.values["slug"].as_str().unwrap_or_default()
    }

    /// Returns the IDs in a list field.
    pub(super) fn ids(&self, field: &str) -> Vec<Id> {
        let list = self.values[field].as_array().into_iter().flatten();
        list.filter_map(|id| id.as_str().map(str::to_owned))
            .collect()
    }

    /// Returns the ID in a reference field.
    pub(super) fn one(&self, field: &str) -> Option<Id> {
        self.values[field].as_str().map(str::to_owned)
    }

    pub(super) fn set(&mut self, field: &str, ids: &[Id]) {
        self.values.insert(field.to_owned(), json!(ids));
    }

    pub(super) fn content(&self) -> FieldValues {
        let fields = CONTENT.iter();
        fields
            .map(|field| ((*field).to_owned(), self.values[*field].clone()))
            .collect()
    }

    /// Takes a workflow step, which stores the present content as a new version.
    pub(super) fn take(
        &mut self,
        step: &'static str,
        to: &'static str,
        at: DateTime<Utc>,
        note: Option<String>,
    ) {
        let version = self.version() + 1;
        self.values.insert("version".to_owned(), json!(version));
        self.values.insert("status".to_owned(), json!(to));
        if step != "CORRECT" {
            self.listed = at;
            if to != "SCHEDULED" {
                self.scheduled = None;
            }
        }
        match step {
            "PUBLISH" => self.embargo = None,
            "REOPEN" => self.reason = None,
            "WITHDRAW" => self.withdrawn_as = Some(self.slug().to_owned()),
            _ => (),
        }
        let content = self.content();
        self.history.push(Saved {
            version,
            step,
            note,
            content,
        });
    }
}

/// Returns the status that a step leads to, or `None` if this status does not allow the step.
pub(super) fn leads(step: &str, status: &str) -> Option<&'static str> {
    Some(match (step, status) {
        ("SAVE", "DRAFT") | ("RETURN", "REVIEW" | "SCHEDULED") | ("REOPEN", "WITHDRAWN") => "DRAFT",
        ("SAVE", "REVIEW") | ("SUBMIT", "DRAFT") => "REVIEW",
        ("SAVE", "SCHEDULED") | ("SCHEDULE", "DRAFT" | "REVIEW" | "SCHEDULED") => "SCHEDULED",
        ("PUBLISH", "DRAFT" | "REVIEW" | "SCHEDULED") | ("CORRECT", "PUBLISHED") => "PUBLISHED",
        ("WITHDRAW", "PUBLISHED") => "WITHDRAWN",
        _ => return None,
    })
}

/// A list that editors arrange.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Rail,
    Leads,
    Channels(&'static str),
    /// The sections with this parent, or the root sections.
    Sections(Option<Id>),
}

/// The present or former address of an object: noun, edition and slug.
pub(super) type Address = (&'static str, String, String);

#[derive(Default)]
pub(super) struct Model {
    pub(super) objects: BTreeMap<Id, ModelObject>,
    pub(super) articles: BTreeMap<Id, Article>,
    /// All slugs ever used.
    pub(super) addresses: BTreeSet<Address>,
    /// The objects that former slugs redirect to.
    pub(super) redirects: BTreeMap<Address, Id>,
    /// The arranged lists of the writer's own edition.
    pub(super) orders: BTreeMap<Order, Vec<Id>>,
    /// Merged stories, each with the story that it was merged into.
    pub(super) merged: BTreeMap<Id, Id>,
}

impl Model {
    /// Returns the objects of a kind in an edition.
    pub(super) fn of(&self, noun: &Noun, edition: &str) -> Vec<Id> {
        let objects = self.objects.iter();
        objects
            .filter(|(_, object)| object.noun.name == noun.name && object.edition == edition)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Returns the articles of an edition that have one of these statuses, or all of them if
    /// `statuses` is empty. Guest articles are left out.
    pub(super) fn articles_of(&self, edition: &str, statuses: &[&str]) -> Vec<Id> {
        let articles = self.articles.iter();
        articles
            .filter(|(_, article)| article.edition == edition && !article.loose)
            .filter(|(_, article)| statuses.is_empty() || statuses.contains(&article.status()))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Returns the fields of any object.
    pub(super) fn values(&self, id: &str) -> Option<&FieldValues> {
        let object = self.objects.get(id).map(|object| &object.values);
        object.or_else(|| self.articles.get(id).map(|article| &article.values))
    }

    /// Returns the object that has this slug now.
    pub(super) fn owner(&self, (noun, edition, slug): &Address) -> Option<&Id> {
        if *noun == "article" {
            let mut articles = self.articles.iter();
            let found = articles.find(|(_, article)| {
                article.edition == *edition && article.values["slug"] == *slug
            });
            return found.map(|(id, _)| id);
        }
        let mut objects = self.objects.iter();
        let found = objects.find(|(_, object)| {
            let values = object.values.get("slug");
            object.noun.name == *noun
                && object.edition == *edition
                && values.is_some_and(|it| it == slug)
        });
        found.map(|(id, _)| id)
    }

    /// Returns the object that this slug gives editors, who see everything.
    pub(super) fn found_by_editors(&self, address: &Address) -> Option<&Id> {
        self.owner(address).or_else(|| self.redirects.get(address))
    }

    /// Returns the object that this slug gives readers. A draft with this slug does not hide a
    /// redirect.
    pub(super) fn found_by_readers(&self, address: &Address) -> Option<&Id> {
        let seen = |id: &&Id| self.articles.get(*id).is_none_or(Article::has_address);
        let redirected = self.redirects.get(address);
        self.owner(address).filter(seen).or(redirected.filter(seen))
    }

    /// Whether an object other than `except` has this slug.
    pub(super) fn is_taken(&self, address: &Address, except: Option<&Id>) -> bool {
        self.owner(address).is_some_and(|id| Some(id) != except)
    }

    /// Points all redirects to a removed object to another one, or removes them.
    pub(super) fn turn(&mut self, gone: &Id, to: Option<&Id>) {
        self.redirects
            .retain(|_, redirected| redirected != gone || to.is_some());
        for redirected in self
            .redirects
            .values_mut()
            .filter(|redirected| *redirected == gone)
        {
            if let Some(to) = to {
                redirected.clone_from(to);
            }
        }
    }

    /// Records a new slug, and a redirect from the former one. `former` is `None` for a new object.
    pub(super) fn moved(&mut self, id: &Id, address: &Address, former: Option<&str>) {
        self.addresses.insert(address.clone());
        if former == Some(address.2.as_str()) {
            return;
        }
        let article = self.articles.get(id);
        let seen = article.is_none_or(Article::has_address);
        // A withdrawn article that was reopened is still known by the slug it had.
        let known = seen || article.is_some_and(|it| it.withdrawn_as.as_deref() == former);
        if let Some(former) = former.filter(|_| known) {
            let left = (address.0, address.1.clone(), former.to_owned());
            self.redirects.insert(left, id.clone());
        }
        if seen || self.redirects.get(address) == Some(id) {
            self.redirects.remove(address);
        }
    }

    /// Removes the redirect that a newly published article replaces at its slug.
    pub(super) fn went_out(&mut self, id: &Id) {
        if let Some(article) = self.articles.get(id).filter(|article| article.published()) {
            let slug = article.slug().to_owned();
            let address = ("article", article.edition.clone(), slug);
            self.redirects.remove(&address);
        }
    }

    /// Returns the former slugs that redirect to this object.
    pub(super) fn former(&self, id: &Id) -> BTreeSet<String> {
        let redirected = self
            .redirects
            .iter()
            .filter(|(_, redirected)| *redirected == id);
        redirected.map(|((_, _, slug), _)| slug.clone()).collect()
    }

    /// Merges one story into another: its articles, its topics, its pinned position and its slugs.
    pub(super) fn merge(&mut self, from: &Id, into: &Id) {
        for article in self.articles.values_mut() {
            let mut stories = article.ids("stories");
            if stories.contains(into) {
                stories.retain(|story| story != from);
            } else if let Some(place) = stories.iter_mut().find(|story| *story == from) {
                place.clone_from(into);
            }
            article.set("stories", &stories);
        }
        let gone = self.objects.remove(from);
        if let Some(object) = &gone {
            let slug = object.values["slug"].as_str().unwrap_or_default();
            let left = (object.noun.name, object.edition.clone(), slug.to_owned());
            self.redirects.insert(left, into.clone());
        }
        let into_archived = self.status(into) == "ARCHIVED";
        if let (Some(gone), Some(object)) = (gone, self.objects.get_mut(into)) {
            let mut topics = object.values["topics"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let more = gone.values["topics"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let more: Vec<_> = more.into_iter().filter(|it| !topics.contains(it)).collect();
            topics.extend(more);
            object.values.insert("topics".to_owned(), json!(topics));
        }
        let rail = self.orders.entry(Order::Rail).or_default();
        if into_archived || rail.contains(into) {
            rail.retain(|story| story != from);
        } else if let Some(place) = rail.iter_mut().find(|story| *story == from) {
            place.clone_from(into);
        }
        self.turn(from, Some(into));
        self.merged.insert(from.clone(), into.clone());
    }

    /// Returns the status of a story, or `ACTIVE` if the model does not contain it.
    pub(super) fn status(&self, id: &Id) -> &str {
        let object = self.objects.get(id);
        let object = object.filter(|object| object.noun.name == STORY.name);
        object
            .and_then(|object| object.values["status"].as_str())
            .unwrap_or("ACTIVE")
    }

    /// Inserts or moves an object to a position in a list, or to its end.
    pub(super) fn place(&mut self, order: Order, id: &Id, at: Option<usize>) {
        let order = self.orders.entry(order).or_default();
        order.retain(|other| other != id);
        order.insert(at.unwrap_or(order.len()).min(order.len()), id.clone());
    }

    /// Removes an object from a list.
    pub(super) fn leave(&mut self, order: Order, id: &Id) {
        let order = self.orders.entry(order).or_default();
        order.retain(|other| other != id);
    }
}
