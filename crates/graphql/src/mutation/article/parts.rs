//! The parts of an article that a writer fills in: a patch of what it was.

use std::collections::HashSet;
use std::hash::Hash;

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::article::MediaFlags;
use khabar_domain::{Article, Body, Headline, Slug};
use khabar_persistence::Page;
use khabar_persistence::article::{self, Manuscript, Reference};
use khabar_persistence::change::Noun;

use super::block::{self, BlockInput};
use crate::error::Result;
use crate::mutation::read::{self, Addressed};
use crate::node::Global;
use crate::scalar;
use crate::types::{ArticleKind, UserError, UserErrorCode};
use crate::write::{Act, Refusal};

// Published in the inputs that it is flattened into; not as a type of its own.
#[derive(Clone, Debug, InputObject)]
pub(super) struct ArticleParts {
    /// What kind of article it is; news when nothing was ever said.
    kind: Option<ArticleKind>,
    /// Its part of an address, made from the first headline when nothing is said. A former one goes
    /// on leading here.
    slug: Option<scalar::Slug>,
    /// Where it lives on the web.
    canonical_url: MaybeUndefined<scalar::Url>,
    /// The paragraph that sums it up.
    lead: MaybeUndefined<String>,
    /// The picture or film at its head, by its global id.
    hero: MaybeUndefined<ID>,
    /// The agency or outlet that it came from, by its global id.
    source: MaybeUndefined<ID>,
    /// The section that it is filed in, by its global id.
    section: MaybeUndefined<ID>,
    /// The language that it is in, from which follows the side that it is read from; the edition's
    /// when nothing was ever said.
    language: Option<scalar::Language>,
    /// Whether it has pictures worth opening it for.
    has_photos: Option<bool>,
    /// Whether it has a film.
    has_video: Option<bool>,
    /// Whether it has sound.
    has_audio: Option<bool>,
    /// Who signed it, in order, by global ids; at most 100.
    authors: MaybeUndefined<Vec<ID>>,
    /// What it is about, in order, by global ids; at most 100.
    topics: MaybeUndefined<Vec<ID>>,
    /// The stories that it belongs to, in order, by global ids; at most 100.
    stories: MaybeUndefined<Vec<ID>>,
    /// Its text: every block, in order; at most 2,000.
    body: MaybeUndefined<Vec<BlockInput>>,
}

impl ArticleParts {
    /// The slug that a new article begins with.
    pub(super) fn slug(&self, headline: &Headline) -> Result<Slug, Refusal> {
        match &self.slug {
            Some(slug) => Ok(slug.0.clone()),
            None => read::value(&["slug"], Slug::from_text(headline.as_str())),
        }
    }

    /// The manuscript with these parts put in, which leads nowhere that is not there. `former` is the
    /// slug that the article has, if it has one already.
    pub(super) async fn put_into(
        &self,
        act: &Act<'_>,
        was: Manuscript,
        headline: Option<&str>,
        former: Option<Slug>,
    ) -> Result<Manuscript, Refusal> {
        let manuscript = self.put_blindly_into(act, was, headline, former).await?;
        check(act, &manuscript).await?;
        Ok(manuscript)
    }

    /// The same, wherever the manuscript leads: for one that is only to be compared.
    pub(super) async fn put_blindly_into(
        &self,
        act: &Act<'_>,
        was: Manuscript,
        headline: Option<&str>,
        former: Option<Slug>,
    ) -> Result<Manuscript, Refusal> {
        let old = was.article;
        let headline = match headline {
            None => old.headline.clone(),
            Some(text) => read::value(&["headline"], Headline::parse(text))?,
        };
        let of = Addressed {
            noun: Noun::Article,
            edition: old.edition,
            id: old.id.uuid(),
            former,
        };
        let slug = read::slug(act, of, self.slug.as_ref(), headline.as_str()).await?;
        let flags = MediaFlags {
            photos: self.has_photos.unwrap_or(old.flags.photos),
            video: self.has_video.unwrap_or(old.flags.video),
            audio: self.has_audio.unwrap_or(old.flags.audio),
        };
        let language = self.language.clone().map(|language| language.0);
        let article = Article {
            kind: self.kind.map_or(old.kind, Into::into),
            slug,
            canonical_url: read::patched(&self.canonical_url, old.canonical_url.clone(), |url| {
                Ok(Some(url.0.clone()))
            })?,
            headline,
            lead: read::patched(&self.lead, old.lead.clone(), |text| {
                read::text(&["lead"], text)
            })?,
            hero: one("hero", &self.hero, old.hero)?,
            source: one("source", &self.source, old.source)?,
            section: one("section", &self.section, old.section)?,
            direction: language
                .as_ref()
                .map_or(old.direction, khabar_domain::Language::direction),
            language: language.unwrap_or_else(|| old.language.clone()),
            flags,
            ..old
        };
        let body = match &self.body {
            MaybeUndefined::Undefined => was.body,
            MaybeUndefined::Null => Body::default(),
            MaybeUndefined::Value(blocks) => block::body(blocks)?,
        };
        Ok(Manuscript {
            article,
            body,
            authors: many("authors", &self.authors, was.authors)?,
            topics: many("topics", &self.topics, was.topics)?,
            stories: many("stories", &self.stories, was.stories)?,
        })
    }
}

/// Refuses a manuscript that refers to what is not there, or wants another's address.
pub(super) async fn check(act: &Act<'_>, manuscript: &Manuscript) -> Result<(), Refusal> {
    let article = &manuscript.article;
    if let Some(url) = &article.canonical_url
        && article::url_is_taken(act.writer, url, article.id).await?
    {
        let message = format!("Another article lives at {:?}.", url.as_str());
        return Err(UserError::new(&["canonicalUrl"], UserErrorCode::Taken, message).into());
    }
    let missing = article::missing(act.writer, manuscript).await?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refusal::User(missing.into_iter().map(nowhere).collect()))
}

/// What is said of a reference that leads nowhere.
fn nowhere(reference: Reference) -> UserError {
    let (field, place, what) = match reference {
        Reference::Hero => ("hero", None, "media"),
        Reference::Source => ("source", None, "source in the article's edition"),
        Reference::Section => ("section", None, "section in the article's edition"),
        Reference::Author(place) => ("authors", Some(place), "person in the article's edition"),
        Reference::Topic(place) => ("topics", Some(place), "topic in the article's edition"),
        Reference::Story(place) => ("stories", Some(place), "story in the article's edition"),
        Reference::Block(place) => (
            "body",
            Some(place),
            "media of the kind that this block shows",
        ),
    };
    let place = place.map(|place| place.to_string());
    let path: Vec<&str> = std::iter::once(field).chain(place.as_deref()).collect();
    UserError::not_found(&path, what)
}

/// What is said of places in a list whose ids lead nowhere.
pub(super) fn all_missing(field: &str, places: Vec<usize>, what: &str) -> Refusal {
    let error = |place: usize| UserError::not_found(&[field, &place.to_string()], what);
    Refusal::User(places.into_iter().map(error).collect())
}

fn one<Id: Global>(
    field: &str,
    patch: &MaybeUndefined<ID>,
    old: Option<Id>,
) -> Result<Option<Id>, Refusal> {
    read::patched(patch, old, |id| Ok(Some(read::id(&[field], id)?)))
}

fn many<Id: Global + Eq + Hash>(
    field: &str,
    patch: &MaybeUndefined<Vec<ID>>,
    old: Vec<Id>,
) -> Result<Vec<Id>, Refusal> {
    match patch {
        MaybeUndefined::Undefined => Ok(old),
        MaybeUndefined::Null => Ok(Vec::new()),
        MaybeUndefined::Value(wanted) => ids(field, wanted),
    }
}

/// Ids in an order, none of them twice.
pub(super) fn ids<Id: Global + Eq + Hash>(field: &str, list: &[ID]) -> Result<Vec<Id>, Refusal> {
    let invalid = |field: &[&str], message: String| {
        Refusal::from(UserError::new(field, UserErrorCode::Invalid, message))
    };
    // What is linked is read as one page.
    let most = usize::from(Page::MAX);
    if list.len() > most {
        let message = format!(
            "At most {most} may be named here; these are {}.",
            list.len()
        );
        return Err(invalid(&[field], message));
    }
    let (mut ids, mut seen) = (Vec::with_capacity(list.len()), HashSet::new());
    for (place, id) in list.iter().enumerate() {
        let path = [field, &place.to_string()];
        let id: Id = read::id(&path, id)?;
        if !seen.insert(id) {
            return Err(invalid(&path, "It is named before already.".to_owned()));
        }
        ids.push(id);
    }
    Ok(ids)
}
