//! A follow channel, as the API shows it.

use async_graphql::{Context, Enum, ID, Object};
use khabar_domain::EditionId;
use khabar_domain::follow::Platform;
use khabar_persistence::follow_channel;

use crate::error::Result;
use crate::node;
use crate::scalar::Url;
use crate::scope::Asked;

/// A follow channel.
#[derive(Clone, Debug)]
pub struct FollowChannel(pub khabar_domain::FollowChannel);

/// Somewhere else to follow the newsroom.
#[Object]
impl FollowChannel {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// Where it is.
    fn platform(&self) -> FollowPlatform {
        self.0.platform.into()
    }

    /// What the link says.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The newsroom's name there, such as `@khabar`.
    fn handle(&self) -> Option<&str> {
        self.0.handle.as_deref()
    }

    /// Where the link leads; null where it is not known.
    fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// Its place in the list, from 0.
    fn position(&self) -> i32 {
        self.0.position
    }
}

impl FollowChannel {
    /// Those of an edition, in order.
    pub(crate) async fn of_edition(ctx: &Context<'_>, edition: EditionId) -> Result<Vec<Self>> {
        let found = ctx.load(follow_channel::OfEdition(edition)).await?;
        Ok(found.unwrap_or_default().into_iter().map(Self).collect())
    }
}

/// Where a newsroom can be followed.
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
    /// A feed.
    Rss,
    /// A newsletter by mail.
    Newsletter,
    /// Anywhere else.
    Other,
}
