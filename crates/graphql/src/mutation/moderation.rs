//! Mutations that moderate comments in bulk.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use khabar_domain::CommentId;
use khabar_domain::commenting::{Decision, Reason};
use khabar_persistence::Page;
use khabar_persistence::comment::{self, ById};

use super::input_parse;
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, MutationResult, mutations, run};
use crate::node;
use crate::object::EngineList;
use crate::types::{Comment, UserError, UserErrorCode};

/// A moderation decision on a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Decision")]
pub enum CommentDecision {
    /// Approves the comment so that readers can see it. Overrides any earlier decision.
    Approve,
    /// Rejects a pending comment before readers see it.
    Reject,
    /// Hides an approved comment together with all replies to it.
    Hide,
}

/// Input for the `moderateComments` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct ModerateCommentsInput {
    /// Global IDs of the comments to moderate, 1 to 100.
    ids: Vec<ID>,
    /// Decision to apply to all of the comments.
    decision: CommentDecision,
    /// Reason for the decision, shown to the authors of the comments. Required when rejecting. At
    /// most 500 characters.
    reason: Option<String>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24
    /// hours applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for ModerateCommentsInput {
    type Id = CommentId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<CommentId, MutationError> {
        let max = usize::from(Page::MAX);
        if !(1..=max).contains(&self.ids.len()) {
            let message = format!("Provide 1 to {max} comments.");
            return Err(UserError::new(&["ids"], UserErrorCode::Invalid, message).into());
        }
        let reason = match &self.reason {
            None => None,
            Some(reason) => Some(input_parse::value(&["reason"], Reason::parse(reason))?),
        };
        let decision = Decision::from(self.decision);
        if decision == Decision::Reject && reason.is_none() {
            let message = "A reason is required to reject comments.";
            return Err(UserError::new(&["reason"], UserErrorCode::Invalid, message).into());
        }
        let locked = comment::lock(cx.writer, &self.valid_ids()).await?;
        let mut first = None;
        for (index, id) in self.ids.iter().enumerate() {
            let index = index.to_string();
            let field = ["ids", index.as_str()];
            let id = match node::parse::<CommentId>(id) {
                Ok(id) => id,
                Err(error) => {
                    let code = UserErrorCode::Invalid;
                    cx.errors
                        .push(UserError::new(&field, code, error.message()));
                    continue;
                }
            };
            let Some(locked) = locked.get(&id) else {
                cx.errors.push(UserError::not_found(&field, "comment"));
                continue;
            };
            let status = locked.comment.status;
            if !decision.fits(status) {
                let message = match decision {
                    Decision::Reject => {
                        "The comment was already approved or hidden. Hide it instead."
                    }
                    _ => "The comment was never approved. Reject it instead.",
                };
                let code = UserErrorCode::WrongStatus;
                cx.errors.push(UserError::new(&field, code, message));
                continue;
            }
            comment::decide(cx.writer, &locked.comment, decision, reason.as_ref()).await?;
            first.get_or_insert(id);
        }
        first.ok_or_else(|| MutationError::User(std::mem::take(&mut cx.errors)))
    }
}

impl ModerateCommentsInput {
    /// Returns the well-formed IDs of the input.
    fn valid_ids(&self) -> Vec<CommentId> {
        self.ids
            .iter()
            .filter_map(|id| node::parse(id).ok())
            .collect()
    }
}

/// Result of the `moderateComments` mutation.
pub struct ModerateCommentsPayload {
    requested: Vec<CommentId>,
    decision: Decision,
    result: MutationResult<CommentId>,
}

/// Result of the `moderateComments` mutation.
#[Object]
impl ModerateCommentsPayload {
    /// The comments that now have the requested status, in the order of the input.
    async fn comments(&self, ctx: &Context<'_>) -> Result<EngineList<Comment>> {
        if self.result.id.is_none() {
            return Ok(EngineList::new(Vec::new()));
        }
        let found = ctx
            .load_many(self.requested.iter().copied().map(ById))
            .await?;
        let mut requested = Vec::with_capacity(self.requested.len());
        for id in &self.requested {
            if !requested.contains(id) {
                requested.push(*id);
            }
        }
        let comments = requested.into_iter().filter_map(|id| found.get(&ById(id)));
        let comments = comments.filter(|comment| comment.status == self.decision.leads_to());
        let comments: Vec<_> = comments.cloned().collect();
        Ok(EngineList::new(comments))
    }

    /// Errors for the comments that could not be moderated, each pointing at the position in `ids`.
    /// The other comments are still moderated.
    fn user_errors(&self) -> &[UserError] {
        &self.result.errors
    }

    /// The idempotency key sent with the mutation, if any.
    fn idempotency_key(&self) -> Option<&str> {
        self.result.idempotency_key.as_deref()
    }
}

impl ModerateCommentsPayload {
    /// Runs the mutation with this input and returns its payload.
    async fn of(ctx: &Context<'_>, input: ModerateCommentsInput) -> Result<Self> {
        let (requested, decision) = (input.valid_ids(), input.decision.into());
        let result = run(ctx, input).await?;
        Ok(Self {
            requested,
            decision,
            result,
        })
    }
}

mutations! {
    /// Mutations for comment moderation.
    ModerationMutations;

    /// Applies a moderation decision to comments. Each comment that cannot be moderated is reported
    /// in `userErrors`, and the others are still moderated. Requires the `moderate` right.
    "moderateComments" moderate_comments(
        ModerateCommentsInput: "IDs of the comments and the decision to apply to them.",
    ) -> ModerateCommentsPayload by ModerateCommentsPayload::of, requires [Moderate];
}
