//! Which articles of a list are wanted.

use async_graphql::{Context, ID, InputObject};
use khabar_domain::EditionId;
use khabar_persistence::article::{Filter, List};
use khabar_persistence::{SlugKey, edition, section};

use crate::error::{Error, Result};
use crate::node;
use crate::scalar::{DateTime, Language, Slug};
use crate::scope::Asked;
use crate::types::ArticleKind;

/// Which articles of a list are wanted: those for which everything that is said here holds.
#[derive(Clone, Debug, Default, InputObject)]
pub struct ArticleFilter {
    /// Filed in this section or below it.
    pub section: Option<ID>,
    /// The same by the section's slug, in the edition whose list this is. Not together with `section`.
    pub section_slug: Option<Slug>,
    /// Whether what is filed below the section counts; true when nothing is said.
    pub include_descendants: Option<bool>,
    /// Belonging to this story.
    pub story: Option<ID>,
    /// About this topic.
    pub topic: Option<ID>,
    /// Signed by this person.
    pub person: Option<ID>,
    /// Come from this source.
    pub source: Option<ID>,
    /// Of one of these kinds; of any kind when nothing is said or the list is empty.
    pub kinds: Option<Vec<ArticleKind>>,
    /// Written in this language.
    pub language: Option<Language>,
    /// With pictures worth opening it for (true), or without (false).
    pub has_photos: Option<bool>,
    /// With a film (true), or without (false).
    pub has_video: Option<bool>,
    /// With sound (true), or without (false).
    pub has_audio: Option<bool>,
    /// Listed at this moment or later (see `Article.listedAt`).
    pub published_since: Option<DateTime>,
    /// Listed before this moment (see `Article.listedAt`).
    pub published_before: Option<DateTime>,
}

/// What a filter means: the lists in which an article must stand, and what it must be like.
pub(crate) struct Narrowed {
    /// The shortest kind of list first.
    pub(crate) lists: Vec<List>,
    /// Says nothing of lists.
    pub(crate) filter: Filter,
}

impl ArticleFilter {
    /// What the filter means in an edition; nothing when it names a section that is not there.
    pub(crate) async fn narrow(
        self,
        ctx: &Context<'_>,
        edition: EditionId,
    ) -> Result<Option<Narrowed>> {
        let Some(section) = self.section_list(ctx, edition).await? else {
            return Ok(None);
        };
        // A list is read until the page is full, so the one that most likely is short goes first.
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
        Ok(Some(Narrowed {
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

    /// The section's list: `Some(None)` when no section is named, `None` when it is not there.
    async fn section_list(
        &self,
        ctx: &Context<'_>,
        edition: EditionId,
    ) -> Result<Option<Option<List>>> {
        let section = match (&self.section, &self.section_slug) {
            (None, None) => return Ok(Some(None)),
            (Some(id), None) => node::parse(id)?,
            (None, Some(slug)) => match find_section(ctx, edition, slug).await? {
                Some(section) => section,
                None => return Ok(None),
            },
            (Some(_), Some(_)) => {
                return Err(Error::bad_input(
                    "A filter takes `section` or `sectionSlug`, not both.",
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
    ctx: &Context<'_>,
    edition: EditionId,
    slug: &Slug,
) -> Result<Option<khabar_domain::SectionId>> {
    let Some(edition) = ctx.load(edition::ById(edition)).await? else {
        return Ok(None);
    };
    let key = section::BySlug(SlugKey {
        edition: edition.slug,
        slug: slug.0.clone(),
    });
    Ok(ctx.load(key).await?.map(|section| section.id))
}

fn parsed<T: node::Global>(id: Option<&ID>, list: fn(T) -> List) -> Result<Option<List>> {
    id.map(|id| node::parse(id).map(list)).transpose()
}
