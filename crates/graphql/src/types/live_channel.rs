//! The GraphQL type for live channels.

use async_graphql::{Context, ID, Object};
use khabar_domain::EditionId;
use khabar_persistence::live_channel;

use super::Media;
use crate::context::ContextExt;
use crate::error::Result;
use crate::node;
use crate::scalar::Url;

/// A live channel, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct LiveChannel(pub khabar_domain::LiveChannel);

/// A live television or radio channel. It may be off the air.
#[Object]
impl LiveChannel {
    /// The globally unique, opaque ID of the live channel.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// Display name of the channel.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Stream URL. Null if it is not known.
    fn stream_url(&self) -> Option<Url> {
        self.0.stream_url.clone().map(Url)
    }

    /// The image to show before playback starts.
    async fn poster(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.poster).await
    }

    /// Whether the channel is currently on air. Null if it is not known.
    fn on_air(&self) -> Option<bool> {
        self.0.on_air
    }

    /// Position in the list of live channels, starting at 0.
    fn position(&self) -> i32 {
        self.0.position
    }
}

impl LiveChannel {
    /// Loads the live channels of an edition, in order.
    pub(crate) async fn of_edition(ctx: &Context<'_>, edition: EditionId) -> Result<Vec<Self>> {
        let found = ctx.load(live_channel::OfEdition(edition)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Self).collect())
    }
}
