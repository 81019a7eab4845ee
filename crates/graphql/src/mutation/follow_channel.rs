//! Follow channels being written.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::{EditionId, FollowChannel, FollowChannelId, Right};
use khabar_persistence::Page;
use khabar_persistence::change::Noun;
use khabar_persistence::follow_channel::{self, ById};

use super::read;
use crate::error::Result;
use crate::payload::{DeletedPayload, payload};
use crate::scalar::Slug;
use crate::types::{FollowPlatform, UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, run};

payload! {
    FollowChannelPayload, "What came of writing about a follow channel.",
    follow_channel: FollowChannel by ById, "The follow channel as it is now; null when the mutation was not carried out."
}

payload! {
    FollowChannelsPayload, "What came of putting follow channels in order.",
    follow_channels: [FollowChannel] of EditionId by crate::types::FollowChannel::of_edition,
    "The follow channels in their order now; null when the mutation was not carried out."
}

/// What a new follow channel is.
#[derive(Clone, Debug, InputObject)]
pub struct CreateFollowChannelInput {
    /// The slug of the edition that it is to belong to; `ar` when nothing is said.
    edition: Option<Slug>,
    /// What it is called.
    name: String,
    /// Where it is.
    platform: FollowPlatform,
    /// The newsroom's name there, such as `@khabar`.
    handle: Option<String>,
    /// Where the link leads: an absolute `https` or `http` address, or a path on this server.
    url: Option<String>,
    /// Its place in the list, from 0: those from there on make room. The last when nothing is said
    /// or there are fewer.
    position: Option<i32>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreateFollowChannelInput {
    const NAME: &'static str = "createFollowChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = FollowChannelId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<FollowChannelId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?.id;
        act.writer.lock_order(edition).await?;
        let mut order = follow_channel::in_order(act.writer, edition).await?;
        if order.len() >= usize::from(Page::MAX) {
            let message = format!("There is room for {} follow channels.", Page::MAX);
            return Err(UserError::new(&[], UserErrorCode::Invalid, message).into());
        }
        let id: FollowChannelId = act.mint();
        let url = self.url.as_deref().map(|url| read::url(&["url"], url));
        let channel = FollowChannel {
            id,
            edition,
            name: read::name(&["name"], &self.name)?,
            platform: self.platform.into(),
            handle: self.handle.as_deref().map(handle).transpose()?,
            url: url.transpose()?,
            position: i32::try_from(order.len()).unwrap_or(i32::MAX),
        };
        follow_channel::save(act.writer, &channel).await?;
        let at = read::position(self.position)?;
        order.insert(at.unwrap_or(order.len()).min(order.len()), id);
        follow_channel::arrange(act.writer, edition, &order).await?;
        Ok(id)
    }
}

/// Which follow channel, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateFollowChannelInput {
    /// Which follow channel.
    id: ID,
    /// What it is called.
    name: Option<String>,
    /// Where it is.
    platform: Option<FollowPlatform>,
    /// The newsroom's name there, such as `@khabar`.
    handle: MaybeUndefined<String>,
    /// Where the link leads: an absolute `https` or `http` address, or a path on this server.
    url: MaybeUndefined<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateFollowChannelInput {
    const NAME: &'static str = "updateFollowChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = FollowChannelId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<FollowChannelId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let old = read::found(
            &["id"],
            Noun::FollowChannel,
            follow_channel::find(act.writer, id).await?,
        )?;
        let channel = FollowChannel {
            name: read::renamed("name", self.name.as_deref(), &old.name)?,
            platform: self.platform.map_or(old.platform, Into::into),
            handle: read::patched(&self.handle, old.handle.clone(), |text| {
                handle(text).map(Some)
            })?,
            url: read::patched_url("url", &self.url, old.url.as_ref())?,
            ..old
        };
        follow_channel::save(act.writer, &channel).await?;
        Ok(id)
    }
}

/// Which follow channel is to go.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteFollowChannelInput {
    /// Which follow channel.
    id: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for DeleteFollowChannelInput {
    const NAME: &'static str = "deleteFollowChannel";
    const RIGHT: Right = Right::Arrange;
    type Id = FollowChannelId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<FollowChannelId, Refusal> {
        let (id, _) = read::placed(act, Noun::FollowChannel, &self.id).await?;
        let channel = read::found(
            &["id"],
            Noun::FollowChannel,
            follow_channel::find(act.writer, id).await?,
        )?;
        follow_channel::remove(act.writer, &channel).await?;
        Ok(id)
    }
}

/// In which order follow channels stand.
#[derive(Clone, Debug, InputObject)]
pub struct ArrangeFollowChannelsInput {
    /// The slug of the edition that they belong to; `ar` when nothing is said.
    edition: Option<Slug>,
    /// Every follow channel of the edition, in the order that they are to have.
    channels: Vec<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for ArrangeFollowChannelsInput {
    const NAME: &'static str = "arrangeFollowChannels";
    const RIGHT: Right = Right::Arrange;
    type Id = EditionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<EditionId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?.id;
        act.writer.lock_order(edition).await?;
        let there = follow_channel::in_order(act.writer, edition).await?;
        let order = read::order("channels", Noun::FollowChannel, &self.channels, &there)?;
        follow_channel::arrange(act.writer, edition, &order).await?;
        Ok(edition)
    }
}

/// A handle is one line, as a name is.
fn handle(text: &str) -> Result<String, Refusal> {
    read::name(&["handle"], text).map(Into::into)
}

/// The mutations of follow channels.
#[derive(Default)]
pub(crate) struct FollowChannelMutations;

#[Object]
impl FollowChannelMutations {
    /// Adds a follow channel to an edition. Needs the right `arrange`.
    async fn create_follow_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is.")] input: CreateFollowChannelInput,
    ) -> Result<FollowChannelPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes a follow channel: what is left out stays, null clears. Needs the right `arrange`.
    async fn update_follow_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which channel, and what is to be different.")]
        input: UpdateFollowChannelInput,
    ) -> Result<FollowChannelPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Takes a follow channel away. Needs the right `arrange`.
    async fn delete_follow_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which channel.")] input: DeleteFollowChannelInput,
    ) -> Result<DeletedPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Puts the follow channels of an edition in order. Needs the right `arrange`.
    async fn arrange_follow_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which channels, and their order.")] input: ArrangeFollowChannelsInput,
    ) -> Result<FollowChannelsPayload> {
        Ok(run(ctx, input).await?.into())
    }
}
