//! Follow channels: other places where readers can follow the newsroom.

use crate::text_enum::tokens;
use crate::{EditionId, FollowChannelId, Name, WebUrl};

/// The platform of a follow channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Facebook.
    Facebook,
    /// Instagram.
    Instagram,
    /// Telegram.
    Telegram,
    /// `TikTok`.
    Tiktok,
    /// `WhatsApp`.
    Whatsapp,
    /// X, formerly Twitter.
    X,
    /// `YouTube`.
    Youtube,
    /// A web feed, such as RSS.
    Rss,
    /// An email newsletter.
    Newsletter,
    /// Any other platform.
    Other,
}

tokens!(Platform, "the platform", {
    Facebook => "facebook", Instagram => "instagram", Telegram => "telegram", Tiktok => "tiktok",
    Whatsapp => "whatsapp", X => "x", Youtube => "youtube", Rss => "rss", Newsletter => "newsletter",
    Other => "other",
});

/// A place on another platform where readers can follow the newsroom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowChannel {
    /// The ID of the channel.
    pub id: FollowChannelId,
    /// The edition to which the channel belongs.
    pub edition: EditionId,
    /// The platform of the channel.
    pub platform: Platform,
    /// The text of the link.
    pub name: Name,
    /// The newsroom's handle on the platform, such as `@khabar`.
    pub handle: Option<String>,
    /// The URL of the channel.
    pub url: Option<WebUrl>,
    /// The position in the list, counted from 0.
    pub position: i32,
}
