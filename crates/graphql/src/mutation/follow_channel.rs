//! Mutations that create, update, delete and reorder follow channels.

use async_graphql::{Context, ID, InputObject, MaybeUndefined};
use khabar_domain::{EditionId, FollowChannel, FollowChannelId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::follow_channel::{self, ById, OfEdition};

use super::input_parse;
use super::ordering::{self, EditionList};
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::{DeletedPayload, payload};
use crate::scalar::Slug;
use crate::types::FollowPlatform;

payload! {
    FollowChannelPayload, "Result of creating or updating a follow channel.",
    follow_channel: FollowChannel by ById,
    "The created or updated follow channel. Null if the mutation failed."
}

payload! {
    FollowChannelsPayload, "Result of reordering follow channels.",
    follow_channels: [FollowChannel] of EditionId by of_edition,
    "The follow channels in their new order. Null if the mutation failed."
}

/// The follow channels of an edition.
const LIST: EditionList<FollowChannelId> = EditionList(follow_channel::ORDER);

/// Input for the `createFollowChannel` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct CreateFollowChannelInput {
    /// Slug of the edition that the channel belongs to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Display name of the channel.
    name: String,
    /// Platform of the channel.
    platform: FollowPlatform,
    /// The newsroom's handle on the platform, such as `@khabar`.
    handle: Option<String>,
    /// Link to the channel: an absolute `https` or `http` URL, or a path on this server.
    url: Option<String>,
    /// Zero-based position in the list. Channels at and after it move down. Defaults to the end of
    /// the list, which is also used for a larger position.
    position: Option<i32>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreateFollowChannelInput {
    type Id = FollowChannelId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<FollowChannelId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?.id;
        let mut order = LIST.lock_for_insert(cx, edition).await?;
        let id: FollowChannelId = cx.mint();
        let url = self
            .url
            .as_deref()
            .map(|url| input_parse::url(&["url"], url));
        let channel = FollowChannel {
            id,
            edition,
            name: input_parse::name(&["name"], &self.name)?,
            platform: self.platform.into(),
            handle: self.handle.as_deref().map(handle).transpose()?,
            url: url.transpose()?,
            position: i32::try_from(order.len()).unwrap_or(i32::MAX),
        };
        follow_channel::save(cx.writer, &channel).await?;
        ordering::insert(&mut order, input_parse::position(self.position)?, id);
        LIST.0.arrange(cx.writer, edition, &order).await?;
        Ok(id)
    }
}

/// Input for the `updateFollowChannel` mutation. Omitted fields are left unchanged. Null clears an
/// optional value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateFollowChannelInput {
    /// Global ID of the follow channel.
    id: ID,
    /// Display name of the channel.
    name: Option<String>,
    /// Platform of the channel.
    platform: Option<FollowPlatform>,
    /// The newsroom's handle on the platform, such as `@khabar`.
    handle: MaybeUndefined<String>,
    /// Link to the channel: an absolute `https` or `http` URL, or a path on this server.
    url: MaybeUndefined<String>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateFollowChannelInput {
    type Id = FollowChannelId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<FollowChannelId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::FollowChannel,
            follow_channel::lock(cx.writer, id).await?,
        )?;
        let channel = FollowChannel {
            name: input_parse::patched_name("name", self.name.as_deref(), &old.name)?,
            platform: self.platform.map_or(old.platform, Into::into),
            handle: input_parse::patched(&self.handle, old.handle.clone(), |text| {
                handle(text).map(Some)
            })?,
            url: input_parse::patched_url("url", &self.url, old.url.as_ref())?,
            ..old
        };
        follow_channel::save(cx.writer, &channel).await?;
        Ok(id)
    }
}

/// Input for the `deleteFollowChannel` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteFollowChannelInput {
    /// Global ID of the follow channel.
    id: ID,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for DeleteFollowChannelInput {
    type Id = FollowChannelId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<FollowChannelId, MutationError> {
        let (id, _) = input_parse::lock_order_of(cx, EntityKind::FollowChannel, &self.id).await?;
        let channel = input_parse::found(
            &["id"],
            EntityKind::FollowChannel,
            follow_channel::lock(cx.writer, id).await?,
        )?;
        follow_channel::remove(cx.writer, &channel).await?;
        Ok(id)
    }
}

/// Input for the `reorderFollowChannels` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ReorderFollowChannelsInput {
    /// Slug of the edition that the channels belong to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Global IDs of all follow channels of the edition, in their new order.
    channels: Vec<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for ReorderFollowChannelsInput {
    type Id = EditionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<EditionId, MutationError> {
        let edition = self.edition.as_ref();
        LIST.reorder(cx, edition, "channels", &self.channels).await
    }
}

/// Parses a handle. A handle is a single line and follows the rules for names.
fn handle(text: &str) -> Result<String, MutationError> {
    input_parse::name(&["handle"], text).map(Into::into)
}

async fn of_edition(ctx: &Context<'_>, edition: EditionId) -> Result<Vec<FollowChannel>> {
    let found = ctx.load(OfEdition(edition)).await?;
    Ok(found.unwrap_or_default())
}

mutations! {
    /// Mutations on follow channels.
    FollowChannelMutations;

    /// Creates a follow channel in an edition. Requires the `arrange` right.
    "createFollowChannel" create_follow_channel(
        CreateFollowChannelInput: "Fields of the new follow channel.",
    ) -> FollowChannelPayload, requires [Arrange];

    /// Updates a follow channel. Omitted fields are left unchanged. Null clears an optional value.
    /// Requires the `arrange` right.
    "updateFollowChannel" update_follow_channel(
        UpdateFollowChannelInput: "ID of the follow channel and the fields to change.",
    ) -> FollowChannelPayload, requires [Arrange];

    /// Deletes a follow channel. Requires the `arrange` right.
    "deleteFollowChannel" delete_follow_channel(
        DeleteFollowChannelInput: "ID of the follow channel to delete.",
    ) -> DeletedPayload, requires [Arrange];

    /// Reorders the follow channels of an edition. Requires the `arrange` right.
    "reorderFollowChannels" reorder_follow_channels(
        ReorderFollowChannelsInput: "Edition and its follow channels in their new order.",
    ) -> FollowChannelsPayload, requires [Arrange];
}
