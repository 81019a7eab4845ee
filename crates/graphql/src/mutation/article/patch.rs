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

    /// Returns the manuscript with these parts applied, after checking its references. `current` is the
    /// article's slug, if it already has one.
    pub(super) async fn apply(
        &self,
        cx: &MutationCtx<'_>,
        manuscript: Manuscript,
        headline: Option<&str>,
        current: Option<Slug>,
    ) -> Result<Manuscript, MutationError> {
        let manuscript = self
            .apply_unchecked(cx, manuscript, headline, current)
            .await?;
        check(cx, &manuscript).await?;
        Ok(manuscript)
    }

    /// Returns the manuscript with these parts applied, without checking its references. Used for
    /// manuscripts that are only compared.
    pub(super) async fn apply_unchecked(
        &self,
        cx: &MutationCtx<'_>,
        manuscript: Manuscript,
        headline: Option<&str>,
        current: Option<Slug>,
    ) -> Result<Manuscript, MutationError> {
        let old = manuscript.article;
        let headline = match headline {
            None => old.headline.clone(),
            Some(text) => input_parse::value(&["headline"], Headline::parse(text))?,
        };
        let target = SlugTarget {
            entity: EntityKind::Article,
            edition: old.edition,
            id: old.id.uuid(),
            current,
        };
        let slug = input_parse::slug(cx, target, self.slug.as_ref(), headline.as_str()).await?;
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
            MaybeUndefined::Undefined => manuscript.body,
            MaybeUndefined::Null => Body::default(),
            MaybeUndefined::Value(blocks) => block::body(blocks)?,
        };
        Ok(Manuscript {
            article,
            body,
            authors: many("authors", &self.authors, manuscript.authors)?,
            topics: many("topics", &self.topics, manuscript.topics)?,
            stories: many("stories", &self.stories, manuscript.stories)?,
        })
    }
}

/// The changes to apply to a manuscript.
#[derive(Clone, Copy)]
pub(super) struct ArticlePatch<'a> {
    pub(super) headline: Option<&'a str>,
    pub(super) parts: &'a ArticleParts,
}

impl ArticlePatch<'_> {
    pub(super) async fn apply(
        self,
        cx: &MutationCtx<'_>,
        manuscript: Manuscript,
    ) -> Result<Manuscript, MutationError> {
        let current: Slug = manuscript.article.slug.clone();
        let parts = self.parts;
        parts
            .apply(cx, manuscript, self.headline, Some(current))
            .await
    }

    pub(super) async fn apply_unchecked(
        self,
        cx: &MutationCtx<'_>,
        manuscript: Manuscript,
    ) -> Result<Manuscript, MutationError> {
        let current: Slug = manuscript.article.slug.clone();
        let parts = self.parts;
        parts
            .apply_unchecked(cx, manuscript, self.headline, Some(current))
            .await
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
        missing.into_iter().map(missing_reference).collect(),
    ))
}

/// Returns the error for a reference to something that does not exist.
fn missing_reference(reference: Reference) -> UserError {
    let (field, index, description) = match reference {
        Reference::Hero => ("hero", None, "media"),
        Reference::Source => ("source", None, "source in the article's edition"),
        Reference::Section => ("section", None, "section in the article's edition"),
        Reference::Author(index) => ("authors", Some(index), "person in the article's edition"),
        Reference::Topic(index) => ("topics", Some(index), "topic in the article's edition"),
        Reference::Story(index) => ("stories", Some(index), "story in the article's edition"),
        Reference::Block(index) => (
            "body",
            Some(index),
            "media of the kind that this block shows",
        ),
    };
    let index = index.map(|index| index.to_string());
    let path: Vec<&str> = std::iter::once(field).chain(index.as_deref()).collect();
    UserError::not_found(&path, description)
}

/// Returns the errors for the places in a list whose ids do not exist.
pub(super) fn all_missing(field: &str, indices: Vec<usize>, description: &str) -> MutationError {
    let error = |index: usize| UserError::not_found(&[field, &index.to_string()], description);
    MutationError::User(indices.into_iter().map(error).collect())
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
        MaybeUndefined::Value(given) => ids(field, given),
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
    let max = usize::from(Page::MAX);
    if list.len() > max {
        let message = format!(
            "At most {max} items are allowed; {} were given.",
            list.len()
        );
        return Err(invalid(&[field], message));
    }
    let (mut ids, mut seen) = (Vec::with_capacity(list.len()), HashSet::new());
    for (index, id) in list.iter().enumerate() {
        let path = [field, &index.to_string()];
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
