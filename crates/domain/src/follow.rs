//! A follow channel: somewhere else to follow the newsroom.

use crate::token::tokens;
use crate::{EditionId, FollowChannelId, Name, WebUrl};

/// Where the channel is.
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
    /// A feed.
    Rss,
    /// A newsletter by mail.
    Newsletter,
    /// Anywhere else.
    Other,
}

tokens!(Platform, "the platform", {
    Facebook => "facebook", Instagram => "instagram", Telegram => "telegram", Tiktok => "tiktok",
    Whatsapp => "whatsapp", X => "x", Youtube => "youtube", Rss => "rss", Newsletter => "newsletter",
    Other => "other",
});

/// One place to follow the newsroom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowChannel {
    /// Which channel.
    pub id: FollowChannelId,
    /// Whose channel.
    pub edition: EditionId,
    /// Where it is.
    pub platform: Platform,
    /// What the link says.
    pub name: Name,
    /// The newsroom's name there: `@khabar`.
    pub handle: Option<String>,
    /// Where the link leads.
    pub url: Option<WebUrl>,
    /// Its place in the list, from 0.
    pub position: i32,
}
