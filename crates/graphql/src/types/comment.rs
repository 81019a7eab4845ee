//! The `Comment` type.

use async_graphql::{Enum, ID};
use khabar_domain::article::Status::Published;
use khabar_domain::comment::Status;
use khabar_domain::{Comment as Row, Right};
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::{EntityKind, Facet};
use khabar_persistence::comment::By;
use khabar_persistence::{Page, article, comment};

use super::{Article, Edition};
use crate::connection::{TotalCount, connection};
use crate::error::{Code, Error, Result};
use crate::input::CommentOrder;
use crate::mutate::require;
use crate::node;
use crate::object::{LoadOne, LoadPage, Nested, ReadContext, enums, object};
use crate::scalar::{DateTime, Slug, count};

/// A comment.
#[derive(Debug)]
pub(crate) struct Comment;

/// A comment by a reader on an article, or in reply to another comment.
#[object(of = Row)]
impl Comment {
    /// The global ID.
    fn id(comment: &Row) -> ID {
        node::id(comment.id)
    }

    /// The name that the comment is signed with.
    fn author_name(comment: &Row) -> &str {
        comment.author_name.as_str()
    }

    /// The author of the comment.
    fn author(comment: &Row) -> Nested<'_, CommentAuthor> {
        Nested(comment)
    }

    /// The text of the comment, as plain text.
    fn text(comment: &Row) -> &str {
        comment.text.as_str()
    }

    /// The time when the comment was submitted.
    fn posted_at(comment: &Row) -> DateTime {
        DateTime(comment.posted_at)
    }

    /// The time when the author last edited the comment. Null if it was never edited.
    fn edited_at(comment: &Row) -> Option<DateTime> {
        comment.edited_at.map(DateTime)
    }

    /// The moderation status. Other readers only see approved comments. The author always sees the
    /// actual status.
    fn status(comment: &Row) -> CommentStatus {
        comment.status.into()
    }

    /// The reason that moderators gave for their decision. Null if they gave none. Visible to the
    /// author and to viewers with the right `moderate`.
    fn reason<'a>(comment: &'a Row, context: &ReadContext) -> Result<Option<&'a str>> {
        let viewer = context.viewer();
        if viewer.account.is_none() || viewer.account != comment.account {
            require(viewer, Right::Moderate)?;
        }
        Ok(comment.reason.as_deref())
    }

    /// The number of accounts that have reported the comment since the last moderation decision.
    /// Requires the right `moderate`.
    fn report_count(comment: &Row, context: &ReadContext) -> Result<Option<i32>> {
        require(context.viewer(), Right::Moderate)?;
        Ok(Some(count(comment.report_count)))
    }

    /// The reasons given in reports of the comment, latest first. At most 20. Requires the right
    /// `moderate`.
    async fn report_reasons(comment: &Row, context: &ReadContext) -> Result<Option<Vec<String>>> {
        require(context.viewer(), Right::Moderate)?;
        let reasons = context.load(comment::ReasonsOf(comment.id)).await?;
        Ok(Some(
            reasons.map(|reasons| reasons.to_vec()).unwrap_or_default(),
        ))
    }

    /// The article that the comment was posted on. Null if the viewer can no longer see it. For a
    /// withdrawn article, readers get its tombstone.
    fn article(comment: &Row) -> LoadOne<Article, article::ById> {
        LoadOne::new(article::ById(comment.article))
    }

    /// The comment that this comment replies to. Null if it is not a reply or the parent has been taken
    /// down.
    fn parent(comment: &Row) -> LoadOne<Self, comment::ById> {
        LoadOne::new(comment.parent.map(comment::ById))
    }

    /// The number of direct replies visible to readers.
    async fn reply_count(comment: &Row, context: &ReadContext) -> Result<i32> {
        if replies_are_hidden(comment, context).await? {
            return Ok(0);
        }
        context.shows(|| replies_tag(comment));
        Ok(count(comment.reply_count))
    }

    /// Direct replies to the comment.
    async fn replies(
        comment: &Row,
        context: &ReadContext,
        #[arg("Sort order. Defaults to oldest first.")] order_by: Option<CommentOrder>,
        page: Page,
    ) -> Result<LoadPage<comment::RepliesTo>> {
        let key = comment::RepliesTo {
            comment: comment.id,
            by: Self::order(order_by, CommentOrder::Oldest),
            page,
        };
        if replies_are_hidden(comment, context).await? {
            return Ok(LoadPage::empty());
        }
        let total = TotalCount::Stored(comment.reply_count, replies_tag(comment));
        Ok(LoadPage::new(key, total))
    }
}

/// The author of a comment, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct CommentAuthor;

/// The author of a comment.
#[object(of = Row)]
impl CommentAuthor {
    /// The name that the comment is signed with. Guests cannot use the name of a person or an account
    /// of the newsroom, nor a name that looks identical.
    fn name(comment: &Row) -> &str {
        comment.author_name.as_str()
    }

    /// Whether the author worked for the newsroom when the comment was written, with an account role
    /// other than `reader`. False for comments from versions of the server that did not record it.
    fn is_staff(comment: &Row) -> bool {
        comment.is_staff
    }
}

connection!(Row as Comment, CommentEdge in "CommentConnection": "A page of comments.");

impl Comment {
    /// Returns the requested order, or the default.
    pub(crate) fn order(order: Option<CommentOrder>, default: CommentOrder) -> By {
        order.unwrap_or(default).into()
    }

    /// Returns a page of the moderation queue.
    pub(crate) async fn queue(
        context: &ReadContext,
        edition: Option<Slug>,
        wanted: comment::QueueFilter,
        page: Page,
    ) -> Result<LoadPage<comment::Queue>> {
        require(context.viewer(), Right::Moderate)?;
        let Some(edition) = Edition::named(context, edition).await? else {
            return Ok(LoadPage::empty());
        };
        let edition = edition.id;
        let key = comment::Queue {
            edition,
            wanted,
            page,
        };
        let total = TotalCount::by(comment::CountQueue { edition, wanted });
        Ok(LoadPage::new(key, total))
    }

    /// Returns a page of the viewer's own comments.
    pub(crate) fn own(context: &ReadContext, page: Page) -> Result<LoadPage<comment::OfAccount>> {
        let Some(account) = context.viewer().account else {
            let message = "This requires a token. Send it in the header `Authorization: Bearer …`.";
            return Err(Error::new(Code::Unauthenticated, message));
        };
        let total = TotalCount::by(comment::CountOfAccount(account));
        Ok(LoadPage::new(comment::OfAccount { account, page }, total))
    }
}

/// Returns the cache tag that changes whenever the number of replies does.
fn replies_tag(comment: &Row) -> CacheTag {
    CacheTag::part(EntityKind::Comment, comment.id, Facet::Replies)
}

/// Returns whether the replies are hidden from the viewer because the article is not published. In that
/// case only the author still sees the comment, and only their own text.
async fn replies_are_hidden(comment: &Row, context: &ReadContext) -> Result<bool> {
    // Anonymous viewers have no comments of their own. They see others' only if the article is published.
    if comment.account.is_none() || !context.has_account() {
        return Ok(false);
    }
    let viewer = context.viewer();
    if viewer.account != comment.account || viewer.may(Right::Moderate) {
        return Ok(false);
    }
    let article = context.load(article::ById(comment.article)).await?;
    Ok(article.is_none_or(|article| article.status != Published))
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

enums!(CommentStatus);
