//! Mutations that issue and revoke API tokens.

use async_graphql::{Context, ID, InputObject, Object};
use chrono::TimeDelta;
use khabar_domain::{Credential, Right, Rights, TokenId};
use khabar_persistence::account;
use khabar_persistence::token::{self, ById, Issue, Revoked};

use super::input_parse;
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, MutationResult, WriteContext, mutations};
use crate::object::EngineObject;
use crate::payload::payload;
use crate::scalar::DateTime;
use crate::types::{self, Role, Token, UserError, UserErrorCode};

payload! {
    TokenPayload, "Result of revoking an API token.",
    token: Token by ById, "The revoked token. Null if the mutation failed."
}

/// Input for issuing an API token: the account it belongs to and the rights it grants.
#[derive(Clone, Debug, InputObject)]
pub struct CreateTokenInput {
    /// Name of the account that the token belongs to. All tokens with one name share one account, and
    /// each of them has access to its drafts.
    name: String,
    /// Role granted to the bearer.
    role: Role,
    /// Subset of the role's rights to grant. Defaults to all rights of the role.
    rights: Option<Vec<types::Right>>,
    /// Expiry time, between one minute and ten years from now. If omitted, the token never expires.
    expires_at: Option<DateTime>,
    /// Idempotency key chosen by the client. A repeat within a day is not carried out again. The
    /// response to a repeat does not include the secret.
    idempotency_key: Option<String>,
}

/// Minimum lifetime of a token. A shorter one would expire before anybody could use it.
const MIN_LIFETIME: TimeDelta = TimeDelta::minutes(1);
/// Maximum lifetime of a token: ten years. A token meant to last longer should have no expiry instead.
const MAX_LIFETIME: TimeDelta = TimeDelta::days(3_653);

impl Mutate for CreateTokenInput {
    type Id = TokenId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<TokenId, MutationError> {
        let issue = self.issue(cx)?;
        let account = account::of_name(&issue.name);
        if !cx.viewer.may_give_for(account) && account::get(cx.writer, account).await?.is_some() {
            let message = "An account with this name already exists. A token for it would give \
                           access to its drafts and requires the `publish` right.";
            return Err(UserError::new(&["name"], UserErrorCode::NotAllowed, message).into());
        }
        let credential = Credential::of(cx.bits());
        let token = token::issue(cx.writer, issue, &credential).await?;
        cx.secret = Some(credential);
        Ok(token.id)
    }
}

impl CreateTokenInput {
    /// Validates the input and checks that the viewer may grant it.
    fn issue(&self, cx: &MutationCtx<'_>) -> Result<Issue, MutationError> {
        let name = input_parse::name(&["name"], &self.name)?;
        let role = khabar_domain::Role::from(self.role);
        let rights = self.rights.as_deref().map(|rights| {
            let rights: Vec<Right> = rights.iter().copied().map(Into::into).collect();
            Rights::of(&rights)
        });
        let granted = input_parse::value(&["rights"], role.narrowed(rights))?;
        if !cx.viewer.may_give(granted) {
            let excess = granted.without(cx.viewer.rights).each().map(Right::as_str);
            let excess: Vec<_> = excess.collect();
            let message = format!(
                "You cannot grant rights that you do not have: {}.",
                excess.join(", ")
            );
            return Err(UserError::new(&["rights"], UserErrorCode::NotAllowed, message).into());
        }
        let expires_at = self.expires_at.map(|expires| expires.0);
        let lifetime = expires_at.map(|expires| expires - cx.writer.at());
        if lifetime.is_some_and(|lifetime| !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime)) {
            let message = "The token must expire between one minute and ten years from now.";
            return Err(UserError::new(&["expiresAt"], UserErrorCode::Invalid, message).into());
        }
        Ok(Issue {
            id: cx.mint(),
            name,
            role,
            rights,
            expires_at,
        })
    }
}

/// Result of issuing an API token.
pub struct CreateTokenPayload(MutationResult<TokenId>);

impl From<MutationResult<TokenId>> for CreateTokenPayload {
    fn from(result: MutationResult<TokenId>) -> Self {
        Self(result)
    }
}

/// Result of issuing an API token.
#[Object]
impl CreateTokenPayload {
    /// The new token. Null if the mutation was not carried out.
    async fn token(&self, ctx: &Context<'_>) -> Result<Option<EngineObject<Token>>> {
        let Some(id) = self.0.id else {
            return Ok(None);
        };
        Ok(ctx.load(ById(id)).await?.map(EngineObject::new))
    }

    /// The secret that the bearer sends as `Authorization: Bearer …`. It is shown only once. Null if
    /// the mutation was not carried out, or repeats an earlier one with the same `idempotencyKey`.
    fn secret(&self) -> Option<&str> {
        self.0.secret.as_ref().map(Credential::as_str)
    }

    /// Errors that prevented the mutation. Empty on success.
    fn user_errors(&self) -> &[UserError] {
        &self.0.errors
    }

    /// The idempotency key of this mutation, as sent by the client.
    fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }
}

/// Input for revoking an API token.
#[derive(Clone, Debug, InputObject)]
pub struct RevokeTokenInput {
    /// ID of the token to revoke.
    id: ID,
    /// Idempotency key chosen by the client. A repeat within a day is not carried out again.
    idempotency_key: Option<String>,
}

impl Mutate for RevokeTokenInput {
    type Id = TokenId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<TokenId, MutationError> {
        let id: TokenId = input_parse::id(&["id"], &self.id)?;
        match token::revoke(cx.writer, id).await? {
            Revoked::Now => Ok(id),
            Revoked::Before => {
                let message = "The token was already revoked.";
                Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into())
            }
            Revoked::Unknown => Err(UserError::not_found(&["id"], "token").into()),
        }
    }

    fn committed(context: &WriteContext, id: TokenId) {
        (context.revoked)(id);
    }
}

mutations! {
    /// Mutations for API tokens.
    TokenMutations;

    /// Issues an API token. It cannot grant rights that the viewer does not have. Requires the right
    /// `grant`, and also `publish` if another account already uses the name.
    "createToken" create_token(
        CreateTokenInput: "Account and rights of the new token.",
    ) -> CreateTokenPayload, requires [Grant];

    /// Revokes an API token, even one with more rights than the viewer has. The server that handles the
    /// request rejects the token immediately, other servers of the fleet within five seconds. Requires
    /// the right `grant`.
    "revokeToken" revoke_token(
        RevokeTokenInput: "ID of the token to revoke.",
    ) -> TokenPayload, requires [Grant];
}
