//! How comments are taken in, as the API shows it.

use async_graphql::{Context, Enum, Object};
use khabar_domain::commenting::{Mode, Policy};
use khabar_persistence::commenting;

use crate::error::{Error, Result};
use crate::scalar::DateTime;
use crate::scope::Asked as _;

/// Who looks at comments, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Mode")]
pub enum CommentingMode {
    /// Readers see a comment at once; moderators look at it afterwards.
    PostModerated,
    /// Moderators look at a comment before readers see it.
    PreModerated,
    /// Nobody may comment; what was written stays.
    Closed,
}

/// How comments are taken in under an article.
pub struct ArticleCommenting {
    policy: Policy,
    open: bool,
    closes_at: Option<DateTime>,
}

/// How comments are taken in under an article: what it has decided itself, or else its edition.
#[Object]
impl ArticleCommenting {
    /// Whether comments are taken in now.
    fn open(&self) -> bool {
        self.open
    }

    /// Who looks at comments, and when.
    fn mode(&self) -> CommentingMode {
        self.policy.mode.into()
    }

    /// When commenting ends, or ended, by itself; null when it does not.
    fn closes_at(&self) -> Option<DateTime> {
        self.closes_at
    }

    /// How deep answers go: 0 where comments are not answered, 1 where answers are not.
    fn depth(&self) -> i32 {
        self.policy.depth.get()
    }

    /// Whether a name is enough to comment, without an account.
    fn names_allowed(&self) -> bool {
        self.policy.names_allowed
    }
}

impl ArticleCommenting {
    /// How comments are taken in under this article.
    pub(crate) async fn of(ctx: &Context<'_>, article: &khabar_domain::Article) -> Result<Self> {
        let policy = ctx.load(commenting::OfArticle(article.id)).await?;
        let policy = policy.ok_or_else(|| Error::not_found("The article is gone."))?;
        let (now, closes_at) = (ctx.as_of()?, policy.closes_at(article));
        let open = policy.is_open(article, now);
        if let Some(closes_at) = closes_at.filter(|_| open) {
            ctx.holds_until(closes_at);
        }
        Ok(Self {
            policy,
            open,
            closes_at: closes_at.map(DateTime),
        })
    }
}

/// How comments are taken in under an edition's articles.
pub struct EditionCommenting(Policy);

/// How comments are taken in under an edition's articles that do not decide it themselves.
#[Object]
impl EditionCommenting {
    /// Who looks at comments, and when.
    fn mode(&self) -> CommentingMode {
        self.0.mode.into()
    }

    /// How many days after an article went out commenting ends; 0: it does not end by itself.
    fn closes_after_days(&self) -> i32 {
        self.0.closing.days()
    }

    /// How deep answers go: 0 where comments are not answered, 1 where answers are not.
    fn depth(&self) -> i32 {
        self.0.depth.get()
    }

    /// Whether a name is enough to comment, without an account.
    fn names_allowed(&self) -> bool {
        self.0.names_allowed
    }
}

impl EditionCommenting {
    /// How comments are taken in under this edition's articles.
    pub(crate) async fn of(ctx: &Context<'_>, edition: khabar_domain::EditionId) -> Result<Self> {
        let policy = ctx.load(commenting::OfEdition(edition)).await?;
        let policy = policy.ok_or_else(|| Error::not_found("The edition is gone."))?;
        Ok(Self(policy))
    }
}
