//! The GraphQL type for the viewer, shown only to themselves.

use async_graphql::Enum;

use crate::object::{ReadContext, enums, object};

/// The viewer, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    viewer: khabar_domain::Viewer,
    name: Option<String>,
}

/// The user making the request, and their rights.
#[object]
impl Viewer {
    /// Display name of the viewer. Null if the request is anonymous.
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The viewer's role in the newsroom.
    fn role(&self) -> Role {
        self.viewer.role.into()
    }

    /// The viewer's rights: all rights of the role, or the subset that their token is restricted
    /// to.
    fn rights(&self) -> Vec<Right> {
        self.viewer.rights.each().map(Into::into).collect()
    }
}

impl Viewer {
    /// Returns the viewer of the current request.
    pub(crate) fn asking(context: &ReadContext) -> Self {
        let viewer = context.viewer();
        let write = context.write().filter(|_| viewer.account.is_some());
        Self {
            viewer,
            name: write.map(|write| write.name.clone()),
        }
    }
}

/// A user's role in the newsroom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "khabar_domain::Role")]
pub enum Role {
    /// Reads articles, and comments under their own name.
    Reader,
    /// Writes articles, which an editor publishes.
    Contributor,
    /// Moderates comments.
    Moderator,
    /// Writes, publishes and manages everything that readers see.
    Editor,
    /// Has all rights of an editor. Also reads the audit log, and issues and revokes API tokens.
    Admin,
}

/// A right that a role can grant. A token can be restricted to some of its role's rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "khabar_domain::Right")]
pub enum Right {
    /// Post comments.
    Comment,
    /// Write articles, and edit one's own until they are scheduled or published.
    Write,
    /// Edit all articles, and publish, correct and withdraw them.
    Publish,
    /// Manage sections, stories, topics, people, sources, media, channels and front pages.
    Arrange,
    /// Moderate comments.
    Moderate,
    /// View the audit log.
    Audit,
    /// View, issue and revoke API tokens.
    Grant,
}

enums!(Role, Right);
