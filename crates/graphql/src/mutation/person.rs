//! Mutations that create and update people.

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::{Person, PersonId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::person::{self, ById};

use super::input_parse::{self, SlugTarget};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::scalar::Slug;

payload! {
    PersonPayload, "Result of creating or updating a person.",
    person: Person by ById, "The created or updated person. Null if the mutation failed."
}

/// Input for the `createPerson` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct CreatePersonInput {
    /// Slug of the edition in which the person is credited. Defaults to `ar`.
    edition: Option<Slug>,
    /// Name of the person, as shown in bylines.
    name: String,
    /// URL slug, unique among the people of the edition. Generated from the name if omitted.
    slug: Option<Slug>,
    /// Job title, such as "economy editor".
    role: Option<String>,
    /// Short biography, a few sentences long.
    biography: Option<String>,
    /// Global ID of the portrait.
    portrait: Option<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreatePersonInput {
    type Id = PersonId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<PersonId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        let name = input_parse::name(&["name"], &self.name)?;
        let id: PersonId = cx.mint();
        let target = SlugTarget {
            entity: EntityKind::Person,
            edition: edition.id,
            id: id.uuid(),
            current: None,
        };
        let portrait = match &self.portrait {
            None => None,
            Some(portrait) => Some(input_parse::media(cx, "portrait", portrait).await?),
        };
        let person = Person {
            id,
            edition: edition.id,
            slug: input_parse::slug(cx, target, self.slug.as_ref(), name.as_str()).await?,
            name,
            role: input_parse::new_text("role", self.role.as_ref())?,
            biography: input_parse::new_text("biography", self.biography.as_ref())?,
            portrait,
            article_count: 0,
        };
        person::save(cx.writer, &person).await?;
        Ok(id)
    }
}

/// Input for the `updatePerson` mutation. Omitted fields are left unchanged. Null clears an
/// optional value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdatePersonInput {
    /// Global ID of the person.
    id: ID,
    /// Name of the person, as shown in bylines.
    name: Option<String>,
    /// New URL slug. The previous slug keeps resolving to the person.
    slug: Option<Slug>,
    /// Job title, such as "economy editor".
    role: MaybeUndefined<String>,
    /// Short biography, a few sentences long.
    biography: MaybeUndefined<String>,
    /// Global ID of the portrait.
    portrait: MaybeUndefined<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdatePersonInput {
    type Id = PersonId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<PersonId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::Person,
            person::lock(cx.writer, id).await?,
        )?;
        let name = input_parse::patched_name("name", self.name.as_deref(), &old.name)?;
        let target = SlugTarget {
            entity: EntityKind::Person,
            edition: old.edition,
            id: id.uuid(),
            current: Some(old.slug.clone()),
        };
        let person = Person {
            slug: input_parse::slug(cx, target, self.slug.as_ref(), name.as_str()).await?,
            name,
            role: input_parse::patched_text("role", &self.role, old.role.as_ref())?,
            biography: input_parse::patched_text(
                "biography",
                &self.biography,
                old.biography.as_ref(),
            )?,
            portrait: input_parse::patched_media(cx, "portrait", &self.portrait, old.portrait)
                .await?,
            ..old
        };
        person::save(cx.writer, &person).await?;
        Ok(id)
    }
}

mutations! {
    /// Mutations on people.
    PersonMutations;

    /// Creates a person who can be credited in an edition. Requires the `arrange` right.
    "createPerson" create_person(
        CreatePersonInput: "Fields of the new person.",
    ) -> PersonPayload, requires [Arrange];

    /// Updates a person. Omitted fields are left unchanged. Null clears an optional value. Requires
    /// the `arrange` right.
    "updatePerson" update_person(
        UpdatePersonInput: "ID of the person and the fields to change.",
    ) -> PersonPayload, requires [Arrange];
}
