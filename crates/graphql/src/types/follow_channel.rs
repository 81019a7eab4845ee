//! The GraphQL type for follow channels.

use async_graphql::{Enum, ID};
use khabar_domain::follow_channel::Platform;
use khabar_domain::{EditionId, FollowChannel as Row, WebUrl};
use khabar_persistence::follow_channel;

use crate::node;
use crate::object::{LoadMany, enums, object};

/// A follow channel, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct FollowChannel;

/// A channel on another platform where readers can follow the newsroom.
#[object(of = Row)]
impl FollowChannel {
    /// The globally unique, opaque ID of the follow channel.
    fn id(channel: &Row) -> ID {
        node::id(channel.id)
    }

    /// The platform that hosts the channel.
    fn platform(channel: &Row) -> FollowPlatform {
        channel.platform.into()
    }

    /// Link text for the channel.
    fn name(channel: &Row) -> &str {
        channel.name.as_str()
    }

    /// Account name of the newsroom on the platform, such as `@khabar`.
    fn handle(channel: &Row) -> Option<&str> {
        channel.handle.as_deref()
    }

    /// Link to the channel. Null if it is not known.
    fn url(channel: &Row) -> Option<&WebUrl> {
        channel.url.as_ref()
    }

    /// Position in the list of follow channels, starting at 0.
    fn position(channel: &Row) -> i32 {
        channel.position
    }
}

impl FollowChannel {
    /// Returns the follow channels of an edition, in order.
    pub(crate) fn of_edition(edition: EditionId) -> LoadMany<Self, follow_channel::OfEdition> {
        LoadMany::new(follow_channel::OfEdition(edition))
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

enums!(FollowPlatform);
