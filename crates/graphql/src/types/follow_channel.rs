//! The GraphQL type for follow channels.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::EditionId;
use khabar_domain::follow_channel::Platform;
use khabar_persistence::follow_channel;

use crate::context::ContextExt;
use crate::error::Result;
use crate::node;
use crate::scalar::Url;

/// A follow channel, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct FollowChannel(pub khabar_domain::FollowChannel);

/// A channel on another platform where readers can follow the newsroom.
#[Object]
impl FollowChannel {
    /// The globally unique, opaque ID of the follow channel.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The platform that hosts the channel.
    fn platform(&self) -> FollowPlatform {
        self.0.platform.into()
    }

    /// Link text for the channel.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Account name of the newsroom on the platform, such as `@khabar`.
    fn handle(&self) -> Option<&str> {
        self.0.handle.as_deref()
    }

    /// Link to the channel. Null if it is not known.
    fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// Position in the list of follow channels, starting at 0.
    fn position(&self) -> i32 {
        self.0.position
    }
}

impl FollowChannel {
    /// Loads the follow channels of an edition, in order.
    pub(crate) async fn of_edition(ctx: &Context<'_>, edition: EditionId) -> Result<Vec<Self>> {
        let found = ctx.load(follow_channel::OfEdition(edition)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Self).collect())
    }
}

/// A platform on which readers can follow the newsroom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Platform")]
pub enum FollowPlatform {
    /// Facebook.
    Facebook,
    /// Instagram.
    Instagram,
    /// Telegram.
    Telegram,
    /// TikTok.
    Tiktok,
    /// WhatsApp.
    Whatsapp,
    /// X, formerly Twitter.
    X,
    /// YouTube.
    Youtube,
    /// An RSS feed.
    Rss,
    /// An email newsletter.
    Newsletter,
    /// Any other platform.
    Other,
}
