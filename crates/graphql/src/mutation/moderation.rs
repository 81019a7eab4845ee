//! Comments being decided about, many at once.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use khabar_domain::commenting::{Decision, Reason};
use khabar_domain::{CommentId, Right};
use khabar_persistence::Page;
use khabar_persistence::comment::{self, ById};

use super::read;
use crate::error::Result;
use crate::node;
use crate::scope::Asked as _;
use crate::types::{Comment, UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, Written};

/// What a moderator decides about a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Decision")]
pub enum CommentDecision {
    /// Readers may see it, whatever was decided before.
    Approve,
    /// It is refused before readers have seen it: one that waits.
    Reject,
    /// It is taken down, and all that answers it with it: one that was approved.
    Hide,
}

/// Which comments, and what is decided about all of them.
#[derive(Clone, Debug, InputObject)]
pub struct ModerateCommentsInput {
    /// Which comments: 1 to 100.
    ids: Vec<ID>,
    /// What is decided.
    decision: CommentDecision,
    /// Why: needed to reject; shown to the comments' writers. At most 500 characters.
    reason: Option<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for ModerateCommentsInput {
    const NAME: &'static str = "moderateComments";
    const RIGHT: Right = Right::Moderate;
    type Id = CommentId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<CommentId, Refusal> {
        let most = usize::from(Page::MAX);
        if !(1..=most).contains(&self.ids.len()) {
            let message = format!("Give 1 to {most} comments.");
            return Err(UserError::new(&["ids"], UserErrorCode::Invalid, message).into());
        }
        let reason = match &self.reason {
            None => None,
            Some(reason) => Some(read::value(&["reason"], Reason::parse(reason))?),
        };
        let decision = Decision::from(self.decision);
        if decision == Decision::Reject && reason.is_none() {
            let message = "Say why: its writer will want to know.";
            return Err(UserError::new(&["reason"], UserErrorCode::Invalid, message).into());
        }
        let held = comment::hold(act.writer, &self.known()).await?;
        let mut first = None;
        for (place, id) in self.ids.iter().enumerate() {
            let place = place.to_string();
            let field = ["ids", place.as_str()];
            let id = match node::parse::<CommentId>(id) {
                Ok(id) => id,
                Err(error) => {
                    let code = UserErrorCode::Invalid;
                    act.errors
                        .push(UserError::new(&field, code, error.message()));
                    continue;
                }
            };
            let Some(held) = held.get(&id) else {
                act.errors.push(UserError::not_found(&field, "comment"));
                continue;
            };
            let status = held.comment.status;
            if !decision.fits(status) {
                let message = match decision {
                    Decision::Reject => "It was approved or hidden already: hide it instead.",
                    _ => "It was never approved: reject it instead.",
                };
                let code = UserErrorCode::WrongStatus;
                act.errors.push(UserError::new(&field, code, message));
                continue;
            }
            comment::decide(act.writer, &held.comment, decision, reason.as_ref()).await?;
            first.get_or_insert(id);
        }
        first.ok_or_else(|| Refusal::User(std::mem::take(&mut act.errors)))
    }
}

impl ModerateCommentsInput {
    /// The ids among those given.
    fn known(&self) -> Vec<CommentId> {
        self.ids
            .iter()
            .filter_map(|id| node::parse(id).ok())
            .collect()
    }
}

/// What came of deciding about comments.
pub struct ModerateCommentsPayload {
    asked: Vec<CommentId>,
    decision: Decision,
    written: Written<CommentId>,
}

/// What came of deciding about comments.
#[Object]
impl ModerateCommentsPayload {
    /// The comments that stand as decided, in the order in which they were named.
    async fn comments(&self, ctx: &Context<'_>) -> Result<Vec<Comment>> {
        if self.written.id.is_none() {
            return Ok(Vec::new());
        }
        let found = ctx.load_many(self.asked.iter().copied().map(ById)).await?;
        let mut asked = Vec::with_capacity(self.asked.len());
        for id in &self.asked {
            if !asked.contains(id) {
                asked.push(*id);
            }
        }
        let comments = asked.into_iter().filter_map(|id| found.get(&ById(id)));
        Ok(comments
            .filter(|comment| comment.status == self.decision.leads_to())
            .cloned()
            .map(Comment)
            .collect())
    }

    /// What could not be decided, and why: one for each such comment, at its place in `ids`. The
    /// others are decided nevertheless.
    fn user_errors(&self) -> &[UserError] {
        &self.written.errors
    }

    /// The client's own name for this write, as it was sent.
    fn client_mutation_id(&self) -> Option<&str> {
        self.written.client_mutation_id.as_deref()
    }
}

impl ModerateCommentsPayload {
    /// The answer to a mutation with this input.
    pub(super) async fn of(ctx: &Context<'_>, input: ModerateCommentsInput) -> Result<Self> {
        let (asked, decision) = (input.known(), input.decision.into());
        let written = crate::write::run(ctx, input).await?;
        Ok(Self {
            asked,
            decision,
            written,
        })
    }
}

/// The mutations of moderation.
#[derive(Default)]
pub(crate) struct ModerationMutations;

#[Object]
impl ModerationMutations {
    /// Decides about comments. Those about which it cannot be decided are told one by one; the
    /// others are decided nevertheless. Needs the right `moderate`.
    async fn moderate_comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which comments, and what is decided.")] input: ModerateCommentsInput,
    ) -> Result<ModerateCommentsPayload> {
        ModerateCommentsPayload::of(ctx, input).await
    }
}
