//! The viewer, as the API shows them to themselves.

use async_graphql::{Context, Enum, Object};

use crate::error::Result;
use crate::scope::Asked as _;
use crate::write::Desk;

/// The viewer.
#[derive(Clone, Debug)]
pub struct Viewer {
    viewer: khabar_domain::Viewer,
    name: Option<String>,
}

/// Who is asking, and what they may do.
#[Object]
impl Viewer {
    /// How they are called; null when they did not say who they are.
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What they are to the newsroom.
    fn role(&self) -> Role {
        self.viewer.role.into()
    }

    /// What they may do: all that their role allows, or what their token is narrowed to.
    fn rights(&self) -> Vec<Right> {
        self.viewer.rights.each().map(Into::into).collect()
    }
}

impl Viewer {
    /// Whoever is asking.
    pub(crate) fn asking(ctx: &Context<'_>) -> Result<Self> {
        let viewer = ctx.viewer()?;
        let desk = ctx.data_opt::<Desk>().filter(|_| viewer.account.is_some());
        Ok(Self {
            viewer,
            name: desk.map(|desk| desk.name.clone()),
        })
    }
}

/// What somebody is to the newsroom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "khabar_domain::Role")]
pub enum Role {
    /// Reads, and comments under their own name.
    Reader,
    /// Writes articles, which an editor publishes.
    Contributor,
    /// Decides about comments.
    Moderator,
    /// Writes, publishes and arranges everything that readers see.
    Editor,
    /// An editor who also sees who did what, and gives out API tokens.
    Admin,
}

/// One thing that a role may allow, and that a token may be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "khabar_domain::Right")]
pub enum Right {
    /// To comment.
    Comment,
    /// To write articles, and to change one's own until they are published.
    Write,
    /// To change anybody's articles, and to publish, correct and withdraw them.
    Publish,
    /// To arrange sections, stories, topics, people, sources, media, channels and front pages.
    Arrange,
    /// To decide about comments.
    Moderate,
    /// To see the audit log.
    Audit,
    /// To see who has API tokens, to give them out and to take them back.
    Grant,
}
