//! A live channel: television or radio that is on the air, or could be.

use crate::{EditionId, LiveChannelId, MediaId, Name, WebUrl};

/// One live channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveChannel {
    /// Which channel.
    pub id: LiveChannelId,
    /// Whose channel.
    pub edition: EditionId,
    /// What it is called.
    pub name: Name,
    /// Where its stream is; absent where it is not known.
    pub stream_url: Option<WebUrl>,
    /// What to show before it plays.
    pub poster: Option<MediaId>,
    /// Whether it is on the air; absent where it is not known.
    pub on_air: Option<bool>,
    /// Its place in the list, from 0.
    pub position: i32,
}
