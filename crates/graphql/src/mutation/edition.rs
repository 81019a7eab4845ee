//! Mutations that create and update editions.

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::edition::Labels;
use khabar_domain::{Edition, EditionId, Language};
use khabar_persistence::change::EntityKind;
use khabar_persistence::edition::{self, ById};

use super::input_parse;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{Direction, UserError, UserErrorCode};

payload! {
    EditionPayload, "Result of creating or updating an edition.",
    edition: Edition by ById, "The created or updated edition. Null if the mutation failed."
}

/// Single-line headings of the blocks around an article. Omitted headings are left unchanged. Null
/// removes a heading.
#[derive(Clone, Debug, Default, InputObject)]
pub struct EditionLabelsInput {
    /// Heading above the link to live television.
    live: MaybeUndefined<String>,
    /// Heading above the follow channels.
    follow: MaybeUndefined<String>,
    /// Heading above the featured sections.
    sections: MaybeUndefined<String>,
    /// Heading above the rail of pinned stories.
    stories: MaybeUndefined<String>,
    /// Heading above the comments.
    comments: MaybeUndefined<String>,
}

impl EditionLabelsInput {
    fn patch(&self, old: Labels) -> Result<Labels, MutationError> {
        let label = |field: &str, patch: &MaybeUndefined<String>, old| {
            input_parse::patched(patch, old, |text| {
                input_parse::name(&["labels", field], text).map(|label| Some(label.into()))
            })
        };
        Ok(Labels {
            live: label("live", &self.live, old.live)?,
            follow: label("follow", &self.follow, old.follow)?,
            sections: label("sections", &self.sections, old.sections)?,
            stories: label("stories", &self.stories, old.stories)?,
            comments: label("comments", &self.comments, old.comments)?,
        })
    }
}

/// Input for the `createEdition` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct CreateEditionInput {
    /// URL slug, such as `en`. Must not be in use by another edition.
    slug: Slug,
    /// Display name of the edition.
    name: String,
    /// Default language of the edition's articles, as a BCP 47 language tag such as `en` or
    /// `ar-EG`.
    language: String,
    /// Text direction of the edition's pages. Defaults to the direction of its language.
    direction: Option<Direction>,
    /// Headings of the blocks on the edition's pages.
    labels: Option<EditionLabelsInput>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreateEditionInput {
    type Id = EditionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<EditionId, MutationError> {
        if edition::find_by_slug(cx.writer, &self.slug.0)
            .await?
            .is_some()
        {
            let message = format!("The slug {:?} is taken.", self.slug.0.as_str());
            return Err(UserError::new(&["slug"], UserErrorCode::Taken, message).into());
        }
        let id: EditionId = cx.mint();
        let language = input_parse::value(&["language"], Language::parse(&self.language))?;
        let labels = self.labels.clone().unwrap_or_default();
        let edition = Edition {
            id,
            slug: self.slug.0.clone(),
            name: input_parse::name(&["name"], &self.name)?,
            direction: self
                .direction
                .map_or_else(|| language.direction(), Into::into),
            language,
            labels: labels.patch(Labels::default())?,
            article_count: 0,
        };
        edition::save(cx.writer, &edition).await?;
        Ok(id)
    }
}

/// Input for the `updateEdition` mutation. Omitted fields are left unchanged.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateEditionInput {
    /// Global ID of the edition.
    id: ID,
    /// Display name of the edition.
    name: Option<String>,
    /// Headings of the blocks on the edition's pages.
    labels: Option<EditionLabelsInput>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateEditionInput {
    type Id = EditionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<EditionId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::Edition,
            edition::lock(cx.writer, id).await?,
        )?;
        let labels = self.labels.clone().unwrap_or_default();
        let edition = Edition {
            name: input_parse::patched_name("name", self.name.as_deref(), &old.name)?,
            labels: labels.patch(old.labels.clone())?,
            ..old
        };
        edition::save(cx.writer, &edition).await?;
        Ok(id)
    }
}

mutations! {
    /// Mutations on editions.
    EditionMutations;

    /// Creates an edition. Requires the `arrange` right.
    "createEdition" create_edition(
        CreateEditionInput: "Fields of the new edition.",
    ) -> EditionPayload, requires [Arrange];

    /// Updates the name and the labels of an edition. Omitted fields are left unchanged. Requires
    /// the `arrange` right.
    "updateEdition" update_edition(
        UpdateEditionInput: "ID of the edition and the fields to change.",
    ) -> EditionPayload, requires [Arrange];
}
