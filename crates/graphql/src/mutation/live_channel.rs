//! Live channels being written.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::{EditionId, LiveChannel, LiveChannelId, Right};
use khabar_persistence::Page;
use khabar_persistence::change::Noun;
use khabar_persistence::live_channel::{self, ById};

use super::read;
use crate::error::Result;
use crate::payload::{DeletedPayload, payload};
use crate::scalar::Slug;
use crate::types::{UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, run};

payload! {
    LiveChannelPayload, "What came of writing about a live channel.",
    live_channel: LiveChannel by ById, "The live channel as it is now; null when the mutation was not carried out."
}

payload! {
    LiveChannelsPayload, "What came of putting live channels in order.",
    live_channels: [LiveChannel] of EditionId by crate::types::LiveChannel::of_edition,
    "The live channels in their order now; null when the mutation was not carried out."
}

/// What a new live channel is.
#[derive(Clone, Debug, InputObject)]
pub struct CreateLiveChannelInput {
    /// The slug of the edition that it is to belong to; `ar` when nothing is said.
    edition: Option<Slug>,
    /// What it is called.
    name: String,
    /// Where its stream is: an absolute `https` or `http` address, or a path on this server.
    stream_url: Option<String>,
    /// What to show before it plays.
    poster: Option<ID>,
    /// Whether it is on the air; not known when nothing is said.
    on_air: Option<bool>,
    /// Its place in the list, from 0: those from there on make room. The last when nothing is said
    /// or there are fewer.
    position: Option<i32>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreateLiveChannelInput {
    const NAME: &'static str = "createLiveChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = LiveChannelId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<LiveChannelId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?.id;
        act.writer.lock_order(edition).await?;
        let mut order = live_channel::in_order(act.writer, edition).await?;
        if order.len() >= usize::from(Page::MAX) {
            let message = format!("There is room for {} live channels.", Page::MAX);
            return Err(UserError::new(&[], UserErrorCode::Invalid, message).into());
        }
        let id: LiveChannelId = act.mint();
        let stream = self
            .stream_url
            .as_deref()
            .map(|url| read::url(&["streamUrl"], url));
        let poster = match &self.poster {
            None => None,
            Some(poster) => Some(read::media(act, "poster", poster).await?),
        };
        let channel = LiveChannel {
            id,
            edition,
            name: read::name(&["name"], &self.name)?,
            stream_url: stream.transpose()?,
            poster,
            on_air: self.on_air,
            position: i32::try_from(order.len()).unwrap_or(i32::MAX),
        };
        live_channel::save(act.writer, &channel).await?;
        let at = read::position(self.position)?;
        order.insert(at.unwrap_or(order.len()).min(order.len()), id);
        live_channel::arrange(act.writer, edition, &order).await?;
        Ok(id)
    }
}

/// Which live channel, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateLiveChannelInput {
    /// Which live channel.
    id: ID,
    /// What it is called.
    name: Option<String>,
    /// Where its stream is: an absolute `https` or `http` address, or a path on this server.
    stream_url: MaybeUndefined<String>,
    /// What to show before it plays.
    poster: MaybeUndefined<ID>,
    /// Whether it is on the air; null: not known.
    on_air: MaybeUndefined<bool>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateLiveChannelInput {
    const NAME: &'static str = "updateLiveChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = LiveChannelId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<LiveChannelId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let old = read::found(
            &["id"],
            Noun::LiveChannel,
            live_channel::find(act.writer, id).await?,
        )?;
        let channel = LiveChannel {
            name: read::renamed("name", self.name.as_deref(), &old.name)?,
            stream_url: read::patched_url("streamUrl", &self.stream_url, old.stream_url.as_ref())?,
            poster: read::patched_media(act, "poster", &self.poster, old.poster).await?,
            on_air: read::patched(&self.on_air, old.on_air, |on_air| Ok(Some(*on_air)))?,
            ..old
        };
        live_channel::save(act.writer, &channel).await?;
        Ok(id)
    }
}

/// Which live channel is to go.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteLiveChannelInput {
    /// Which live channel.
    id: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for DeleteLiveChannelInput {
    const NAME: &'static str = "deleteLiveChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = LiveChannelId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<LiveChannelId, Refusal> {
        let (id, _) = read::placed(act, Noun::LiveChannel, &self.id).await?;
        let channel = read::found(
            &["id"],
            Noun::LiveChannel,
            live_channel::find(act.writer, id).await?,
        )?;
        live_channel::remove(act.writer, &channel).await?;
        Ok(id)
    }
}

/// In which order live channels stand.
#[derive(Clone, Debug, InputObject)]
pub struct ArrangeLiveChannelsInput {
    /// The slug of the edition that they belong to; `ar` when nothing is said.
    edition: Option<Slug>,
    /// Every live channel of the edition, in the order that they are to have.
    channels: Vec<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for ArrangeLiveChannelsInput {
    const NAME: &'static str = "arrangeLiveChannels";
    const RIGHT: Right = Right::Arrange;
    type Id = EditionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<EditionId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?.id;
        act.writer.lock_order(edition).await?;
        let there = live_channel::in_order(act.writer, edition).await?;
        let order = read::order("channels", Noun::LiveChannel, &self.channels, &there)?;
        live_channel::arrange(act.writer, edition, &order).await?;
        Ok(edition)
    }
}

/// The mutations of live channels.
#[derive(Default)]
pub(crate) struct LiveChannelMutations;

#[Object]
impl LiveChannelMutations {
    /// Adds a live channel to an edition. Needs the right `arrange`.
    async fn create_live_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is.")] input: CreateLiveChannelInput,
    ) -> Result<LiveChannelPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes a live channel: what is left out stays, null clears. Needs the right `arrange`.
    async fn update_live_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which channel, and what is to be different.")]
        input: UpdateLiveChannelInput,
    ) -> Result<LiveChannelPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Takes a live channel away. Needs the right `arrange`.
    async fn delete_live_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which channel.")] input: DeleteLiveChannelInput,
    ) -> Result<DeletedPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Puts the live channels of an edition in order. Needs the right `arrange`.
    async fn arrange_live_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which channels, and their order.")] input: ArrangeLiveChannelsInput,
    ) -> Result<LiveChannelsPayload> {
        Ok(run(ctx, input).await?.into())
    }
}
