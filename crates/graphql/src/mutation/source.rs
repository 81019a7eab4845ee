//! Mutations that create and update sources.

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::{Source, SourceId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::source::{self, ById};

use super::input_parse::{self, SlugTarget};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::SourceKind;

payload! {
    SourcePayload, "Result of creating or updating a source.",
    source: Source by ById, "The created or updated source. Null if the mutation failed."
}

/// Input for the `createSource` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct CreateSourceInput {
    /// Slug of the edition in which the source is cited. Defaults to `ar`.
    edition: Option<Slug>,
    /// Display name of the source.
    name: String,
    /// URL slug, unique among the sources of the edition. Generated from the name if omitted.
    slug: Option<Slug>,
    /// Kind of source.
    kind: Option<SourceKind>,
    /// Website of the source: an absolute `https` or `http` URL.
    url: Option<String>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreateSourceInput {
    type Id = SourceId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<SourceId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        let name = input_parse::name(&["name"], &self.name)?;
        let id: SourceId = cx.mint();
        let target = SlugTarget {
            entity: EntityKind::Source,
            edition: edition.id,
            id: id.uuid(),
            current: None,
        };
        let url = self
            .url
            .as_deref()
            .map(|url| input_parse::url(&["url"], url));
        let source = Source {
            id,
            edition: edition.id,
            kind: self.kind.map(Into::into),
            slug: input_parse::slug(cx, target, self.slug.as_ref(), name.as_str()).await?,
            name,
            url: url.transpose()?,
            article_count: 0,
        };
        source::save(cx.writer, &source).await?;
        Ok(id)
    }
}

/// Input for the `updateSource` mutation. Omitted fields are left unchanged. Null clears an
/// optional value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateSourceInput {
    /// Global ID of the source.
    id: ID,
    /// Display name of the source.
    name: Option<String>,
    /// New URL slug. The previous slug keeps resolving to the source.
    slug: Option<Slug>,
    /// Kind of source.
    kind: MaybeUndefined<SourceKind>,
    /// Website of the source: an absolute `https` or `http` URL.
    url: MaybeUndefined<String>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateSourceInput {
    type Id = SourceId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<SourceId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::Source,
            source::lock(cx.writer, id).await?,
        )?;
        let name = input_parse::patched_name("name", self.name.as_deref(), &old.name)?;
        let target = SlugTarget {
            entity: EntityKind::Source,
            edition: old.edition,
            id: id.uuid(),
            current: Some(old.slug.clone()),
        };
        let source = Source {
            kind: input_parse::patched(&self.kind, old.kind, |kind| Ok(Some((*kind).into())))?,
            slug: input_parse::slug(cx, target, self.slug.as_ref(), name.as_str()).await?,
            name,
            url: input_parse::patched_url("url", &self.url, old.url.as_ref())?,
            ..old
        };
        source::save(cx.writer, &source).await?;
        Ok(id)
    }
}

mutations! {
    /// Mutations on sources.
    SourceMutations;

    /// Creates a source that can be cited in an edition. Requires the `arrange` right.
    "createSource" create_source(
        CreateSourceInput: "Fields of the new source.",
    ) -> SourcePayload, requires [Arrange];

    /// Updates a source. Omitted fields are left unchanged. Null clears an optional value. Requires
    /// the `arrange` right.
    "updateSource" update_source(
        UpdateSourceInput: "ID of the source and the fields to change.",
    ) -> SourcePayload, requires [Arrange];
}
