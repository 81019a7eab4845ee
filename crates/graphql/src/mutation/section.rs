//! Sections being written.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::{EditionId, Right, Section, SectionId};
use khabar_persistence::change::Noun;
use khabar_persistence::section::{self, ById};

use super::read::{self, Addressed};
use crate::error::Result;
use crate::payload::{DeletedPayload, payload};
use crate::scalar::Slug;
use crate::types::{UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, run};

payload! {
    SectionPayload, "What came of writing a section.",
    section: Section by ById, "The section as it is now; null when the mutation was not carried out."
}

payload! {
    SectionsPayload, "What came of putting sections in order.",
    sections: [Section] of SectionId by crate::types::Section::beside,
    "The sections in their order now; null when the mutation was not carried out."
}

/// What a new section is to be.
#[derive(Clone, Debug, InputObject)]
pub struct CreateSectionInput {
    /// The slug of the edition that it is to be part of; `ar` when nothing is said.
    edition: Option<Slug>,
    /// What it is called.
    name: String,
    /// Its part of an address; made from the name when nothing is said.
    slug: Option<Slug>,
    /// What it covers, in a sentence.
    summary: Option<String>,
    /// The section that it is to lie in; none when nothing is said.
    parent: Option<ID>,
    /// Its place among its siblings, from 0: those from there on make room. The last when nothing
    /// is said or there are fewer.
    position: Option<i32>,
    /// Whether it is to stand among the important sections; not when nothing is said.
    featured: Option<bool>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreateSectionInput {
    const NAME: &'static str = "createSection";
    const RIGHT: Right = Right::Arrange;
    type Id = SectionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<SectionId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?;
        act.writer.lock_order(edition.id).await?;
        let name = read::name(&["name"], &self.name)?;
        let id: SectionId = act.mint();
        let of = Addressed {
            noun: Noun::Section,
            edition: edition.id,
            id: id.uuid(),
            former: None,
        };
        let slug = read::slug(act, of, self.slug.as_ref(), name.as_str()).await?;
        let parent = parent(act, edition.id, self.parent.as_ref()).await?;
        let at = read::position(self.position)?;
        let siblings = section::siblings(act.writer, edition.id, parent).await?;
        let section = Section {
            id,
            edition: edition.id,
            parent,
            slug,
            name,
            summary: read::new_text("summary", self.summary.as_ref())?,
            position: i32::try_from(siblings.len()).unwrap_or(i32::MAX),
            featured: self.featured.unwrap_or(false),
            article_count: 0,
        };
        section::save(act.writer, &section).await?;
        section::place(act.writer, &section, parent, at).await?;
        Ok(id)
    }
}

/// Which section, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateSectionInput {
    /// Which section.
    id: ID,
    /// What it is called.
    name: Option<String>,
    /// Its part of an address; the old one goes on leading here.
    slug: Option<Slug>,
    /// What it covers, in a sentence.
    summary: MaybeUndefined<String>,
    /// Whether it is to stand among the important sections.
    featured: Option<bool>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateSectionInput {
    const NAME: &'static str = "updateSection";
    const RIGHT: Right = Right::Arrange;
    type Id = SectionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<SectionId, Refusal> {
        let id: SectionId = read::id(&["id"], &self.id)?;
        let old = read::found(&["id"], Noun::Section, section::get(act.writer, id).await?)?;
        let name = read::renamed("name", self.name.as_deref(), &old.name)?;
        let of = Addressed {
            noun: Noun::Section,
            edition: old.edition,
            id: id.uuid(),
            former: Some(old.slug.clone()),
        };
        let section = Section {
            slug: read::slug(act, of, self.slug.as_ref(), name.as_str()).await?,
            name,
            summary: read::patched_text("summary", &self.summary, old.summary.as_ref())?,
            featured: self.featured.unwrap_or(old.featured),
            ..old
        };
        section::save(act.writer, &section).await?;
        Ok(id)
    }
}

/// Which section, and where it is to lie.
#[derive(Clone, Debug, InputObject)]
pub struct MoveSectionInput {
    /// Which section. What lies in it and is filed in it goes with it.
    id: ID,
    /// The section that it is to lie in; in none when nothing or null is said.
    parent: Option<ID>,
    /// Its place among those that lie there, from 0. The last when nothing is said or there are
    /// fewer.
    position: Option<i32>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for MoveSectionInput {
    const NAME: &'static str = "moveSection";
    const RIGHT: Right = Right::Arrange;
    type Id = SectionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<SectionId, Refusal> {
        let (id, edition) = read::placed(act, Noun::Section, &self.id).await?;
        let section = read::found(&["id"], Noun::Section, section::get(act.writer, id).await?)?;
        let parent = parent(act, edition, self.parent.as_ref()).await?;
        if let Some(parent) = parent
            && section::lies_in(act.writer, parent, id).await?
        {
            let message = "A section cannot lie in itself or in what lies in it.";
            return Err(UserError::new(&["parent"], UserErrorCode::Invalid, message).into());
        }
        let at = read::position(self.position)?;
        section::place(act.writer, &section, parent, at).await?;
        Ok(id)
    }
}

/// Which sections, in which order.
#[derive(Clone, Debug, InputObject)]
pub struct ArrangeSectionsInput {
    /// The slug of the edition that they are part of; `ar` when nothing is said.
    edition: Option<Slug>,
    /// The section that they lie in; those that lie in none when nothing or null is said.
    parent: Option<ID>,
    /// Every section that lies there, in the order that they are to have.
    sections: Vec<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for ArrangeSectionsInput {
    const NAME: &'static str = "arrangeSections";
    const RIGHT: Right = Right::Arrange;
    type Id = SectionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<SectionId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?;
        act.writer.lock_order(edition.id).await?;
        let parent = parent(act, edition.id, self.parent.as_ref()).await?;
        let there = section::siblings(act.writer, edition.id, parent).await?;
        let order = read::order("sections", Noun::Section, &self.sections, &there)?;
        section::arrange(act.writer, edition.id, parent, &order).await?;
        let Some(first) = order.first() else {
            let message = "No section lies there.";
            return Err(UserError::new(&["sections"], UserErrorCode::Invalid, message).into());
        };
        Ok(*first)
    }
}

/// Which section is to go.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteSectionInput {
    /// Which section. Nothing may lie in it or be filed in it, drafts neither.
    id: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for DeleteSectionInput {
    const NAME: &'static str = "deleteSection";
    const RIGHT: Right = Right::Arrange;
    type Id = SectionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<SectionId, Refusal> {
        let (id, _) = read::placed(act, Noun::Section, &self.id).await?;
        let section = read::found(&["id"], Noun::Section, section::get(act.writer, id).await?)?;
        if !section::remove(act.writer, &section).await? {
            let message = "Something lies in this section or is filed in it: move that first.";
            return Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into());
        }
        Ok(id)
    }
}

/// The section of an edition that is named as a parent.
async fn parent(
    act: &Act<'_>,
    edition: EditionId,
    given: Option<&ID>,
) -> Result<Option<SectionId>, Refusal> {
    let Some(given) = given else {
        return Ok(None);
    };
    let id: SectionId = read::id(&["parent"], given)?;
    let there = khabar_persistence::edition::of(act.writer, Noun::Section, id.uuid()).await?;
    let here = there.filter(|there| *there == edition);
    read::found(&["parent"], Noun::Section, here.map(|_| Some(id)))
}

/// The mutations of sections.
#[derive(Default)]
pub(crate) struct SectionMutations;

#[Object]
impl SectionMutations {
    /// Adds a section to an edition. Needs the right `arrange`.
    async fn create_section(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateSectionInput,
    ) -> Result<SectionPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes a section: what is left out stays, null clears. Needs the right `arrange`.
    async fn update_section(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which section, and what is to be different.")] input: UpdateSectionInput,
    ) -> Result<SectionPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Moves a section with all that lies in it into another, or out of any. Needs the right
    /// `arrange`.
    async fn move_section(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which section, and where to.")] input: MoveSectionInput,
    ) -> Result<SectionPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Puts the sections that lie together in order. Needs the right `arrange`.
    async fn arrange_sections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which sections, and their order.")] input: ArrangeSectionsInput,
    ) -> Result<SectionsPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Takes away a section in which nothing lies or is filed. Its slugs lead nowhere then. Needs
    /// the right `arrange`.
    async fn delete_section(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which section.")] input: DeleteSectionInput,
    ) -> Result<DeletedPayload> {
        Ok(run(ctx, input).await?.into())
    }
}
