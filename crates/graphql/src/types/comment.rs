//! The `Comment` type.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use khabar_domain::Right;
use khabar_domain::article::Status::Published;
use khabar_domain::comment::Status;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Facet};
use khabar_persistence::comment::By;
use khabar_persistence::{Page, article, comment};

use super::{Article, Edition};
use crate::connection::{Connection, ConnectionNode, Paging, SimpleEdge, TotalCount};
use crate::context::ContextExt;
use crate::error::{Code, Error, Result};
use crate::input::CommentOrder;
use crate::mutate::require;
use crate::node;
use crate::scalar::{DateTime, Slug, count};

/// A comment.
#[derive(Clone, Debug)]
pub struct Comment(pub khabar_domain::Comment);

/// A comment by a reader on an article, or in reply to another comment.
#[Object]
impl Comment {
    /// The global ID.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// The name that the comment is signed with.
    fn author_name(&self) -> &str {
        self.0.author_name.as_str()
    }

    /// The author of the comment.
    fn author(&self) -> CommentAuthor {
        CommentAuthor {
            name: self.0.author_name.to_string(),
            is_staff: self.0.is_staff,
        }
    }

    /// The text of the comment, as plain text.
    fn text(&self, ctx: &Context<'_>) -> Result<&str> {
        ctx.charge_text(self.0.text.as_str())
    }

    /// The time when the comment was submitted.
    fn posted_at(&self) -> DateTime {
        DateTime(self.0.posted_at)
    }

    /// The time when the author last edited the comment. Null if it was never edited.
    fn edited_at(&self) -> Option<DateTime> {
        self.0.edited_at.map(DateTime)
    }

    /// The moderation status. Other readers only see approved comments. The author always sees the
    /// actual status.
    fn status(&self) -> CommentStatus {
        self.0.status.into()
    }

    /// The reason that moderators gave for their decision. Null if they gave none. Visible to the
    /// author and to viewers with the right `moderate`.
    fn reason(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let viewer = ctx.viewer()?;
        if viewer.account.is_none() || viewer.account != self.0.account {
            require(viewer, Right::Moderate)?;
        }
        Ok(self.0.reason.as_deref())
    }

    /// The number of accounts that have reported the comment since the last moderation decision.
    /// Requires the right `moderate`.
    fn report_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        require(ctx.viewer()?, Right::Moderate)?;
        Ok(Some(count(self.0.report_count)))
    }

    /// The reasons given in reports of the comment, latest first. At most 20. Requires the right
    /// `moderate`.
    async fn report_reasons(&self, ctx: &Context<'_>) -> Result<Option<Vec<String>>> {
        require(ctx.viewer()?, Right::Moderate)?;
        let reasons = ctx.load(comment::ReasonsOf(self.0.id)).await?;
        Ok(Some(reasons.unwrap_or_default()))
    }

    /// The article that the comment was posted on. Null if the viewer can no longer see it. For a
    /// withdrawn article, readers get its tombstone.
    async fn article(&self, ctx: &Context<'_>) -> Result<Option<Article>> {
        Ok(ctx
            .load_ahead(article::ById(self.0.article))
            .await?
            .map(Article))
    }

    /// The comment that this comment replies to. Null if it is not a reply or the parent has been taken
    /// down.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Self>> {
        let Some(id) = self.0.parent else {
            return Ok(None);
        };
        Ok(ctx.load(comment::ById(id)).await?.map(Comment))
    }

    /// The number of direct replies visible to readers.
    async fn reply_count(&self, ctx: &Context<'_>) -> Result<i32> {
        if self.replies_are_hidden(ctx).await? {
            return Ok(0);
        }
        ctx.shows(self.replies_key());
        Ok(count(self.0.reply_count))
    }

    /// Direct replies to the comment.
    async fn replies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Sort order. Defaults to oldest first.")] order_by: Option<CommentOrder>,
        #[graphql(
            desc = "Maximum number of items to return, from the start of the list or after `after`. 0 to 100. Defaults to 20 if `last` is also omitted."
        )]
        first: Option<i32>,
        #[graphql(desc = "Cursor. Only items after it are returned.")] after: Option<String>,
        #[graphql(
            desc = "Maximum number of items to return, from the end of the list or before `before`. 0 to 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Cursor. Only items before it are returned.")] before: Option<String>,
    ) -> Result<CommentConnection> {
        let key = comment::RepliesTo {
            comment: self.0.id,
            by: Self::order(order_by, CommentOrder::Oldest),
            page: Paging {
                first,
                after,
                last,
                before,
            }
            .page()?,
        };
        if self.replies_are_hidden(ctx).await? {
            return Ok(Connection::empty());
        }
        Connection::load(
            ctx,
            key,
            TotalCount::Stored(self.0.reply_count, self.replies_key()),
        )
        .await
    }
}

/// The author of a comment.
#[derive(Clone, Debug, SimpleObject)]
pub struct CommentAuthor {
    /// The name that the comment is signed with. Guests cannot use the name of a person or an account
    /// of the newsroom, nor a name that looks identical.
    name: String,
    /// Whether the author worked for the newsroom when the comment was written, with an account role
    /// other than `reader`. False for comments from versions of the server that did not record it.
    is_staff: bool,
}

/// A page of a list of comments.
pub type CommentConnection = Connection<SimpleEdge<Comment>>;

impl ConnectionNode for Comment {
    type Item = khabar_domain::Comment;
    const EDGE: &'static str = "CommentEdge";
    const CONNECTION: &'static str = "CommentConnection";
    const ABOUT: &'static str = "A page of comments.";
}

impl Comment {
    /// Returns the cache tag that changes whenever the number of replies does.
    fn replies_key(&self) -> CacheTag {
        CacheTag::part(EntityKind::Comment, self.0.id, Facet::Replies)
    }

    /// Returns whether the replies are hidden from the viewer because the article is not published. In
    /// that case only the author still sees the comment, and only their own text.
    async fn replies_are_hidden(&self, ctx: &Context<'_>) -> Result<bool> {
        // Anonymous viewers have no comments of their own. They see others' only if the article is
        // published.
        if self.0.account.is_none() || ctx.scope()?.viewer.account.is_none() {
            return Ok(false);
        }
        let viewer = ctx.viewer()?;
        if viewer.account != self.0.account || viewer.may(Right::Moderate) {
            return Ok(false);
        }
        let article = ctx.load(article::ById(self.0.article)).await?;
        Ok(article.is_none_or(|article| article.status != Published))
    }

    /// Returns the requested order, or the default.
    pub(crate) fn order(order: Option<CommentOrder>, default: CommentOrder) -> By {
        order.unwrap_or(default).into()
    }

    /// Loads a page of the moderation queue.
    pub(crate) async fn queue(
        ctx: &Context<'_>,
        edition: Option<Slug>,
        wanted: comment::QueueFilter,
        page: Page,
    ) -> Result<CommentConnection> {
        require(ctx.viewer()?, Right::Moderate)?;
        let Some(Edition(edition)) = Edition::named(ctx, edition).await? else {
            return Ok(Connection::empty());
        };
        let edition = edition.id;
        let key = comment::Queue {
            edition,
            wanted,
            page,
        };
        let total = TotalCount::by(comment::CountQueue { edition, wanted });
        Connection::load(ctx, key, total).await
    }

    /// Loads a page of the viewer's own comments.
    pub(crate) async fn own(ctx: &Context<'_>, page: Page) -> Result<CommentConnection> {
        let Some(account) = ctx.viewer()?.account else {
            let message = "This requires a token. Send it in the header `Authorization: Bearer …`.";
            return Err(Error::new(Code::Unauthenticated, message));
        };
        let total = TotalCount::by(comment::CountOfAccount(account));
        Connection::load(ctx, comment::OfAccount { account, page }, total).await
    }
}

/// The moderation status of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum CommentStatus {
    /// Pending: moderators have not reviewed the comment yet.
    Pending,
    /// Approved: the comment is visible to readers.
    Approved,
    /// Rejected: the comment was refused before readers could see it.
    Rejected,
    /// Hidden: the comment was taken down.
    Hidden,
}

impl From<khabar_domain::Comment> for Comment {
    fn from(comment: khabar_domain::Comment) -> Self {
        Self(comment)
    }
}
