//! A comment, as the API shows it.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use khabar_domain::Right;
use khabar_domain::article::Status::Published;
use khabar_domain::comment::Status;
use khabar_persistence::cache::ReadingKey;
use khabar_persistence::change::{Noun, Part};
use khabar_persistence::comment::By;
use khabar_persistence::{Page, article, comment};

use super::{Article, Edition};
use crate::connection::{Connection, Listed, Paging, Plain, Total};
use crate::error::{Code, Error, Result};
use crate::input::CommentOrder;
use crate::node;
use crate::scalar::{DateTime, Slug, count};
use crate::scope::Asked;
use crate::write::require;

/// A comment.
#[derive(Clone, Debug)]
pub struct Comment(pub khabar_domain::Comment);

/// What a reader wrote under an article, or under another comment.
#[Object]
impl Comment {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.id)
    }

    /// How its writer signed.
    fn author_name(&self) -> &str {
        self.0.author_name.as_str()
    }

    /// Who wrote it.
    fn author(&self) -> CommentAuthor {
        CommentAuthor {
            name: self.0.author_name.to_string(),
            is_staff: self.0.is_staff,
        }
    }

    /// The words, as plain text.
    fn text(&self) -> &str {
        self.0.text.as_str()
    }

    /// When it was sent.
    fn posted_at(&self) -> DateTime {
        DateTime(self.0.posted_at)
    }

    /// When its writer changed it; null when it is as it was sent.
    fn edited_at(&self) -> Option<DateTime> {
        self.0.edited_at.map(DateTime)
    }

    /// Where it stands. Readers only ever see approved comments; its writer sees what is true.
    fn status(&self) -> CommentStatus {
        self.0.status.into()
    }

    /// Why moderators have decided about it as they did; null where they have not said. Only for its
    /// writer, and for those who have the right `moderate`.
    fn reason(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let viewer = ctx.viewer()?;
        if viewer.account.is_none() || viewer.account != self.0.account {
            require(viewer, Right::Moderate)?;
        }
        Ok(self.0.reason.as_deref())
    }

    /// How many accounts have reported it since moderators last decided about it. Needs the right
    /// `moderate`.
    fn report_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        require(ctx.viewer()?, Right::Moderate)?;
        Ok(Some(count(self.0.report_count)))
    }

    /// What those who reported it had to say, latest first, at most 20. Needs the right `moderate`.
    async fn report_reasons(&self, ctx: &Context<'_>) -> Result<Option<Vec<String>>> {
        require(ctx.viewer()?, Right::Moderate)?;
        let reasons = ctx.load(comment::ReasonsOf(self.0.id)).await?;
        Ok(Some(reasons.unwrap_or_default()))
    }

    /// The article that it stands under; null when that has been taken back meanwhile.
    async fn article(&self, ctx: &Context<'_>) -> Result<Option<Article>> {
        Ok(ctx
            .load_ahead(article::ById(self.0.article))
            .await?
            .map(Article))
    }

    /// The comment that it answers; null when it answers none, or that has been taken down.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Self>> {
        let Some(id) = self.0.parent else {
            return Ok(None);
        };
        Ok(ctx.load(comment::ById(id)).await?.map(Comment))
    }

    /// How many comments that readers see answer it directly.
    async fn reply_count(&self, ctx: &Context<'_>) -> Result<i32> {
        if self.replies_are_hidden(ctx).await? {
            return Ok(0);
        }
        ctx.shows(self.replies_key());
        Ok(count(self.0.reply_count))
    }

    /// The comments that answer it directly.
    async fn replies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which order; oldest first when nothing is said.")] order_by: Option<
            CommentOrder,
        >,
        #[graphql(
            desc = "How many from the start, or after `after`: 0 to 100; 20 when neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(
            desc = "How many from the end, or before `before`: 0 to 100. Not together with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
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
            Total::Kept(self.0.reply_count, self.replies_key()),
        )
        .await
    }
}

/// The writer of a comment.
#[derive(Clone, Debug, SimpleObject)]
pub struct CommentAuthor {
    /// The name that it is signed with. Without an account nobody can sign with the name of a person or
    /// an account of the newsroom, nor with one that looks the same.
    name: String,
    /// Whether the writer worked for the newsroom when they wrote it: their account had another role
    /// than `reader`. False for comments of versions that did not record it.
    is_staff: bool,
}

/// A page of a list of comments.
pub type CommentConnection = Connection<Plain<Comment>>;

impl Listed for Comment {
    type Item = khabar_domain::Comment;
    const EDGE: &'static str = "CommentEdge";
    const CONNECTION: &'static str = "CommentConnection";
    const ABOUT: &'static str = "A page of a list of comments.";
}

impl Comment {
    /// What its number of replies changes with.
    fn replies_key(&self) -> ReadingKey {
        ReadingKey::part(Noun::Comment, self.0.id, Part::Replies)
    }

    /// Whether what answers it is hidden from the viewer with its article. Its writer alone sees it
    /// there, and only their own words.
    async fn replies_are_hidden(&self, ctx: &Context<'_>) -> Result<bool> {
        // Who is not signed in has none, and sees others' only where their article is published.
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

    /// The order that was asked for, or the usual one.
    pub(crate) fn order(asked: Option<CommentOrder>, usual: CommentOrder) -> By {
        asked.unwrap_or(usual).into()
    }

    /// A page of the moderators' queue.
    pub(crate) async fn queue(
        ctx: &Context<'_>,
        edition: Option<Slug>,
        wanted: comment::Wanted,
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
        let total = Total::by(comment::CountQueue { edition, wanted });
        Connection::load(ctx, key, total).await
    }

    /// A page of what the viewer has written.
    pub(crate) async fn own(ctx: &Context<'_>, page: Page) -> Result<CommentConnection> {
        let Some(account) = ctx.viewer()?.account else {
            let message = "This needs a token: send it as `Authorization: Bearer …`.";
            return Err(Error::new(Code::Unauthenticated, message));
        };
        let total = Total::by(comment::CountOfAccount(account));
        Connection::load(ctx, comment::OfAccount { account, page }, total).await
    }
}

/// Where a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum CommentStatus {
    /// Moderators have not looked at it yet.
    Pending,
    /// Readers may see it.
    Approved,
    /// It was refused before readers had seen it.
    Rejected,
    /// It was taken down.
    Hidden,
}

impl From<khabar_domain::Comment> for Comment {
    fn from(comment: khabar_domain::Comment) -> Self {
        Self(comment)
    }
}
