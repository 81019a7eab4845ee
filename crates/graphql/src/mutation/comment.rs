//! Mutations that post, edit and report comments.

use async_graphql::{Context, ID, InputObject};
use khabar_domain::comment::{Status, Text};
use khabar_domain::commenting::{CommentPolicy, Reason};
use khabar_domain::{Article, ArticleId, Comment, CommentId, Name, Right, Viewer};
use khabar_persistence::comment::{self, ById, JustPosted, LockedComment, Sender};
use khabar_persistence::{article, commenting, reserved_name};

use super::input_parse;
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, WriteContext, mutations, require};
use crate::payload::payload;
use crate::types::{UserError, UserErrorCode};

payload! {
    PostCommentPayload, "Result of posting a comment.",
    comment: Comment by JustPosted,
    "The posted comment with its actual status, even if readers cannot see it yet. Null if the mutation failed."
}

payload! {
    CommentPayload, "Result of editing or reporting a comment.",
    comment: Comment by ById,
    "The comment in its current state. Null if the mutation failed, or if the comment has since been taken down."
}

/// Input for the `postComment` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct PostCommentInput {
    /// Global ID of the article to comment on.
    article: ID,
    /// Global ID of the comment to reply to. Omit it to post a top-level comment.
    parent: Option<ID>,
    /// The comment text, as plain text. Markup is not interpreted. At most 4,000 characters.
    text: String,
    /// Display name of a guest. Required for guests, where guest comments are allowed. Must be
    /// omitted by a viewer with an account, whose comments show the account's name.
    name: Option<String>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for PostCommentInput {
    const OPEN_TO_GUESTS: bool = true;
    type Id = CommentId;

    async fn check(&self, ctx: &Context<'_>, context: &WriteContext) -> Result<(), MutationError> {
        let (id, ..) = self.read()?;
        let article = ctx.load(article::ById(id)).await?;
        let policy = ctx.load(commenting::OfArticle(id)).await?;
        let Some((article, policy)) = article.filter(is_published).zip(policy) else {
            return Err(UserError::not_found(&["article"], "article").into());
        };
        let scope = ctx.scope()?;
        let (sender, _) = self.sender(
            scope.viewer,
            &context.name,
            context.address.as_deref(),
            policy,
        )?;
        if !policy.is_open(&article, scope.as_of) {
            return Err(closed(&["article"]).into());
        }
        let reader = ctx.loaders()?.reader();
        if !sender
            .seems_to_keep_pace(&reader, &context.comments)
            .await?
        {
            return Err(rate_limited().into());
        }
        Ok(())
    }

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<CommentId, MutationError> {
        let (id, parent, text) = self.read()?;
        let Some((article, policy)) = published(cx, id).await? else {
            return Err(UserError::not_found(&["article"], "article").into());
        };
        let author = cx.writer.author();
        let (sender, author_name) =
            self.sender(cx.viewer, &author.name, author.address.as_deref(), policy)?;
        if !policy.is_open(&article, cx.writer.at()) {
            return Err(closed(&["article"]).into());
        }
        if let Sender::Named { name, .. } = &sender
            && reserved_name::is_reserved(cx.writer, name).await?
        {
            let message =
                "This name belongs to a contributor or an account. Choose another name, or log in.";
            return Err(UserError::new(&["name"], UserErrorCode::Taken, message).into());
        }
        sender.wait(cx.writer).await?;
        cx.writer.lock_article(id).await?;
        if let Some(parent) = parent {
            let locked = comment::lock(cx.writer, &[parent]).await?;
            check_parent(locked.get(&parent), id, policy)?;
        }
        if !sender.keeps_pace(cx.writer, &cx.comments).await? {
            return Err(rate_limited().into());
        }
        let comment = Comment {
            id: cx.mint(),
            article: id,
            parent,
            account: cx.viewer.account,
            author_name,
            text,
            status: policy.initial_status(),
            reason: None,
            posted_at: cx.writer.at(),
            edited_at: None,
            reply_count: 0,
            report_count: 0,
            is_staff: cx.viewer.account.is_some() && cx.viewer.role.is_staff(),
        };
        check_new(cx, &sender, &comment).await?;
        comment::send(cx.writer, &comment, sender.address()).await?;
        Ok(comment.id)
    }
}

impl PostCommentInput {
    /// Parses the article, the parent comment and the text.
    fn read(&self) -> Result<(ArticleId, Option<CommentId>, Text), MutationError> {
        let article = input_parse::id(&["article"], &self.article)?;
        let parent = self.parent.as_ref();
        let parent = parent.map(|parent| input_parse::id(&["parent"], parent));
        let text = input_parse::value(&["text"], Text::parse(&self.text))?;
        Ok((article, parent.transpose()?, text))
    }

    /// Returns the sender and the display name of the author. Refuses a guest where guest comments
    /// are not allowed, a guest without a name, and an account that gives a name.
    fn sender(
        &self,
        viewer: Viewer,
        name: &str,
        address: Option<&str>,
        policy: CommentPolicy,
    ) -> Result<(Sender, Name), MutationError> {
        match (viewer.account, &self.name) {
            (Some(_), Some(_)) => {
                let message = "Comments from an account show the account's name. Omit `name`.";
                Err(UserError::new(&["name"], UserErrorCode::Invalid, message).into())
            }
            (Some(account), None) => {
                let name = input_parse::value(&[], Name::parse(name))?;
                Ok((Sender::Account(account), name))
            }
            (None, _) if !policy.guest_comments_allowed => {
                require(viewer, Right::Comment)?;
                Err(closed(&["article"]).into())
            }
            (None, None) => {
                let message = "A name is required to comment without an account.";
                Err(UserError::new(&["name"], UserErrorCode::Invalid, message).into())
            }
            (None, Some(name)) => {
                let name = input_parse::name(&["name"], name)?;
                let sender = Sender::named(name.clone(), address.unwrap_or_default());
                Ok((sender, name))
            }
        }
    }
}

/// Input for the `editComment` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct EditCommentInput {
    /// Global ID of the comment.
    id: ID,
    /// The comment text, as plain text. Markup is not interpreted. At most 4,000 characters.
    text: String,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for EditCommentInput {
    type Id = CommentId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<CommentId, MutationError> {
        let id: CommentId = input_parse::id(&["id"], &self.id)?;
        let text = input_parse::value(&["text"], Text::parse(&self.text))?;
        lock_sender(cx).await?;
        let locked = comment::lock(cx.writer, &[id]).await?.remove(&id);
        let Some(LockedComment { comment: old, .. }) = visible(cx, locked).await? else {
            return Err(UserError::not_found(&["id"], "comment").into());
        };
        let Some(account) = cx
            .viewer
            .account
            .filter(|_| old.account == cx.viewer.account)
        else {
            let message = "A comment can only be edited by its author.";
            return Err(UserError::new(&["id"], UserErrorCode::NotAllowed, message).into());
        };
        if !matches!(old.status, Status::Pending | Status::Approved) {
            let message =
                "This comment was rejected or hidden by moderators and can no longer be edited.";
            return Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into());
        }
        let at = cx.writer.at();
        let policy = match published(cx, old.article).await? {
            Some((article, policy)) if policy.is_open(&article, at) => policy,
            _ => return Err(closed(&["id"]).into()),
        };
        if at - old.posted_at >= cx.comments.edit_window {
            let minutes = cx.comments.edit_window.num_minutes();
            let message = match minutes {
                0 => "Comments cannot be edited on this server.".to_owned(),
                minutes => {
                    format!("Comments can only be edited within {minutes} minutes of being posted.")
                }
            };
            return Err(UserError::new(&["id"], UserErrorCode::Closed, message).into());
        }
        if text == old.text {
            return Ok(id);
        }
        if !comment::keeps_pace(cx.writer, cx.comments.edits).await? {
            return Err(rate_limited().into());
        }
        let comment = Comment {
            text,
            edited_at: Some(at),
            // An earlier approval applied to the old text.
            status: policy.initial_status(),
            ..old
        };
        check_new(cx, &Sender::Account(account), &comment).await?;
        comment::save(cx.writer, &comment).await?;
        Ok(id)
    }
}

/// Input for the `reportComment` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ReportCommentInput {
    /// Global ID of the comment.
    id: ID,
    /// Reason for the report, shown to the moderators. At most 500 characters.
    reason: String,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for ReportCommentInput {
    type Id = CommentId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<CommentId, MutationError> {
        let id: CommentId = input_parse::id(&["id"], &self.id)?;
        let reason = input_parse::value(&["reason"], Reason::parse(&self.reason))?;
        lock_sender(cx).await?;
        let locked = comment::lock(cx.writer, &[id]).await?.remove(&id);
        let Some(locked) = visible(cx, locked).await? else {
            return Err(UserError::not_found(&["id"], "comment").into());
        };
        let Some(account) = cx.viewer.account else {
            return Ok(id);
        };
        let is_within_rate = comment::keeps_pace(cx.writer, cx.comments.reports).await?;
        let is_new = comment::report(cx.writer, &locked.comment, account, &reason).await?;
        // A repeated report changes nothing, so it is exempt from the rate limit.
        if is_new && !is_within_rate {
            return Err(rate_limited().into());
        }
        Ok(id)
    }
}

/// Loads the article with this ID and its commenting policy, if the article is published.
async fn published(
    cx: &MutationCtx<'_>,
    id: ArticleId,
) -> Result<Option<(Article, CommentPolicy)>, MutationError> {
    let found = commenting::under(cx.writer, id).await?;
    Ok(found.filter(|(article, _)| is_published(article)))
}

fn is_published(article: &Article) -> bool {
    article.status == khabar_domain::article::Status::Published
}

/// Returns the comment if it is visible to the viewer: to its author, to moderators, and to
/// everybody when it is shown under a published article.
async fn visible(
    cx: &MutationCtx<'_>,
    locked: Option<LockedComment>,
) -> Result<Option<LockedComment>, MutationError> {
    let Some(locked) = locked else {
        return Ok(None);
    };
    let is_own = cx.viewer.account.is_some() && locked.comment.account == cx.viewer.account;
    let is_visible = is_own
        || cx.viewer.may(Right::Moderate)
        || locked.shown && published(cx, locked.comment.article).await?.is_some();
    Ok(is_visible.then_some(locked))
}

/// Refuses a reply whose parent does not exist, is hidden from readers, belongs to another article,
/// or is already at the maximum depth.
fn check_parent(
    parent: Option<&LockedComment>,
    article: ArticleId,
    policy: CommentPolicy,
) -> Result<(), MutationError> {
    let Some(parent) = parent.filter(|locked| locked.shown && locked.comment.article == article)
    else {
        return Err(UserError::not_found(&["parent"], "comment").into());
    };
    let max_depth = policy.depth.get();
    if parent.depth >= max_depth {
        let message =
            format!("The maximum reply depth is {max_depth}, and this comment is at that depth.");
        return Err(UserError::new(&["parent"], UserErrorCode::Invalid, message).into());
    }
    Ok(())
}

/// Refuses a comment that repeats a recent comment by the same sender under the same article.
async fn check_new(
    cx: &MutationCtx<'_>,
    sender: &Sender,
    comment: &Comment,
) -> Result<(), MutationError> {
    let is_repeated = sender.repeats(cx.writer, comment.article, &comment.text, comment.id);
    if is_repeated.await? {
        let message = "The same comment was already posted on this article.";
        return Err(UserError::new(&["text"], UserErrorCode::Repeated, message).into());
    }
    Ok(())
}

/// Serializes concurrent writes of the viewer's account, so that the counts used for rate limiting
/// stay accurate.
async fn lock_sender(cx: &MutationCtx<'_>) -> Result<(), MutationError> {
    if let Some(account) = cx.viewer.account {
        Sender::Account(account).wait(cx.writer).await?;
    }
    Ok(())
}

fn rate_limited() -> UserError {
    let message = "Too many submissions in a short time. Try again later.";
    UserError::new(&[], UserErrorCode::TooOften, message)
}

fn closed(field: &[&str]) -> UserError {
    let message = "Comments are closed on this article.";
    UserError::new(field, UserErrorCode::Closed, message)
}

mutations! {
    /// Mutations on comments.
    CommentMutations;

    /// Posts a comment on an article. Requires the `comment` right. Guests can post with a name
    /// where `Article.commenting` allows it.
    "postComment" post_comment(
        PostCommentInput: "Article to comment on and the text of the comment.",
    ) -> PostCommentPayload, requires [Comment];

    /// Edits one of the viewer's own comments within the edit window, which is 15 minutes unless
    /// the newsroom configures another. Where comments are pre-moderated, the edited comment
    /// returns to moderation. Requires the `comment` right.
    "editComment" edit_comment(
        EditCommentInput: "ID of the comment and its new text.",
    ) -> CommentPayload, requires [Comment];

    /// Reports a comment to the moderators. Each account is counted once per comment, and once more
    /// after the author edits it. Requires the `comment` right.
    "reportComment" report_comment(
        ReportCommentInput: "ID of the comment and the reason for the report.",
    ) -> CommentPayload, requires [Comment];
}
