//! Mutations that create and update topics.

use async_graphql::{ID, InputObject, MaybeUndefined};
use khabar_domain::topic::{Kind, MediaTopic};
use khabar_domain::{Topic, TopicId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::topic::{self, ById};

use super::input_parse::{self, SlugTarget};
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::TopicKind;

payload! {
    TopicPayload, "Result of creating or updating a topic.",
    topic: Topic by ById, "The created or updated topic. Null if the mutation failed."
}

/// Input for creating a topic.
#[derive(Clone, Debug, InputObject)]
pub struct CreateTopicInput {
    /// Slug of the edition in which readers can follow the topic. Defaults to `ar`.
    edition: Option<Slug>,
    /// Name of the topic.
    name: String,
    /// URL slug of the topic. Generated from the name if omitted.
    slug: Option<Slug>,
    /// Kind of the topic. Defaults to a subject.
    kind: Option<TopicKind>,
    /// One-sentence description of the topic.
    summary: Option<String>,
    /// IPTC Media Topics code, such as `medtop:04000000`.
    media_topic: Option<String>,
    /// Idempotency key chosen by the client. A repeat within a day is not carried out again.
    idempotency_key: Option<String>,
}

impl Mutate for CreateTopicInput {
    type Id = TopicId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<TopicId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        let name = input_parse::name(&["name"], &self.name)?;
        let id: TopicId = cx.mint();
        let target = SlugTarget {
            entity: EntityKind::Topic,
            edition: edition.id,
            id: id.uuid(),
            current: None,
        };
        let code = self.media_topic.as_deref().map(media_topic);
        let topic = Topic {
            id,
            edition: edition.id,
            kind: self.kind.map_or(Kind::Subject, Into::into),
            slug: input_parse::slug(cx, target, self.slug.as_ref(), name.as_str()).await?,
            name,
            summary: input_parse::new_text("summary", self.summary.as_ref())?,
            media_topic: code.transpose()?,
            article_count: 0,
        };
        topic::save(cx.writer, &topic).await?;
        Ok(id)
    }
}

/// Input for updating a topic. Omitted fields are left unchanged. Null clears a field.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateTopicInput {
    /// ID of the topic to update.
    id: ID,
    /// Name of the topic.
    name: Option<String>,
    /// URL slug of the topic. The previous slug continues to resolve to this topic.
    slug: Option<Slug>,
    /// Kind of the topic.
    kind: Option<TopicKind>,
    /// One-sentence description of the topic.
    summary: MaybeUndefined<String>,
    /// IPTC Media Topics code, such as `medtop:04000000`.
    media_topic: MaybeUndefined<String>,
    /// Idempotency key chosen by the client. A repeat within a day is not carried out again.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateTopicInput {
    type Id = TopicId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<TopicId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::Topic,
            topic::lock(cx.writer, id).await?,
        )?;
        let name = input_parse::patched_name("name", self.name.as_deref(), &old.name)?;
        let target = SlugTarget {
            entity: EntityKind::Topic,
            edition: old.edition,
            id: id.uuid(),
            current: Some(old.slug.clone()),
        };
        let topic = Topic {
            kind: self.kind.map_or(old.kind, Into::into),
            slug: input_parse::slug(cx, target, self.slug.as_ref(), name.as_str()).await?,
            name,
            summary: input_parse::patched_text("summary", &self.summary, old.summary.as_ref())?,
            media_topic: input_parse::patched(
                &self.media_topic,
                old.media_topic.clone(),
                |code| media_topic(code).map(Some),
            )?,
            ..old
        };
        topic::save(cx.writer, &topic).await?;
        Ok(id)
    }
}

fn media_topic(code: &str) -> Result<MediaTopic, MutationError> {
    input_parse::value(&["mediaTopic"], MediaTopic::parse(code))
}

mutations! {
    /// Mutations for topics.
    TopicMutations;

    /// Creates a topic in an edition. Requires the right `arrange`.
    "createTopic" create_topic(
        CreateTopicInput: "Fields of the new topic.",
    ) -> TopicPayload, requires [Arrange];

    /// Updates a topic. Omitted fields are left unchanged, and null clears a field. Requires the right
    /// `arrange`.
    "updateTopic" update_topic(
        UpdateTopicInput: "ID of the topic and the fields to change.",
    ) -> TopicPayload, requires [Arrange];
}
