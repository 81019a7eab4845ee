//! Live channels: television and radio streams, whether on the air or not.

use crate::{EditionId, LiveChannelId, MediaId, Name, WebUrl};

/// A live television or radio channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveChannel {
    /// The ID of the channel.
    pub id: LiveChannelId,
    /// The edition to which the channel belongs.
    pub edition: EditionId,
    /// The name of the channel.
    pub name: Name,
    /// The URL of the stream. `None` if it is unknown.
    pub stream_url: Option<WebUrl>,
    /// The image shown before playback starts.
    pub poster: Option<MediaId>,
    /// Whether the channel is on the air. `None` if this is unknown.
    pub on_air: Option<bool>,
    /// The position in the list, counted from 0.
    pub position: i32,
}
