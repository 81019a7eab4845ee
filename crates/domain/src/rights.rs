//! Authorization: viewers, their roles, and the rights that each role grants. This module is the only
//! place where the rights of a role are defined.

use crate::text_enum::tokens;
use crate::{AccountId, ArticleId, Invalid};

/// The role of an account in the newsroom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads articles and comments under their own name.
    #[default]
    Reader,
    /// Writes articles for an editor to publish.
    Contributor,
    /// Moderates comments.
    Moderator,
    /// Writes, publishes and arranges all content, and moderates comments.
    Editor,
    /// Has all rights of an editor. Can also read the audit log and manage API tokens.
    Admin,
}

tokens!(Role, "the role", {
    Reader => "reader", Contributor => "contributor", Moderator => "moderator", Editor => "editor",
    Admin => "admin",
});

/// A permission that a role can grant and that a token can be restricted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Posting comments.
    Comment,
    /// Writing articles, and editing one's own while they are drafts or in review.
    Write,
    /// Editing all articles, and publishing, correcting and withdrawing them.
    Publish,
    /// Managing sections, stories, topics, people, sources, media, channels and front pages.
    Arrange,
    /// Moderating comments.
    Moderate,
    /// Reading the audit log.
    Audit,
    /// Listing, issuing and revoking API tokens.
    Grant,
}

tokens!(Right, "the right", {
    Comment => "comment", Write => "write", Publish => "publish", Arrange => "arrange",
    Moderate => "moderate", Audit => "audit", Grant => "grant",
});

/// A set of rights, stored as a bit mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(u8);

impl Rights {
    /// Creates a set from a list of rights.
    pub const fn of(rights: &[Right]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < rights.len() {
            bits |= Self::bit(rights[at]);
            at += 1;
        }
        Self(bits)
    }

    /// Whether the set contains `right`.
    pub const fn has(self, right: Right) -> bool {
        self.0 & Self::bit(right) != 0
    }

    /// Returns the intersection of two sets.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the rights in this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the set contains no rights.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Iterates over the rights in the set, in the order in which [`Right`] declares them.
    pub fn each(self) -> impl Iterator<Item = Right> {
        Right::ALL
            .iter()
            .copied()
            .filter(move |right| self.has(*right))
    }

    /// Parses a list of tokens. Fails if one of them does not name a right.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        let rights: Result<Vec<_>, _> = words.into_iter().map(Right::parse).collect();
        Ok(Self::of(&rights?))
    }

    const fn bit(right: Right) -> u8 {
        1 << right as u8
    }
}

impl Role {
    /// Whether the role belongs to newsroom staff: every role except [`Role::Reader`].
    pub const fn is_staff(self) -> bool {
        !matches!(self, Self::Reader)
    }

    /// Returns all rights that the role grants.
    pub const fn rights(self) -> Rights {
        use Right::{Arrange, Audit, Comment, Grant, Moderate, Publish, Write};
        match self {
            Self::Reader => Rights::of(&[Comment]),
            Self::Contributor => Rights::of(&[Comment, Write]),
            Self::Moderator => Rights::of(&[Comment, Moderate]),
            Self::Editor => Rights::of(&[Comment, Write, Publish, Arrange, Moderate]),
            Self::Admin => Rights::of(&[Comment, Write, Publish, Arrange, Moderate, Audit, Grant]),
        }
    }

    /// Returns the rights of a token with this role, restricted to `to` if given. Without `to`, the token
    /// has all rights of the role. Fails if `to` contains a right that the role does not grant.
    pub fn narrowed(self, to: Option<Rights>) -> Result<Rights, Invalid> {
        let rights = to.unwrap_or_else(|| self.rights());
        let beyond = rights.without(self.rights());
        if beyond.is_empty() {
            return Ok(rights);
        }
        let beyond: Vec<_> = beyond.each().map(Right::as_str).collect();
        let problem = format!("{} has no right to {}", self.as_str(), beyond.join(", "));
        Err(Invalid::new("the role", problem))
    }
}

/// The viewer who makes a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// The viewer's account. `None` for an anonymous viewer.
    pub account: Option<AccountId>,
    /// The viewer's role in the newsroom.
    pub role: Role,
    /// The viewer's rights: those of the role, or a subset of them.
    pub rights: Rights,
    /// The single unpublished article that a preview token gives access to.
    pub preview: Option<ArticleId>,
}

impl Viewer {
    /// Returns an anonymous viewer, who can read published content and has no rights.
    pub const fn anonymous() -> Self {
        Self {
            account: None,
            role: Role::Reader,
            rights: Rights::of(&[]),
            preview: None,
        }
    }

    /// Returns a viewer with an account and all rights of `role`.
    pub const fn of(account: AccountId, role: Role) -> Self {
        Self {
            account: Some(account),
            role,
            rights: role.rights(),
            preview: None,
        }
    }

    /// Returns the viewer with their rights restricted to those in `to`.
    #[must_use]
    pub const fn narrowed(self, to: Rights) -> Self {
        Self {
            rights: self.rights.within(to),
            ..self
        }
    }

    /// Whether the viewer has `right`.
    pub const fn may(self, right: Right) -> bool {
        self.rights.has(right)
    }

    /// Whether the viewer may issue a token with `rights`. Requires [`Right::Grant`] and each of `rights`:
    /// viewers cannot grant rights that they do not have.
    pub const fn may_give(self, rights: Rights) -> bool {
        self.may(Right::Grant) && rights.without(self.rights).is_empty()
    }

    /// Whether the viewer may issue a token for an existing account. The bearer of such a token acts as that
    /// account and can read its drafts. The account must therefore be the viewer's own, unless the viewer
    /// has [`Right::Publish`].
    pub fn may_give_for(self, account: AccountId) -> bool {
        self.account == Some(account) || self.may(Right::Publish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_it_is_for() {
        for role in Role::ALL {
            assert!(role.rights().has(Right::Comment), "{role:?}");
        }
        assert!(!Role::Contributor.rights().has(Right::Publish));
        assert!(!Role::Moderator.rights().has(Right::Write));
        assert!(!Role::Editor.rights().has(Right::Audit));
        assert!(Role::Admin.rights().each().eq(Right::ALL.iter().copied()));
        assert!(!Viewer::anonymous().may(Right::Comment));
    }

    #[test]
    fn nobody_gives_what_they_have_not() {
        let (own, other) = (uuid::Uuid::nil(), uuid::Uuid::from_u128(1));
        let admin = Viewer::of(AccountId::new(own), Role::Admin);
        let narrow = admin.narrowed(Rights::of(&[Right::Grant, Right::Write]));
        assert!(admin.may_give(Role::Admin.rights()));
        assert!(narrow.may_give(Rights::of(&[Right::Write])));
        assert!(!narrow.may_give(Role::Contributor.rights()));
        assert!(!Viewer::of(AccountId::new(own), Role::Editor).may_give(Rights::of(&[])));
        assert!(admin.may_give_for(AccountId::new(other)));
        assert!(narrow.may_give_for(AccountId::new(own)));
        assert!(!narrow.may_give_for(AccountId::new(other)));
    }

    #[test]
    fn a_role_is_narrowed_to_what_it_allows() {
        assert_eq!(Role::Reader.narrowed(None), Ok(Role::Reader.rights()));
        let comment = Rights::of(&[Right::Comment]);
        assert_eq!(Role::Editor.narrowed(Some(comment)), Ok(comment));
        let audit = Some(Rights::of(&[Right::Audit, Right::Comment]));
        let refused = Role::Editor.narrowed(audit).unwrap_err().to_string();
        assert_eq!(refused, "the role editor has no right to audit");
    }

    #[test]
    fn a_scope_only_narrows() {
        let scope = Rights::of(&[Right::Audit, Right::Write]);
        let narrowed = Role::Editor.rights().within(scope);
        assert!(narrowed.each().eq([Right::Write]));
        let viewer = Viewer::of(AccountId::new(uuid::Uuid::nil()), Role::Editor).narrowed(scope);
        assert!(viewer.may(Right::Write) && !viewer.may(Right::Audit));
        assert_eq!(Rights::parse(["write", "audit"]), Ok(scope));
        assert!(Rights::parse(["write", "everything"]).is_err());
    }
}
