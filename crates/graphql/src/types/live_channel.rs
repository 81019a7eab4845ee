//! The GraphQL type for live channels.

use async_graphql::ID;
use khabar_domain::{EditionId, LiveChannel as Row, WebUrl};
use khabar_persistence::{live_channel, media};

use super::Media;
use crate::node;
use crate::object::{LoadMany, LoadOne, object};

/// A live channel, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct LiveChannel;

/// A live television or radio channel. It may be off the air.
#[object(of = Row)]
impl LiveChannel {
    /// The globally unique, opaque ID of the live channel.
    fn id(channel: &Row) -> ID {
        node::id(channel.id)
    }

    /// Display name of the channel.
    fn name(channel: &Row) -> &str {
        channel.name.as_str()
    }

    /// Stream URL. Null if it is not known.
    fn stream_url(channel: &Row) -> Option<&WebUrl> {
        channel.stream_url.as_ref()
    }

    /// The image to show before playback starts.
    fn poster(channel: &Row) -> LoadOne<Media, media::ById> {
        Media::load(channel.poster)
    }

    /// Whether the channel is currently on air. Null if it is not known.
    fn on_air(channel: &Row) -> Option<bool> {
        channel.on_air
    }

    /// Position in the list of live channels, starting at 0.
    fn position(channel: &Row) -> i32 {
        channel.position
    }
}

impl LiveChannel {
    /// Returns the live channels of an edition, in order.
    pub(crate) fn of_edition(edition: EditionId) -> LoadMany<Self, live_channel::OfEdition> {
        LoadMany::new(live_channel::OfEdition(edition))
    }
}
