//! Mutations that issue and revoke API tokens.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, ID, InputObject, Object};
use chrono::TimeDelta;
use khabar_domain::{Credential, Right, Rights, TokenId};
use khabar_persistence::account;
use khabar_persistence::token::{self, ById, Issue, Revoked};

use super::input_parse;
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, MutationResult, WriteContext, run};
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
const SHORTEST: TimeDelta = TimeDelta::minutes(1);
/// Maximum lifetime of a token: ten years. A token meant to last longer should have no expiry instead.
const LONGEST: TimeDelta = TimeDelta::days(3_653);

/// A `createToken` mutation in progress.
struct Giving {
    input: CreateTokenInput,
    /// The credential for the bearer, set once the token is issued.
    given: Arc<Mutex<Option<Credential>>>,
}

/// Formats the input only. A repeated request is recognised by this text, so the secret is left out.
impl fmt::Debug for Giving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.input.fmt(formatter)
    }
}

impl Mutate for Giving {
    const NAME: &'static str = "createToken";
    const RIGHT: Right = Right::Grant;
    type Id = TokenId;

    fn idempotency_key(&self) -> Option<&str> {
        self.input.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<TokenId, MutationError> {
        let asked = self.input.issue(act)?;
        let account = account::of_name(&asked.name);
        if !act.viewer.may_give_for(account) && account::get(act.writer, account).await?.is_some() {
            let message = "An account with this name already exists. A token for it would give \
                           access to its drafts and requires the `publish` right.";
            return Err(UserError::new(&["name"], UserErrorCode::NotAllowed, message).into());
        }
        let credential = Credential::of(act.bits());
        let token = token::issue(act.writer, asked, &credential).await?;
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(credential);
        Ok(token.id)
    }
}

impl CreateTokenInput {
    /// Validates the input and checks that the viewer may grant it.
    fn issue(&self, act: &MutationCtx<'_>) -> Result<Issue, MutationError> {
        let name = input_parse::name(&["name"], &self.name)?;
        let role = khabar_domain::Role::from(self.role);
        let rights = self.rights.as_deref().map(|rights| {
            let rights: Vec<Right> = rights.iter().copied().map(Into::into).collect();
            Rights::of(&rights)
        });
        let gives = input_parse::value(&["rights"], role.narrowed(rights))?;
        if !act.viewer.may_give(gives) {
            let beyond = gives.without(act.viewer.rights).each().map(Right::as_str);
            let beyond: Vec<_> = beyond.collect();
            let message = format!(
                "You cannot grant rights that you do not have: {}.",
                beyond.join(", ")
            );
            return Err(UserError::new(&["rights"], UserErrorCode::NotAllowed, message).into());
        }
        let expires_at = self.expires_at.map(|expires| expires.0);
        let lasting = expires_at.map(|expires| expires - act.writer.at());
        if lasting.is_some_and(|lasting| !(SHORTEST..=LONGEST).contains(&lasting)) {
            let message = "The token must expire between one minute and ten years from now.";
            return Err(UserError::new(&["expiresAt"], UserErrorCode::Invalid, message).into());
        }
        Ok(Issue {
            id: act.mint(),
            name,
            role,
            rights,
            expires_at,
        })
    }
}

/// Result of issuing an API token.
pub struct CreateTokenPayload {
    written: MutationResult<TokenId>,
    given: Option<Credential>,
}

/// Result of issuing an API token.
#[Object]
impl CreateTokenPayload {
    /// The new token. Null if the mutation was not carried out.
    async fn token(&self, ctx: &Context<'_>) -> Result<Option<Token>> {
        let Some(id) = self.written.id else {
            return Ok(None);
        };
        Ok(ctx.load(ById(id)).await?.map(Token))
    }

    /// The secret that the bearer sends as `Authorization: Bearer …`. It is shown only once. Null if
    /// the mutation was not carried out, or repeats an earlier one with the same `idempotencyKey`.
    fn secret(&self) -> Option<&str> {
        let given = self.given.as_ref().filter(|_| self.written.id.is_some());
        given.map(Credential::as_str)
    }

    /// Errors that prevented the mutation. Empty on success.
    fn user_errors(&self) -> &[UserError] {
        &self.written.errors
    }

    /// The idempotency key of this mutation, as sent by the client.
    fn idempotency_key(&self) -> Option<&str> {
        self.written.idempotency_key.as_deref()
    }
}

impl CreateTokenPayload {
    /// Runs the mutation with this input and builds its payload.
    async fn of(ctx: &Context<'_>, input: CreateTokenInput) -> Result<Self> {
        let given = Arc::default();
        let giving = Giving {
            input,
            given: Arc::clone(&given),
        };
        let written = run(ctx, giving).await?;
        let given = given.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Self { written, given })
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
    const NAME: &'static str = "revokeToken";
    const RIGHT: Right = Right::Grant;
    type Id = TokenId;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    async fn act(&self, act: &mut MutationCtx<'_>) -> Result<TokenId, MutationError> {
        let id: TokenId = input_parse::id(&["id"], &self.id)?;
        match token::revoke(act.writer, id).await? {
            Revoked::Now => Ok(id),
            Revoked::Before => {
                let message = "The token was already revoked.";
                Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into())
            }
            Revoked::Unknown => Err(UserError::not_found(&["id"], "token").into()),
        }
    }

    fn is_done(context: &WriteContext, id: TokenId) {
        (context.revoked)(id);
    }
}

/// Mutations for API tokens.
#[derive(Default)]
pub(crate) struct TokenMutations;

#[Object]
impl TokenMutations {
    /// Issues an API token. It cannot grant rights that the viewer does not have. Requires the right
    /// `grant`, and also `publish` if another account already uses the name.
    async fn create_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Account and rights of the new token.")] input: CreateTokenInput,
    ) -> Result<Option<CreateTokenPayload>> {
        Ok(Some(CreateTokenPayload::of(ctx, input).await?))
    }

    /// Revokes an API token, even one with more rights than the viewer has. The server that handles the
    /// request rejects the token immediately, other servers of the fleet within five seconds. Requires
    /// the right `grant`.
    async fn revoke_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "ID of the token to revoke.")] input: RevokeTokenInput,
    ) -> Result<Option<TokenPayload>> {
        Ok(Some(run(ctx, input).await?.into()))
    }
}
