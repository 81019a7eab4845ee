//! Mutations that create, update, delete and reorder live channels.

use async_graphql::{Context, ID, InputObject, MaybeUndefined};
use khabar_domain::{EditionId, LiveChannel, LiveChannelId};
use khabar_persistence::change::EntityKind;
use khabar_persistence::live_channel::{self, ById, OfEdition};

use super::input_parse;
use super::ordering::{self, EditionList};
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, mutations};
use crate::payload::{DeletedPayload, payload};
use crate::scalar::Slug;

payload! {
    LiveChannelPayload, "Result of creating or updating a live channel.",
    live_channel: LiveChannel by ById,
    "The created or updated live channel. Null if the mutation failed."
}

payload! {
    LiveChannelsPayload, "Result of reordering live channels.",
    live_channels: [LiveChannel] of EditionId by of_edition,
    "The live channels in their new order. Null if the mutation failed."
}

/// The live channels of an edition.
const LIST: EditionList<LiveChannelId> = EditionList(live_channel::ORDER);

/// Input for the `createLiveChannel` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct CreateLiveChannelInput {
    /// Slug of the edition that the channel belongs to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Display name of the channel.
    name: String,
    /// URL of the stream: an absolute `https` or `http` URL, or a path on this server.
    stream_url: Option<String>,
    /// Global ID of the poster image shown before playback starts.
    poster: Option<ID>,
    /// Whether the channel is on the air. Omit it if unknown.
    on_air: Option<bool>,
    /// Zero-based position in the list. Channels at and after it move down. Defaults to the end of
    /// the list, which is also used for a larger position.
    position: Option<i32>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreateLiveChannelInput {
    type Id = LiveChannelId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<LiveChannelId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?.id;
        let mut order = LIST.lock_for_insert(cx, edition).await?;
        let id: LiveChannelId = cx.mint();
        let stream = self
            .stream_url
            .as_deref()
            .map(|url| input_parse::url(&["streamUrl"], url));
        let poster = match &self.poster {
            None => None,
            Some(poster) => Some(input_parse::media(cx, "poster", poster).await?),
        };
        let channel = LiveChannel {
            id,
            edition,
            name: input_parse::name(&["name"], &self.name)?,
            stream_url: stream.transpose()?,
            poster,
            on_air: self.on_air,
            position: i32::try_from(order.len()).unwrap_or(i32::MAX),
        };
        live_channel::save(cx.writer, &channel).await?;
        ordering::insert(&mut order, input_parse::position(self.position)?, id);
        LIST.0.arrange(cx.writer, edition, &order).await?;
        Ok(id)
    }
}

/// Input for the `updateLiveChannel` mutation. Omitted fields are left unchanged. Null clears an
/// optional value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateLiveChannelInput {
    /// Global ID of the live channel.
    id: ID,
    /// Display name of the channel.
    name: Option<String>,
    /// URL of the stream: an absolute `https` or `http` URL, or a path on this server.
    stream_url: MaybeUndefined<String>,
    /// Global ID of the poster image shown before playback starts.
    poster: MaybeUndefined<ID>,
    /// Whether the channel is on the air. Null means unknown.
    on_air: MaybeUndefined<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateLiveChannelInput {
    type Id = LiveChannelId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<LiveChannelId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::LiveChannel,
            live_channel::lock(cx.writer, id).await?,
        )?;
        let channel = LiveChannel {
            name: input_parse::patched_name("name", self.name.as_deref(), &old.name)?,
            stream_url: input_parse::patched_url(
                "streamUrl",
                &self.stream_url,
                old.stream_url.as_ref(),
            )?,
            poster: input_parse::patched_media(cx, "poster", &self.poster, old.poster).await?,
            on_air: input_parse::patched(&self.on_air, old.on_air, |on_air| Ok(Some(*on_air)))?,
            ..old
        };
        live_channel::save(cx.writer, &channel).await?;
        Ok(id)
    }
}

/// Input for the `deleteLiveChannel` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteLiveChannelInput {
    /// Global ID of the live channel.
    id: ID,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for DeleteLiveChannelInput {
    type Id = LiveChannelId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<LiveChannelId, MutationError> {
        let (id, _) = input_parse::lock_order_of(cx, EntityKind::LiveChannel, &self.id).await?;
        let channel = input_parse::found(
            &["id"],
            EntityKind::LiveChannel,
            live_channel::lock(cx.writer, id).await?,
        )?;
        live_channel::remove(cx.writer, &channel).await?;
        Ok(id)
    }
}

/// Input for the `reorderLiveChannels` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ReorderLiveChannelsInput {
    /// Slug of the edition that the channels belong to. Defaults to `ar`.
    edition: Option<Slug>,
    /// Global IDs of all live channels of the edition, in their new order.
    channels: Vec<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for ReorderLiveChannelsInput {
    type Id = EditionId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<EditionId, MutationError> {
        let edition = self.edition.as_ref();
        LIST.reorder(cx, edition, "channels", &self.channels).await
    }
}

async fn of_edition(ctx: &Context<'_>, edition: EditionId) -> Result<Vec<LiveChannel>> {
    let found = ctx.load(OfEdition(edition)).await?;
    Ok(found.unwrap_or_default())
}

mutations! {
    /// Mutations on live channels.
    LiveChannelMutations;

    /// Creates a live channel in an edition. Requires the `arrange` right.
    "createLiveChannel" create_live_channel(
        CreateLiveChannelInput: "Fields of the new live channel.",
    ) -> LiveChannelPayload, requires [Arrange];

    /// Updates a live channel. Omitted fields are left unchanged. Null clears an optional value.
    /// Requires the `arrange` right.
    "updateLiveChannel" update_live_channel(
        UpdateLiveChannelInput: "ID of the live channel and the fields to change.",
    ) -> LiveChannelPayload, requires [Arrange];

    /// Deletes a live channel. Requires the `arrange` right.
    "deleteLiveChannel" delete_live_channel(
        DeleteLiveChannelInput: "ID of the live channel to delete.",
    ) -> DeletedPayload, requires [Arrange];

    /// Reorders the live channels of an edition. Requires the `arrange` right.
    "reorderLiveChannels" reorder_live_channels(
        ReorderLiveChannelsInput: "Edition and its live channels in their new order.",
    ) -> LiveChannelsPayload, requires [Arrange];
}
