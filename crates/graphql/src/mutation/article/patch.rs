//! The parts of an article that a writer can edit, applied as a patch to a manuscript.

use std::collections::HashSet;
use std::hash::Hash;

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::article::MediaFlags;
use khabar_domain::{Article, Body, Headline, Slug};
use khabar_persistence::Page;
use khabar_persistence::article::{self, Manuscript, Reference};
use khabar_persistence::change::EntityKind;

use super::block::{self, BlockInput};
use crate::error::Result;
use crate::mutate::{MutationCtx, MutationError};
use crate::mutation::input_parse::{self, SlugTarget};
use crate::node::GlobalId;
use crate::scalar;
use crate::types::{ArticleKind, UserError, UserErrorCode};

// Flattened into other inputs, where its fields are published. Not published as a type of its own.
#[derive(Clone, Debug, InputObject)]
pub(super) struct ArticleParts {
    /// The kind of article. A new article defaults to news.
    kind: Option<ArticleKind>,
    /// The slug that identifies the article in its address. A new article's slug defaults to one made
    /// from its headline. Former slugs continue to lead to the article.
    slug: Option<scalar::Slug>,
    /// The canonical URL of the article on the web.
    canonical_url: MaybeUndefined<scalar::Url>,
    /// The lead: a paragraph that summarises the article.
    lead: MaybeUndefined<String>,
    /// Global ID of the image or video shown at the top of the article.
    hero: MaybeUndefined<ID>,
    /// Global ID of the agency or outlet that the article came from.
    source: MaybeUndefined<ID>,
    /// Global ID of the section in which the article is filed.
    section: MaybeUndefined<ID>,
    /// The language of the article, which also determines its text direction. A new article defaults to
    /// the language of its edition.
    language: Option<scalar::Language>,
    /// Whether the article contains notable photos.
    has_photos: Option<bool>,
    /// Whether the article contains video.
    has_video: Option<bool>,
    /// Whether the article contains audio.
    has_audio: Option<bool>,
    /// Global IDs of the people who signed the article, in order. At most 100.
    authors: MaybeUndefined<Vec<ID>>,
    /// Global IDs of the topics that the article is about, in order. At most 100.
    topics: MaybeUndefined<Vec<ID>>,
    /// Global IDs of the stories that the article belongs to, in order. At most 100.
    stories: MaybeUndefined<Vec<ID>>,
    /// The complete body of the article: all its blocks, in order. At most 2,000.
    body: MaybeUndefined<Vec<BlockInput>>,
}

impl ArticleParts {
    /// Returns the initial slug of a new article.
    pub(super) fn slug(&self, headline: &Headline) -> Result<Slug, MutationError> {
        match &self.slug {
            Some(slug) => Ok(slug.0.clone()),
            None => input_parse::value(&["slug"], Slug::from_text(headline.as_str())),
        }
    }

    /// Returns the manuscript with these parts applied, after checking its references. `former` is the
    /// article's current slug, if it already has one.
    pub(super) async fn put_into(
        &self,
        cx: &MutationCtx<'_>,
        was: Manuscript,
        headline: Option<&str>,
        former: Option<Slug>,
    ) -> Result<Manuscript, MutationError> {
        let manuscript = self.put_blindly_into(cx, was, headline, former).await?;
        check(cx, &manuscript).await?;
        Ok(manuscript)
    }

    /// Returns the manuscript with these parts applied, without checking its references. Used for
    /// manuscripts that are only compared.
    pub(super) async fn put_blindly_into(
        &self,
        cx: &MutationCtx<'_>,
        was: Manuscript,
        headline: Option<&str>,
        former: Option<Slug>,
    ) -> Result<Manuscript, MutationError> {
        let old = was.article;
        let headline = match headline {
            None => old.headline.clone(),
            Some(text) => input_parse::value(&["headline"], Headline::parse(text))?,
        };
        let of = SlugTarget {
            noun: EntityKind::Article,
            edition: old.edition,
            id: old.id.uuid(),
            former,
        };
        let slug = input_parse::slug(cx, of, self.slug.as_ref(), headline.as_str()).await?;
        let flags = MediaFlags {
            photos: self.has_photos.unwrap_or(old.flags.photos),
            video: self.has_video.unwrap_or(old.flags.video),
            audio: self.has_audio.unwrap_or(old.flags.audio),
        };
        let language = self.language.clone().map(|language| language.0);
        let article = Article {
            kind: self.kind.map_or(old.kind, Into::into),
            slug,
            canonical_url: input_parse::patched(
                &self.canonical_url,
                old.canonical_url.clone(),
                |url| Ok(Some(url.0.clone())),
            )?,
            headline,
            lead: input_parse::patched(&self.lead, old.lead.clone(), |text| {
                input_parse::text(&["lead"], text)
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

/// Refuses a manuscript that refers to something that does not exist, or whose canonical URL belongs to
/// another article.
pub(super) async fn check(
    cx: &MutationCtx<'_>,
    manuscript: &Manuscript,
) -> Result<(), MutationError> {
    let article = &manuscript.article;
    if let Some(url) = &article.canonical_url
        && article::url_is_taken(cx.writer, url, article.id).await?
    {
        let message = format!(
            "The URL {:?} is already in use by another article.",
            url.as_str()
        );
        return Err(UserError::new(&["canonicalUrl"], UserErrorCode::Taken, message).into());
    }
    let missing = article::missing(cx.writer, manuscript).await?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(MutationError::User(
        missing.into_iter().map(nowhere).collect(),
    ))
}

/// Returns the error for a reference to something that does not exist.
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

/// Returns the errors for the places in a list whose ids do not exist.
pub(super) fn all_missing(field: &str, places: Vec<usize>, what: &str) -> MutationError {
    let error = |place: usize| UserError::not_found(&[field, &place.to_string()], what);
    MutationError::User(places.into_iter().map(error).collect())
}

fn one<Id: GlobalId>(
    field: &str,
    patch: &MaybeUndefined<ID>,
    old: Option<Id>,
) -> Result<Option<Id>, MutationError> {
    input_parse::patched(patch, old, |id| Ok(Some(input_parse::id(&[field], id)?)))
}

fn many<Id: GlobalId + Eq + Hash>(
    field: &str,
    patch: &MaybeUndefined<Vec<ID>>,
    old: Vec<Id>,
) -> Result<Vec<Id>, MutationError> {
    match patch {
        MaybeUndefined::Undefined => Ok(old),
        MaybeUndefined::Null => Ok(Vec::new()),
        MaybeUndefined::Value(wanted) => ids(field, wanted),
    }
}

/// Parses a list of ids and preserves its order. Refuses duplicates, and more ids than fit on a page.
pub(super) fn ids<Id: GlobalId + Eq + Hash>(
    field: &str,
    list: &[ID],
) -> Result<Vec<Id>, MutationError> {
    let invalid = |field: &[&str], message: String| {
        MutationError::from(UserError::new(field, UserErrorCode::Invalid, message))
    };
    // Linked items are read as one page.
    let most = usize::from(Page::MAX);
    if list.len() > most {
        let message = format!(
            "At most {most} items are allowed; {} were given.",
            list.len()
        );
        return Err(invalid(&[field], message));
    }
    let (mut ids, mut seen) = (Vec::with_capacity(list.len()), HashSet::new());
    for (place, id) in list.iter().enumerate() {
        let path = [field, &place.to_string()];
        let id: Id = input_parse::id(&path, id)?;
        if !seen.insert(id) {
            return Err(invalid(
                &path,
                "This item is already in the list.".to_owned(),
            ));
        }
        ids.push(id);
    }
    Ok(ids)
}
