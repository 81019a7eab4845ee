//! The filter for lists of articles.

use async_graphql::{ID, InputObject};
use khabar_domain::EditionId;
use khabar_persistence::article::{Filter, List};
use khabar_persistence::{SlugKey, edition, section};

use crate::error::{Error, Result};
use crate::node;
use crate::object::ReadContext;
use crate::scalar::{DateTime, Language, Slug};
use crate::types::ArticleKind;

/// Filters a list of articles. An article is included only if it matches every field that is set.
#[derive(Clone, Debug, Default, InputObject)]
pub struct ArticleFilter {
    /// Only articles filed in this section or, by default, in a section below it. Expects a global ID.
    pub section: Option<ID>,
    /// The slug of the section, in the edition of this list. An alternative to `section`; the two
    /// cannot be combined.
    pub section_slug: Option<Slug>,
    /// Whether to include articles filed in sections below the given section. Defaults to true.
    pub include_descendants: Option<bool>,
    /// Only articles that belong to this story. Expects a global ID.
    pub story: Option<ID>,
    /// Only articles about this topic. Expects a global ID.
    pub topic: Option<ID>,
    /// Only articles signed by this person. Expects a global ID.
    pub person: Option<ID>,
    /// Only articles from this source. Expects a global ID.
    pub source: Option<ID>,
    /// Only articles of one of these kinds. If omitted or empty, articles of every kind match.
    pub kinds: Option<Vec<ArticleKind>>,
    /// Only articles written in this language.
    pub language: Option<Language>,
    /// Only articles with notable photos (true), or only articles without (false).
    pub has_photos: Option<bool>,
    /// Only articles with video (true), or only articles without (false).
    pub has_video: Option<bool>,
    /// Only articles with audio (true), or only articles without (false).
    pub has_audio: Option<bool>,
    /// Only articles listed at or after this time (see `Article.listedAt`).
    pub published_since: Option<DateTime>,
    /// Only articles listed before this time (see `Article.listedAt`).
    pub published_before: Option<DateTime>,
}

/// A resolved filter: the lists that an article must be in, and the conditions that it must meet.
#[derive(Default)]
pub(crate) struct ResolvedFilter {
    /// The lists, with the kind that is usually shortest first.
    pub(crate) lists: Vec<List>,
    /// The conditions other than lists. `also_in` is empty.
    pub(crate) filter: Filter,
}

impl ArticleFilter {
    /// Resolves the filter in an edition. Returns `None` if no section has the given slug.
    pub(crate) async fn narrow(
        self,
        context: &ReadContext,
        edition: EditionId,
    ) -> Result<Option<ResolvedFilter>> {
        let Some(section) = self.section_list(context, edition).await? else {
            return Ok(None);
        };
        // A list is read until the page is full, so the list that is likely to be shortest goes first.
        let lists = [
            parsed(self.story.as_ref(), List::Story)?,
            parsed(self.person.as_ref(), List::Person)?,
            parsed(self.topic.as_ref(), List::Topic)?,
            parsed(self.source.as_ref(), List::Source)?,
            section,
        ];
        let mut kinds: Vec<_> = self.kinds.unwrap_or_default();
        kinds.sort_unstable();
        kinds.dedup();
        Ok(Some(ResolvedFilter {
            lists: lists.into_iter().flatten().collect(),
            filter: Filter {
                kinds: kinds.into_iter().map(Into::into).collect(),
                language: self.language.map(|language| language.0),
                photos: self.has_photos,
                video: self.has_video,
                audio: self.has_audio,
                since: self.published_since.map(|moment| moment.0),
                until: self.published_before.map(|moment| moment.0),
                also_in: Vec::new(),
            },
        }))
    }

    /// Returns the section's list: `Some(None)` if no section is given, `None` if no section has the
    /// given slug.
    async fn section_list(
        &self,
        context: &ReadContext,
        edition: EditionId,
    ) -> Result<Option<Option<List>>> {
        let section = match (&self.section, &self.section_slug) {
            (None, None) => return Ok(Some(None)),
            (Some(id), None) => node::parse(id)?,
            (None, Some(slug)) => match find_section(context, edition, slug).await? {
                Some(section) => section,
                None => return Ok(None),
            },
            (Some(_), Some(_)) => {
                return Err(Error::bad_input(
                    "Specify either `section` or `sectionSlug` in the filter, not both.",
                ));
            }
        };
        let list = if self.include_descendants.unwrap_or(true) {
            List::Section(section)
        } else {
            List::SectionAlone(section)
        };
        Ok(Some(Some(list)))
    }
}

async fn find_section(
    context: &ReadContext,
    edition: EditionId,
    slug: &Slug,
) -> Result<Option<khabar_domain::SectionId>> {
    let Some(edition) = context.load(edition::ById(edition)).await? else {
        return Ok(None);
    };
    let key = section::BySlug(SlugKey {
        edition: edition.slug.clone(),
        slug: slug.0.clone(),
    });
    Ok(context.load(key).await?.map(|section| section.id))
}

fn parsed<T: node::GlobalId>(id: Option<&ID>, list: fn(T) -> List) -> Result<Option<List>> {
    id.map(|id| node::parse(id).map(list)).transpose()
}
