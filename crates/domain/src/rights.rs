//! Rights: who is asking, in which role, and what that allows. What each role may do is decided
//! here and nowhere else.

use crate::token::tokens;
use crate::{AccountId, ArticleId, Invalid};

/// What somebody is to the newsroom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads, and comments under their own name.
    #[default]
    Reader,
    /// Writes articles, which an editor publishes.
    Contributor,
    /// Decides about comments.
    Moderator,
    /// Writes, publishes and arranges everything that readers see.
    Editor,
    /// An editor who also sees who did what, and gives others their rights.
    Admin,
}

tokens!(Role, "the role", {
    Reader => "reader", Contributor => "contributor", Moderator => "moderator", Editor => "editor",
    Admin => "admin",
});

/// One thing that a role may allow, and that a token may be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

tokens!(Right, "the right", {
    Comment => "comment", Write => "write", Publish => "publish", Arrange => "arrange",
    Moderate => "moderate", Audit => "audit", Grant => "grant",
});

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(u8);

impl Rights {
    /// These rights.
    pub const fn of(rights: &[Right]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < rights.len() {
            bits |= Self::bit(rights[at]);
            at += 1;
        }
        Self(bits)
    }

    /// Whether it is among them.
    pub const fn has(self, right: Right) -> bool {
        self.0 & Self::bit(right) != 0
    }

    /// Those that are in both sets.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in this set and not in that one.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of the list.
    pub fn each(self) -> impl Iterator<Item = Right> {
        Right::ALL
            .iter()
            .copied()
            .filter(move |right| self.has(*right))
    }

    /// The rights that these words name.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        let rights: Result<Vec<_>, _> = words.into_iter().map(Right::parse).collect();
        Ok(Self::of(&rights?))
    }

    const fn bit(right: Right) -> u8 {
        1 << right as u8
    }
}

impl Role {
    /// Whether it is one of the newsroom's own.
    pub const fn is_staff(self) -> bool {
        !matches!(self, Self::Reader)
    }

    /// All that the role allows.
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

    /// The rights of a token of this role that is narrowed to these, or has all that the role
    /// allows. Refused: to narrow it to what the role does not allow.
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

/// Who is asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// Their account; absent when they did not say who they are.
    pub account: Option<AccountId>,
    /// What they are to the newsroom.
    pub role: Role,
    /// What they may do: at most what the role allows.
    pub rights: Rights,
    /// The one unpublished article that a preview token opens.
    pub preview: Option<ArticleId>,
}

impl Viewer {
    /// A reader who did not say who they are: sees what is published, and may do nothing.
    pub const fn anonymous() -> Self {
        Self {
            account: None,
            role: Role::Reader,
            rights: Rights::of(&[]),
            preview: None,
        }
    }

    /// Somebody with an account, with all that their role allows.
    pub const fn of(account: AccountId, role: Role) -> Self {
        Self {
            account: Some(account),
            role,
            rights: role.rights(),
            preview: None,
        }
    }

    /// The same, with only those of their rights that are among these.
    #[must_use]
    pub const fn narrowed(self, to: Rights) -> Self {
        Self {
            rights: self.rights.within(to),
            ..self
        }
    }

    /// Whether they may do this.
    pub const fn may(self, right: Right) -> bool {
        self.rights.has(right)
    }

    /// Whether they may give a token with these rights: nobody gives what they have not.
    pub const fn may_give(self, rights: Rights) -> bool {
        self.may(Right::Grant) && rights.without(self.rights).is_empty()
    }

    /// Whether they may give a token for an account that somebody has already. Its bearer is that
    /// account: its drafts are open to them.
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
