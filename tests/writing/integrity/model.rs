//! The model: what one writer has written, in plain maps. It is exact, because nobody else writes
//! what is theirs; what all write together is not in it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::noun::{Noun, STORY};

/// A global id.
pub(super) type Id = String;

/// What is read of a thing: the API's fields, with ids for what it refers to.
pub(super) type Face = Map<String, Value>;

/// Everything that is written in an article and kept of each version; the body as plain text.
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

/// What is not an article.
pub(super) struct Thing {
    pub(super) noun: &'static Noun,
    /// The slug of its edition.
    pub(super) edition: String,
    pub(super) face: Face,
}

/// A version of an article.
pub(super) struct Saved {
    pub(super) version: i64,
    pub(super) step: &'static str,
    pub(super) note: Option<String>,
    pub(super) content: Face,
}

pub(super) struct Article {
    pub(super) edition: String,
    /// Its content, its status and its version.
    pub(super) face: Face,
    /// Its place in time among others.
    pub(super) listed: DateTime<Utc>,
    pub(super) scheduled: Option<DateTime<Utc>>,
    pub(super) embargo: Option<DateTime<Utc>>,
    /// Why it was withdrawn, while it is.
    pub(super) reason: Option<String>,
    /// Its versions, from 1 on; none for what was there before.
    pub(super) history: Vec<Saved>,
    /// What readers are told was put right: in which version, in which words.
    pub(super) corrections: Vec<(i64, String)>,
    /// What an editor chose to stand beside it, in order.
    pub(super) related: Vec<Id>,
    /// Whether others decide in which order its stories stand.
    pub(super) loose: bool,
    /// The slug that it had when it was last withdrawn.
    pub(super) withdrawn_as: Option<String>,
}

impl Article {
    pub(super) fn status(&self) -> &str {
        self.face["status"].as_str().unwrap_or_default()
    }

    pub(super) fn version(&self) -> i64 {
        self.face["version"].as_i64().unwrap_or_default()
    }

    pub(super) fn published(&self) -> bool {
        self.status() == "PUBLISHED"
    }

    /// Whether readers find something by its slug: the article, or why it was withdrawn.
    pub(super) fn has_address(&self) -> bool {
        ["PUBLISHED", "WITHDRAWN"].contains(&self.status())
    }

    pub(super) fn slug(&self) -> &str {
        self.face["slug"].as_str().unwrap_or_default()
    }

    /// The ids in one of its lists.
    pub(super) fn ids(&self, field: &str) -> Vec<Id> {
        let list = self.face[field].as_array().into_iter().flatten();
        list.filter_map(|id| id.as_str().map(str::to_owned))
            .collect()
    }

    /// What it refers to by one id.
    pub(super) fn one(&self, field: &str) -> Option<Id> {
        self.face[field].as_str().map(str::to_owned)
    }

    pub(super) fn set(&mut self, field: &str, ids: &[Id]) {
        self.face.insert(field.to_owned(), json!(ids));
    }

    pub(super) fn content(&self) -> Face {
        let fields = CONTENT.iter();
        fields
            .map(|field| ((*field).to_owned(), self.face[*field].clone()))
            .collect()
    }

    /// Takes a step: its text as it stands now is another version.
    pub(super) fn take(
        &mut self,
        step: &'static str,
        to: &'static str,
        at: DateTime<Utc>,
        note: Option<String>,
    ) {
        let version = self.version() + 1;
        self.face.insert("version".to_owned(), json!(version));
        self.face.insert("status".to_owned(), json!(to));
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

/// Where a step leads from a status; nothing when it does not begin there.
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

/// What stands in an order of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Rail,
    Leads,
    Channels(&'static str),
    /// The sections that lie in this one, or in none.
    Sections(Option<Id>),
}

/// Where something lives, or lived: noun, edition, slug.
pub(super) type Address = (&'static str, String, String);

#[derive(Default)]
pub(super) struct Model {
    pub(super) things: BTreeMap<Id, Thing>,
    pub(super) articles: BTreeMap<Id, Article>,
    /// Every slug that ever was.
    pub(super) addresses: BTreeSet<Address>,
    /// What readers knew by a slug that it no longer has.
    pub(super) redirects: BTreeMap<Address, Id>,
    /// The orders of the edition that is the writer's own.
    pub(super) orders: BTreeMap<Order, Vec<Id>>,
    /// Which story went on in which.
    pub(super) merged: BTreeMap<Id, Id>,
}

impl Model {
    /// The things of a kind in an edition.
    pub(super) fn of(&self, noun: &Noun, edition: &str) -> Vec<Id> {
        let things = self.things.iter();
        things
            .filter(|(_, thing)| thing.noun.name == noun.name && thing.edition == edition)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The articles of an edition in any of these statuses; whatever their status when none is
    /// said.
    pub(super) fn articles_of(&self, edition: &str, statuses: &[&str]) -> Vec<Id> {
        let articles = self.articles.iter();
        articles
            .filter(|(_, article)| article.edition == edition && !article.loose)
            .filter(|(_, article)| statuses.is_empty() || statuses.contains(&article.status()))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The face of something, whatever it is.
    pub(super) fn face(&self, id: &str) -> Option<&Face> {
        let thing = self.things.get(id).map(|thing| &thing.face);
        thing.or_else(|| self.articles.get(id).map(|article| &article.face))
    }

    /// What has this slug.
    pub(super) fn owner(&self, (noun, edition, slug): &Address) -> Option<&Id> {
        if *noun == "article" {
            let mut articles = self.articles.iter();
            let found = articles
                .find(|(_, article)| article.edition == *edition && article.face["slug"] == *slug);
            return found.map(|(id, _)| id);
        }
        let mut things = self.things.iter();
        let found = things.find(|(_, thing)| {
            let face = thing.face.get("slug");
            thing.noun.name == *noun
                && thing.edition == *edition
                && face.is_some_and(|it| it == slug)
        });
        found.map(|(id, _)| id)
    }

    /// What those find by this slug who see everything.
    pub(super) fn found_by_editors(&self, address: &Address) -> Option<&Id> {
        self.owner(address).or_else(|| self.redirects.get(address))
    }

    /// What readers find by it: no draft stands in the way of what they knew by it.
    pub(super) fn found_by_readers(&self, address: &Address) -> Option<&Id> {
        let seen = |id: &&Id| self.articles.get(*id).is_none_or(Article::has_address);
        let led = self.redirects.get(address);
        self.owner(address).filter(seen).or(led.filter(seen))
    }

    /// Whether something else lives under this slug.
    pub(super) fn is_taken(&self, address: &Address, except: Option<&Id>) -> bool {
        self.owner(address).is_some_and(|id| Some(id) != except)
    }

    /// What led to a thing that is gone leads to this now, or nowhere.
    pub(super) fn turn(&mut self, gone: &Id, to: Option<&Id>) {
        self.redirects.retain(|_, led| led != gone || to.is_some());
        for led in self.redirects.values_mut().filter(|led| *led == gone) {
            if let Some(to) = to {
                led.clone_from(to);
            }
        }
    }

    /// Something that had one slug has another: `former` is none when it is new.
    pub(super) fn moved(&mut self, id: &Id, address: &Address, former: Option<&str>) {
        self.addresses.insert(address.clone());
        if former == Some(address.2.as_str()) {
            return;
        }
        let article = self.articles.get(id);
        let seen = article.is_none_or(Article::has_address);
        // What was withdrawn and is worked on again is known by the slug that it had.
        let known = seen || article.is_some_and(|it| it.withdrawn_as.as_deref() == former);
        if let Some(former) = former.filter(|_| known) {
            let left = (address.0, address.1.clone(), former.to_owned());
            self.redirects.insert(left, id.clone());
        }
        if seen || self.redirects.get(address) == Some(id) {
            self.redirects.remove(address);
        }
    }

    /// An article has gone out: its slug leads nowhere else.
    pub(super) fn went_out(&mut self, id: &Id) {
        if let Some(article) = self.articles.get(id).filter(|article| article.published()) {
            let slug = article.slug().to_owned();
            let address = ("article", article.edition.clone(), slug);
            self.redirects.remove(&address);
        }
    }

    /// The slugs besides its own that lead to this.
    pub(super) fn former(&self, id: &Id) -> BTreeSet<String> {
        let led = self.redirects.iter().filter(|(_, led)| *led == id);
        led.map(|((_, _, slug), _)| slug.clone()).collect()
    }

    /// One story goes on in another: its articles, its topics, its place and its slugs do so too.
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
        let gone = self.things.remove(from);
        if let Some(thing) = &gone {
            let slug = thing.face["slug"].as_str().unwrap_or_default();
            let left = (thing.noun.name, thing.edition.clone(), slug.to_owned());
            self.redirects.insert(left, into.clone());
        }
        let into_archived = self.status(into) == "ARCHIVED";
        if let (Some(gone), Some(thing)) = (gone, self.things.get_mut(into)) {
            let mut topics = thing.face["topics"].as_array().cloned().unwrap_or_default();
            let more = gone.face["topics"].as_array().cloned().unwrap_or_default();
            let more: Vec<_> = more.into_iter().filter(|it| !topics.contains(it)).collect();
            topics.extend(more);
            thing.face.insert("topics".to_owned(), json!(topics));
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

    /// Whether a story goes on.
    pub(super) fn status(&self, id: &Id) -> &str {
        let thing = self.things.get(id);
        let thing = thing.filter(|thing| thing.noun.name == STORY.name);
        thing
            .and_then(|thing| thing.face["status"].as_str())
            .unwrap_or("ACTIVE")
    }

    /// Puts something into an order, at a place or last.
    pub(super) fn place(&mut self, order: Order, id: &Id, at: Option<usize>) {
        let order = self.orders.entry(order).or_default();
        order.retain(|other| other != id);
        order.insert(at.unwrap_or(order.len()).min(order.len()), id.clone());
    }

    /// Takes something out of an order.
    pub(super) fn leave(&mut self, order: Order, id: &Id) {
        let order = self.orders.entry(order).or_default();
        order.retain(|other| other != id);
    }
}
