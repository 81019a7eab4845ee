//! GraphQL types for the commenting settings of articles and editions.

use async_graphql::Enum;
use khabar_domain::commenting::{CommentPolicy, Mode};
use khabar_persistence::commenting;

use crate::error::{Error, Result};
use crate::object::{Owned, ReadContext, enums, object};
use crate::scalar::DateTime;

/// The moderation mode of comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Mode")]
pub enum CommentingMode {
    /// Comments are visible to readers immediately and moderated afterwards.
    PostModerated,
    /// Comments are visible to readers only after a moderator has approved them.
    PreModerated,
    /// New comments are not accepted. Existing comments are retained.
    Closed,
}

enums!(CommentingMode);

/// Commenting settings of an article, as exposed through GraphQL.
pub(crate) struct ArticleCommenting {
    policy: CommentPolicy,
    open: bool,
    closes_at: Option<DateTime>,
}

/// Commenting settings of an article. Settings that the article does not define are inherited from
/// its edition.
#[object]
impl ArticleCommenting {
    /// Whether the article currently accepts comments.
    fn open(&self) -> bool {
        self.open
    }

    /// The moderation mode of comments.
    fn mode(&self) -> CommentingMode {
        self.policy.mode.into()
    }

    /// The time at which commenting closes, or closed, automatically. Null if it never closes
    /// automatically.
    fn closes_at(&self) -> Option<DateTime> {
        self.closes_at
    }

    /// Maximum nesting depth of replies: 0 if comments cannot be replied to, 1 if replies cannot be
    /// replied to.
    fn depth(&self) -> i32 {
        self.policy.depth.get()
    }

    /// Whether guests may comment by giving only a name, without an account.
    fn guest_comments_allowed(&self) -> bool {
        self.policy.guest_comments_allowed
    }
}

impl ArticleCommenting {
    /// Loads the commenting settings of an article.
    pub(crate) async fn load(
        context: &ReadContext,
        article: &khabar_domain::Article,
    ) -> Result<Owned<Self>> {
        let policy = context.load(commenting::OfArticle(article.id)).await?;
        let policy = policy.ok_or_else(|| Error::not_found("The article no longer exists."))?;
        let (now, closes_at) = (context.as_of(), policy.closes_at(article));
        let open = policy.is_open(article, now);
        if let Some(closes_at) = closes_at.filter(|_| open) {
            context.holds_until(closes_at);
        }
        Ok(Owned(Self {
            policy: *policy,
            open,
            closes_at: closes_at.map(DateTime),
        }))
    }
}

/// Commenting settings of an edition, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct EditionCommenting;

/// Default commenting settings for the articles of an edition. An article can override each of
/// them.
#[object(of = CommentPolicy)]
impl EditionCommenting {
    /// The moderation mode of comments.
    fn mode(policy: &CommentPolicy) -> CommentingMode {
        policy.mode.into()
    }

    /// Number of days after publication at which commenting on an article closes. 0 means never.
    fn closes_after_days(policy: &CommentPolicy) -> i32 {
        policy.closing.days()
    }

    /// Maximum nesting depth of replies: 0 if comments cannot be replied to, 1 if replies cannot be
    /// replied to.
    fn depth(policy: &CommentPolicy) -> i32 {
        policy.depth.get()
    }

    /// Whether guests may comment by giving only a name, without an account.
    fn guest_comments_allowed(policy: &CommentPolicy) -> bool {
        policy.guest_comments_allowed
    }
}
