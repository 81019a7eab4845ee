//! Mutations that create, update, delete and reorder live channels.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::{EditionId, LiveChannel, LiveChannelId, Right};
use khabar_persistence::Page;
use khabar_persistence::change::EntityKind;
use khabar_persistence::live_channel::{self, ById};

use super::input_parse;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, run};
use crate::payload::{DeletedPayload, payload};
use crate::scalar::Slug;
use crate::types::{UserError, UserErrorCode};

payload! {
    LiveChannelPayload, "Result of creating or updating a live channel.",
    live_channel: LiveChannel by ById,
    "The created or updated live channel. Null if the mutation failed."
}

payload! {
    LiveChannelsPayload, "Result of reordering live channels.",
    live_channels: [LiveChannel] of EditionId by crate::types::LiveChannel::of_edition,
    "The live channels in their new order. Null if the mutation failed."
}

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
    const NAME: &'static str = "createLiveChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = LiveChannelId;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<LiveChannelId, MutationError> {
        let edition = input_parse::edition(act, self.edition.as_ref()).await?.id;
        act.writer.lock_order(edition).await?;
        let mut order = live_channel::in_order(act.writer, edition).await?;
        if order.len() >= usize::from(Page::MAX) {
            let message = format!("An edition can have at most {} live channels.", Page::MAX);
            return Err(UserError::new(&[], UserErrorCode::Invalid, message).into());
        }
        let id: LiveChannelId = act.mint();
        let stream = self
            .stream_url
            .as_deref()
            .map(|url| input_parse::url(&["streamUrl"], url));
        let poster = match &self.poster {
            None => None,
            Some(poster) => Some(input_parse::media(act, "poster", poster).await?),
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
        live_channel::save(act.writer, &channel).await?;
        let at = input_parse::position(self.position)?;
        order.insert(at.unwrap_or(order.len()).min(order.len()), id);
        live_channel::arrange(act.writer, edition, &order).await?;
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
    const NAME: &'static str = "updateLiveChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = LiveChannelId;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<LiveChannelId, MutationError> {
        let id = input_parse::id(&["id"], &self.id)?;
        let old = input_parse::found(
            &["id"],
            EntityKind::LiveChannel,
            live_channel::lock(act.writer, id).await?,
        )?;
        let channel = LiveChannel {
            name: input_parse::renamed("name", self.name.as_deref(), &old.name)?,
            stream_url: input_parse::patched_url(
                "streamUrl",
                &self.stream_url,
                old.stream_url.as_ref(),
            )?,
            poster: input_parse::patched_media(act, "poster", &self.poster, old.poster).await?,
            on_air: input_parse::patched(&self.on_air, old.on_air, |on_air| Ok(Some(*on_air)))?,
            ..old
        };
        live_channel::save(act.writer, &channel).await?;
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
    const NAME: &'static str = "deleteLiveChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = LiveChannelId;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<LiveChannelId, MutationError> {
        let (id, _) = input_parse::placed(act, EntityKind::LiveChannel, &self.id).await?;
        let channel = input_parse::found(
            &["id"],
            EntityKind::LiveChannel,
            live_channel::lock(act.writer, id).await?,
        )?;
        live_channel::remove(act.writer, &channel).await?;
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
    const NAME: &'static str = "reorderLiveChannels";
    const RIGHT: Right = Right::Arrange;
    type Id = EditionId;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<EditionId, MutationError> {
        let edition = input_parse::edition(act, self.edition.as_ref()).await?.id;
        act.writer.lock_order(edition).await?;
        let there = live_channel::in_order(act.writer, edition).await?;
        let order =
            input_parse::order("channels", EntityKind::LiveChannel, &self.channels, &there)?;
        live_channel::arrange(act.writer, edition, &order).await?;
        Ok(edition)
    }
}

/// Mutations on live channels.
#[derive(Default)]
pub(crate) struct LiveChannelMutations;

#[Object]
impl LiveChannelMutations {
    /// Creates a live channel in an edition. Requires the `arrange` right.
    async fn create_live_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Fields of the new live channel.")] input: CreateLiveChannelInput,
    ) -> Result<Option<LiveChannelPayload>> {
        Ok(Some(run(ctx, input).await?.into()))
    }

    /// Updates a live channel. Omitted fields are left unchanged. Null clears an optional value.
    /// Requires the `arrange` right.
    async fn update_live_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "ID of the live channel and the fields to change.")]
        input: UpdateLiveChannelInput,
    ) -> Result<Option<LiveChannelPayload>> {
        Ok(Some(run(ctx, input).await?.into()))
    }

    /// Deletes a live channel. Requires the `arrange` right.
    async fn delete_live_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "ID of the live channel to delete.")] input: DeleteLiveChannelInput,
    ) -> Result<Option<DeletedPayload>> {
        Ok(Some(run(ctx, input).await?.into()))
    }

    /// Reorders the live channels of an edition. Requires the `arrange` right.
    async fn reorder_live_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Edition and its live channels in their new order.")]
        input: ReorderLiveChannelsInput,
    ) -> Result<Option<LiveChannelsPayload>> {
        Ok(Some(run(ctx, input).await?.into()))
    }
}
