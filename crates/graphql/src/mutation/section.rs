//! Mutations that create, update, move, reorder and delete sections.

use async_graphql::{Context, ID, InputObject, MaybeUndefined};
use khabar_domain::{EditionId, Section, SectionId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::section::{self, ById, ChildrenOf, OfEdition, Which};

use super::input_parse::{self, SlugTarget};
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::{DeletedPayload, payload};
use crate::scalar::Slug;
use crate::types::{UserError, UserErrorCode};

payload! {
    SectionPayload, "Result of creating, updating or moving a section.",
    section: Section by ById, "The created, updated or moved section. Null if the mutation failed."
}

payload! {
    SectionsPayload, "Result of reordering sections.",
    sections: [Section] of SectionId by siblings,
    "The sections in their new order. Null if the mutation failed."
}

/// Input for the `createSection` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct CreateSectionInput {
    /// Slug of the edition that the section belongs to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Display name of the section.
    name: String,
    /// URL slug, unique among the sections of the edition. Generated from the name if omitted.
    slug: Option<Slug>,
    /// One-sentence description of what the section covers.
    summary: Option<String>,
    /// Global ID of the parent section. Omit it to create a top-level section.
    parent: Option<ID>,
    /// Zero-based position among the sibling sections. Siblings at and after it move down. Defaults
    /// to the end, which is also used for a larger position.
    position: Option<i32>,
    /// Whether to list the section among the featured sections. Defaults to false.
    featured: Option<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreateSectionInput {
    type Id = SectionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<SectionId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        cx.writer.lock_order(edition.id).await?;
        let name = input_parse::name(&["name"], &self.name)?;
        let id: SectionId = cx.mint();
        let target = SlugTarget {
            entity: EntityKind::Section,
            edition: edition.id,
            id: id.uuid(),
            current: None,
        };
        let slug = input_parse::slug(cx, target, self.slug.as_ref(), name.as_str()).await?;
        let parent = parent(cx, edition.id, self.parent.as_ref()).await?;
        let position = input_parse::position(self.position)?;
        let siblings = section::siblings(cx.writer, edition.id, parent).await?;
        let section = Section {
            id,
            edition: edition.id,
            parent,
            slug,
            name,
            summary: input_parse::new_text("summary", self.summary.as_ref())?,
            position: i32::try_from(siblings.len()).unwrap_or(i32::MAX),
            featured: self.featured.unwrap_or(false),
            article_count: 0,
        };
        section::save(cx.writer, &section).await?;
        section::place(cx.writer, &section, parent, position).await?;
        Ok(id)
    }
}

/// Input for the `updateSection` mutation. Omitted fields are left unchanged. Null clears an
/// optional value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateSectionInput {
    /// Global ID of the section.
    id: ID,
    /// Display name of the section.
    name: Option<String>,
    /// New URL slug. The previous slug keeps resolving to the section.
    slug: Option<Slug>,
    /// One-sentence description of what the section covers.
    summary: MaybeUndefined<String>,
    /// Whether to list the section among the featured sections.
    featured: Option<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateSectionInput {
    type Id = SectionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<SectionId, MutationError> {
        let id: SectionId = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::Section,
            section::lock(cx.writer, id).await?,
        )?;
        let name = input_parse::patched_name("name", self.name.as_deref(), &old.name)?;
        let target = SlugTarget {
            entity: EntityKind::Section,
            edition: old.edition,
            id: id.uuid(),
            current: Some(old.slug.clone()),
        };
        let section = Section {
            slug: input_parse::slug(cx, target, self.slug.as_ref(), name.as_str()).await?,
            name,
            summary: input_parse::patched_text("summary", &self.summary, old.summary.as_ref())?,
            featured: self.featured.unwrap_or(old.featured),
            ..old
        };
        section::save(cx.writer, &section).await?;
        Ok(id)
    }
}

/// Input for the `moveSection` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct MoveSectionInput {
    /// Global ID of the section to move. Its subsections and articles move with it.
    id: ID,
    /// Global ID of the new parent section. If omitted or null, the section moves to the top level.
    parent: Option<ID>,
    /// Zero-based position among the new siblings. Defaults to the end, which is also used for a
    /// larger position.
    position: Option<i32>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for MoveSectionInput {
    type Id = SectionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<SectionId, MutationError> {
        let (id, edition) = input_parse::lock_order_of(cx, EntityKind::Section, &self.id).await?;
        let section = input_parse::found(
            &["id"],
            EntityKind::Section,
            section::lock(cx.writer, id).await?,
        )?;
        let parent = parent(cx, edition, self.parent.as_ref()).await?;
        if let Some(parent) = parent
            && section::lies_in(cx.writer, parent, id).await?
        {
            let message = "A section cannot be moved into itself or into one of its descendants.";
            return Err(UserError::new(&["parent"], UserErrorCode::Invalid, message).into());
        }
        let position = input_parse::position(self.position)?;
        section::place(cx.writer, &section, parent, position).await?;
        Ok(id)
    }
}

/// Input for the `reorderSections` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ReorderSectionsInput {
    /// Slug of the edition that the sections belong to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Global ID of the parent section. If omitted or null, the top-level sections are reordered.
    parent: Option<ID>,
    /// Global IDs of all sections under that parent, in their new order.
    sections: Vec<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for ReorderSectionsInput {
    type Id = SectionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<SectionId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        cx.writer.lock_order(edition.id).await?;
        let parent = parent(cx, edition.id, self.parent.as_ref()).await?;
        let existing = section::siblings(cx.writer, edition.id, parent).await?;
        let order = input_parse::order("sections", EntityKind::Section, &self.sections, &existing)?;
        section::arrange(cx.writer, edition.id, parent, &order).await?;
        let Some(first) = order.first() else {
            let message = "There are no sections to arrange.";
            return Err(UserError::new(&["sections"], UserErrorCode::Invalid, message).into());
        };
        Ok(*first)
    }
}

/// Input for the `deleteSection` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteSectionInput {
    /// Global ID of the section to delete. The section must have no subsections and no articles,
    /// including drafts.
    id: ID,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for DeleteSectionInput {
    type Id = SectionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<SectionId, MutationError> {
        let (id, _) = input_parse::lock_order_of(cx, EntityKind::Section, &self.id).await?;
        let section = input_parse::found(
            &["id"],
            EntityKind::Section,
            section::lock(cx.writer, id).await?,
        )?;
        if !section::remove(cx.writer, &section).await? {
            let message = "The section still has subsections or articles. Move them first.";
            return Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into());
        }
        Ok(id)
    }
}

/// Parses the optional parent section. Refuses a section that does not belong to the edition.
async fn parent(
    cx: &MutationCtx<'_>,
    edition: EditionId,
    id: Option<&ID>,
) -> Result<Option<SectionId>, MutationError> {
    let Some(id) = id else {
        return Ok(None);
    };
    let id: SectionId = input_parse::id(&["parent"], id)?;
    let existing =
        khabar_persistence::edition::of(cx.writer, EntityKind::Section, id.uuid()).await?;
    let in_edition = existing.filter(|existing| *existing == edition);
    input_parse::found(
        &["parent"],
        EntityKind::Section,
        in_edition.map(|_| Some(id)),
    )
}

/// Loads the siblings of a section, in order and including the section. Returns an empty list if the section
/// does not exist.
async fn siblings(ctx: &Context<'_>, id: SectionId) -> Result<Vec<Section>> {
    let Some(section) = ctx.load(ById(id)).await? else {
        return Ok(Vec::new());
    };
    let found = if let Some(parent) = section.parent {
        ctx.load(ChildrenOf(parent)).await?
    } else {
        let roots = OfEdition {
            edition: section.edition,
            which: Which::Roots,
        };
        ctx.load(roots).await?
    };
    Ok(found.unwrap_or_default())
}

mutations! {
    /// Mutations on sections.
    SectionMutations;

    /// Creates a section in an edition. Requires the `arrange` right.
    "createSection" create_section(
        CreateSectionInput: "Fields of the new section.",
    ) -> SectionPayload, requires [Arrange];

    /// Updates a section. Omitted fields are left unchanged. Null clears an optional value.
    /// Requires the `arrange` right.
    "updateSection" update_section(
        UpdateSectionInput: "ID of the section and the fields to change.",
    ) -> SectionPayload, requires [Arrange];

    /// Moves a section with its subsections under another parent, or to the top level. Requires the
    /// `arrange` right.
    "moveSection" move_section(
        MoveSectionInput: "ID of the section and its new place.",
    ) -> SectionPayload, requires [Arrange];

    /// Reorders the sections under one parent. Requires the `arrange` right.
    "reorderSections" reorder_sections(
        ReorderSectionsInput: "Parent section and all sections under it in their new order.",
    ) -> SectionsPayload, requires [Arrange];

    /// Deletes a section that has no subsections and no articles. Its current and former slugs stop
    /// resolving. Requires the `arrange` right.
    "deleteSection" delete_section(
        DeleteSectionInput: "ID of the section to delete.",
    ) -> DeletedPayload, requires [Arrange];
}
