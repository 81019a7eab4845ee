//! A live channel, as the API shows it.

use async_graphql::{Context, ID, Object};
use khabar_domain::EditionId;
use khabar_persistence::live_channel;

use super::Media;
use crate::error::Result;
use crate::node;
use crate::scalar::Url;
use crate::scope::Asked;

/// A live channel.
#[derive(Clone, Debug)]
pub struct LiveChannel(pub khabar_domain::LiveChannel);

/// Television or radio that is on the air, or could be.
#[Object]
impl LiveChannel {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// What it is called.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Where its stream is; null where it is not known.
    fn stream_url(&self) -> Option<Url> {
        self.0.stream_url.clone().map(Url)
    }

    /// What to show before it plays.
    async fn poster(&self, ctx: &Context<'_>) -> Result<Option<Media>> {
        Media::maybe(ctx, self.0.poster).await
    }

    /// Whether it is on the air; null where it is not known.
    fn on_air(&self) -> Option<bool> {
        self.0.on_air
    }

    /// Its place in the list, from 0.
    fn position(&self) -> i32 {
        self.0.position
    }
}

impl LiveChannel {
    /// Those of an edition, in order.
    pub(crate) async fn of_edition(ctx: &Context<'_>, edition: EditionId) -> Result<Vec<Self>> {
        let found = ctx.load(live_channel::OfEdition(edition)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Self).collect())
    }
}
