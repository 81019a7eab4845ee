//! Comments being written, changed and reported.

use async_graphql::{Context, ID, InputObject, Object};
use khabar_domain::comment::{Status, Text};
use khabar_domain::commenting::{Policy, Reason};
use khabar_domain::{Article, ArticleId, Comment, CommentId, Name, Right, Viewer};
use khabar_persistence::comment::{self, ById, Held, Sender, Sent};
use khabar_persistence::{article, commenting, reserved_name};

use super::read;
use crate::error::Result;
use crate::payload::payload;
use crate::scope::Asked as _;
use crate::types::{UserError, UserErrorCode};
use crate::write::{Act, Desk, Refusal, Write, require, run};

payload! {
    PostCommentPayload, "What came of posting a comment.",
    comment: Comment by Sent, "The comment, in its true status, whoever sees it yet; null when the mutation was not carried out."
}

payload! {
    CommentPayload, "What came of changing or reporting a comment.",
    comment: Comment by ById, "The comment as it is now; null when the mutation was not carried out, or others have taken the comment down since."
}

/// What is to be said, and where.
#[derive(Clone, Debug, InputObject)]
pub struct PostCommentInput {
    /// The article that it is about.
    article: ID,
    /// The comment that it answers; none when nothing is said.
    parent: Option<ID>,
    /// The words, as plain text: markup stays the text that it is. At most 4,000 characters.
    text: String,
    /// How a writer without an account signs, where that is allowed; a writer with an account signs
    /// with its name.
    name: Option<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for PostCommentInput {
    const NAME: &'static str = "postComment";
    const RIGHT: Right = Right::Comment;
    const OPEN_TO_NAMES: bool = true;
    type Id = CommentId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn check(&self, ctx: &Context<'_>, desk: &Desk) -> Result<(), Refusal> {
        let (id, ..) = self.read()?;
        let article = ctx.load(article::ById(id)).await?;
        let policy = ctx.load(commenting::OfArticle(id)).await?;
        let Some((article, policy)) = article.filter(is_published).zip(policy) else {
            return Err(UserError::not_found(&["article"], "article").into());
        };
        let scope = ctx.scope()?;
        let (sender, _) = self.sender(scope.viewer, &desk.name, desk.address.as_deref(), policy)?;
        if !policy.is_open(&article, scope.as_of) {
            return Err(closed(&["article"]).into());
        }
        let reader = ctx.loaders()?.reader();
        if !sender.seems_to_keep_pace(&reader, &desk.comments).await? {
            return Err(too_often().into());
        }
        Ok(())
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<CommentId, Refusal> {
        let (id, parent, text) = self.read()?;
        let Some((article, policy)) = published(act, id).await? else {
            return Err(UserError::not_found(&["article"], "article").into());
        };
        let author = act.writer.author();
        let (sender, author_name) =
            self.sender(act.viewer, &author.name, author.address.as_deref(), policy)?;
        if !policy.is_open(&article, act.writer.at()) {
            return Err(closed(&["article"]).into());
        }
        if let Sender::Named { name, .. } = &sender
            && reserved_name::is_reserved(act.writer, name).await?
        {
            let message =
                "This is the name of somebody who writes here: choose another, or log in.";
            return Err(UserError::new(&["name"], UserErrorCode::Taken, message).into());
        }
        sender.wait(act.writer).await?;
        act.writer.lock_article(id).await?;
        if let Some(parent) = parent {
            let held = comment::hold(act.writer, &[parent]).await?;
            check_parent(held.get(&parent), id, policy)?;
        }
        if !sender.keeps_pace(act.writer, &act.comments).await? {
            return Err(too_often().into());
        }
        let comment = Comment {
            id: act.mint(),
            article: id,
            parent,
            account: act.viewer.account,
            author_name,
            text,
            status: policy.taken_in(),
            reason: None,
            posted_at: act.writer.at(),
            edited_at: None,
            reply_count: 0,
            report_count: 0,
            is_staff: act.viewer.account.is_some() && act.viewer.role.is_staff(),
        };
        check_new(act, &sender, &comment).await?;
        comment::send(act.writer, &comment, sender.address()).await?;
        Ok(comment.id)
    }
}

impl PostCommentInput {
    /// Under which article, in answer to what, in which words.
    fn read(&self) -> Result<(ArticleId, Option<CommentId>, Text), Refusal> {
        let article = read::id(&["article"], &self.article)?;
        let parent = self.parent.as_ref();
        let parent = parent.map(|parent| read::id(&["parent"], parent));
        let text = read::value(&["text"], Text::parse(&self.text))?;
        Ok((article, parent.transpose()?, text))
    }

    /// Who sends it, and how they sign.
    fn sender(
        &self,
        viewer: Viewer,
        name: &str,
        address: Option<&str>,
        policy: Policy,
    ) -> Result<(Sender, Name), Refusal> {
        match (viewer.account, &self.name) {
            (Some(_), Some(_)) => {
                let message = "An account signs with its own name.";
                Err(UserError::new(&["name"], UserErrorCode::Invalid, message).into())
            }
            (Some(account), None) => {
                let name = read::value(&[], Name::parse(name))?;
                Ok((Sender::Account(account), name))
            }
            (None, _) if !policy.names_allowed => {
                require(viewer, Right::Comment)?;
                Err(closed(&["article"]).into())
            }
            (None, None) => {
                let message = "Without an account, a name is needed.";
                Err(UserError::new(&["name"], UserErrorCode::Invalid, message).into())
            }
            (None, Some(name)) => {
                let name = read::name(&["name"], name)?;
                let sender = Sender::named(name.clone(), address.unwrap_or_default());
                Ok((sender, name))
            }
        }
    }
}

/// Which comment, and its new words.
#[derive(Clone, Debug, InputObject)]
pub struct EditCommentInput {
    /// Which comment.
    id: ID,
    /// The words, as plain text: markup stays the text that it is. At most 4,000 characters.
    text: String,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for EditCommentInput {
    const NAME: &'static str = "editComment";
    const RIGHT: Right = Right::Comment;
    type Id = CommentId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<CommentId, Refusal> {
        let id: CommentId = read::id(&["id"], &self.id)?;
        let text = read::value(&["text"], Text::parse(&self.text))?;
        wait(act).await?;
        let held = comment::hold(act.writer, &[id]).await?.remove(&id);
        let Some(Held { comment: old, .. }) = seen(act, held).await? else {
            return Err(UserError::not_found(&["id"], "comment").into());
        };
        let Some(account) = act
            .viewer
            .account
            .filter(|_| old.account == act.viewer.account)
        else {
            let message = "Only its writer can change a comment.";
            return Err(UserError::new(&["id"], UserErrorCode::NotAllowed, message).into());
        };
        if !matches!(old.status, Status::Pending | Status::Approved) {
            let message = "The moderators have taken this comment back.";
            return Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into());
        }
        let at = act.writer.at();
        let policy = match published(act, old.article).await? {
            Some((article, policy)) if policy.is_open(&article, at) => policy,
            _ => return Err(closed(&["id"]).into()),
        };
        if at - old.posted_at >= act.comments.edit_window {
            let minutes = act.comments.edit_window.num_minutes();
            let message = match minutes {
                0 => "Comments are not changed here.".to_owned(),
                minutes => format!("A comment can be changed for {minutes} minutes."),
            };
            return Err(UserError::new(&["id"], UserErrorCode::Closed, message).into());
        }
        if text == old.text {
            return Ok(id);
        }
        if !comment::keeps_pace(act.writer, act.comments.edits).await? {
            return Err(too_often().into());
        }
        let comment = Comment {
            text,
            edited_at: Some(at),
            // Moderators have approved other words.
            status: policy.taken_in(),
            ..old
        };
        check_new(act, &Sender::Account(account), &comment).await?;
        comment::save(act.writer, &comment).await?;
        Ok(id)
    }
}

/// Which comment, and what is wrong with it.
#[derive(Clone, Debug, InputObject)]
pub struct ReportCommentInput {
    /// Which comment.
    id: ID,
    /// What is wrong with it, for the moderators. At most 500 characters.
    reason: String,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for ReportCommentInput {
    const NAME: &'static str = "reportComment";
    const RIGHT: Right = Right::Comment;
    type Id = CommentId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<CommentId, Refusal> {
        let id: CommentId = read::id(&["id"], &self.id)?;
        let reason = read::value(&["reason"], Reason::parse(&self.reason))?;
        wait(act).await?;
        let held = comment::hold(act.writer, &[id]).await?.remove(&id);
        let Some(held) = seen(act, held).await? else {
            return Err(UserError::not_found(&["id"], "comment").into());
        };
        let Some(account) = act.viewer.account else {
            return Ok(id);
        };
        let kept = comment::keeps_pace(act.writer, act.comments.reports).await?;
        let is_new = comment::report(act.writer, &held.comment, account, &reason).await?;
        // Said again, it counts no more than before: nobody is refused for that.
        if is_new && !kept {
            return Err(too_often().into());
        }
        Ok(id)
    }
}

/// The article with this id and how comments are taken in under it, if readers see it.
async fn published(act: &Act<'_>, id: ArticleId) -> Result<Option<(Article, Policy)>, Refusal> {
    let found = commenting::under(act.writer, id).await?;
    Ok(found.filter(|(article, _)| is_published(article)))
}

fn is_published(article: &Article) -> bool {
    article.status == khabar_domain::article::Status::Published
}

/// The comment, if the viewer may know of it.
async fn seen(act: &Act<'_>, held: Option<Held>) -> Result<Option<Held>, Refusal> {
    let Some(held) = held else { return Ok(None) };
    let own = act.viewer.account.is_some() && held.comment.account == act.viewer.account;
    let known = own
        || act.viewer.may(Right::Moderate)
        || held.shown && published(act, held.comment.article).await?.is_some();
    Ok(known.then_some(held))
}

/// Refuses to answer what is not there to be answered, or stands too deep for it.
fn check_parent(parent: Option<&Held>, article: ArticleId, policy: Policy) -> Result<(), Refusal> {
    let Some(parent) = parent.filter(|held| held.shown && held.comment.article == article) else {
        return Err(UserError::not_found(&["parent"], "comment").into());
    };
    let deepest = policy.depth.get();
    if parent.depth >= deepest {
        let message = format!("Answers go {deepest} deep here, and this comment stands there.");
        return Err(UserError::new(&["parent"], UserErrorCode::Invalid, message).into());
    }
    Ok(())
}

/// Refuses what the same sender has said under the same article already.
async fn check_new(act: &Act<'_>, sender: &Sender, comment: &Comment) -> Result<(), Refusal> {
    let said = sender.repeats(act.writer, comment.article, &comment.text, comment.id);
    if said.await? {
        let message = "The same was said here already.";
        return Err(UserError::new(&["text"], UserErrorCode::Repeated, message).into());
    }
    Ok(())
}

/// Makes what else the viewer sends meanwhile wait, so that what is counted stays so.
async fn wait(act: &Act<'_>) -> Result<(), Refusal> {
    if let Some(account) = act.viewer.account {
        Sender::Account(account).wait(act.writer).await?;
    }
    Ok(())
}

fn too_often() -> UserError {
    let message = "That is much in a short time: try again later.";
    UserError::new(&[], UserErrorCode::TooOften, message)
}

fn closed(field: &[&str]) -> UserError {
    let message = "Comments are closed here.";
    UserError::new(field, UserErrorCode::Closed, message)
}

/// The mutations of comments.
#[derive(Default)]
pub(crate) struct CommentMutations;

#[Object]
impl CommentMutations {
    /// Says something under an article. Needs the right `comment` or, where names are allowed
    /// (`Article.commenting`), a name.
    async fn post_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be said, and where.")] input: PostCommentInput,
    ) -> Result<PostCommentPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes one's own comment, within the newsroom's time for it: 15 minutes where it has not set
    /// another. Where moderators look at comments first, they look at this one again. Needs the right
    /// `comment`.
    async fn edit_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which comment, and its new words.")] input: EditCommentInput,
    ) -> Result<CommentPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Tells the moderators of a comment; an account counts once, and once more after the writer has
    /// changed the comment. Needs the right `comment`.
    async fn report_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which comment, and what is wrong with it.")] input: ReportCommentInput,
    ) -> Result<CommentPayload> {
        Ok(run(ctx, input).await?.into())
    }
}
