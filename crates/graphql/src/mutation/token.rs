//! API tokens being given out and taken back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, ID, InputObject, Object};
use chrono::TimeDelta;
use khabar_domain::{Credential, Right, Rights, TokenId};
use khabar_persistence::account;
use khabar_persistence::token::{self, ById, Issue, Revoked};

use super::read;
use crate::error::Result;
use crate::payload::payload;
use crate::scalar::DateTime;
use crate::scope::Asked as _;
use crate::types::{self, Role, Token, UserError, UserErrorCode};
use crate::write::{Act, Desk, Refusal, Write, Written, run};

payload! {
    TokenPayload, "What came of taking a token back.",
    token: Token by ById, "The token as it is now; null when the mutation was not carried out."
}

/// Whose the token is to be, and what it is to allow.
#[derive(Clone, Debug, InputObject)]
pub struct CreateTokenInput {
    /// How its bearer is called. Tokens of one name belong to one account, and its drafts are open to
    /// each of them.
    name: String,
    /// What its bearer is to be.
    role: Role,
    /// Only these of the role's rights; all of them when nothing is said.
    rights: Option<Vec<types::Right>>,
    /// From when on it no longer counts: a minute from now to ten years; never when nothing is said.
    expires_at: Option<DateTime>,
    /// The client's own name for this write: sent again within a day, it is made once. What is
    /// answered then does not have the secret again.
    client_mutation_id: Option<String>,
}

/// One that ends sooner has ended before anybody has used it.
const SHORTEST: TimeDelta = TimeDelta::minutes(1);
/// Ten years: one that should last longer is meant to last for ever, and can say so.
const LONGEST: TimeDelta = TimeDelta::days(3_653);

/// A token being given out.
struct Giving {
    input: CreateTokenInput,
    /// What its bearer is to have, once it is made.
    given: Arc<Mutex<Option<Credential>>>,
}

/// What is asked for, by which the same is known when it is sent again: the secret is not of it.
impl fmt::Debug for Giving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.input.fmt(formatter)
    }
}

impl Write for Giving {
    const NAME: &'static str = "createToken";
    const RIGHT: Right = Right::Grant;
    type Id = TokenId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.input.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<TokenId, Refusal> {
        let asked = self.input.issue(act)?;
        let account = account::of_name(&asked.name);
        if !act.viewer.may_give_for(account) && account::get(act.writer, account).await?.is_some() {
            let message = "Somebody has this name, and their drafts would be open to its bearer.";
            return Err(UserError::new(&["name"], UserErrorCode::NotAllowed, message).into());
        }
        let credential = Credential::of(act.bits());
        let token = token::issue(act.writer, asked, &credential).await?;
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(credential);
        Ok(token.id)
    }
}

impl CreateTokenInput {
    /// What it asks for, where it may.
    fn issue(&self, act: &Act<'_>) -> Result<Issue, Refusal> {
        let name = read::name(&["name"], &self.name)?;
        let role = khabar_domain::Role::from(self.role);
        let rights = self.rights.as_deref().map(|rights| {
            let rights: Vec<Right> = rights.iter().copied().map(Into::into).collect();
            Rights::of(&rights)
        });
        let gives = read::value(&["rights"], role.narrowed(rights))?;
        if !act.viewer.may_give(gives) {
            let beyond = gives.without(act.viewer.rights).each().map(Right::as_str);
            let beyond: Vec<_> = beyond.collect();
            let message = format!("Nobody gives what they have not: {}.", beyond.join(", "));
            return Err(UserError::new(&["rights"], UserErrorCode::NotAllowed, message).into());
        }
        let expires_at = self.expires_at.map(|expires| expires.0);
        let lasting = expires_at.map(|expires| expires - act.writer.at());
        if lasting.is_some_and(|lasting| !(SHORTEST..=LONGEST).contains(&lasting)) {
            let message = "It may count for a minute at least, and for ten years at most.";
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

/// What came of giving out a token.
pub struct CreateTokenPayload {
    written: Written<TokenId>,
    given: Option<Credential>,
}

/// What came of giving out a token.
#[Object]
impl CreateTokenPayload {
    /// The token; null when the mutation was not carried out.
    async fn token(&self, ctx: &Context<'_>) -> Result<Option<Token>> {
        let Some(id) = self.written.id else {
            return Ok(None);
        };
        Ok(ctx.load(ById(id)).await?.map(Token))
    }

    /// What its bearer sends as `Authorization: Bearer …`. It is shown here and never again: null
    /// when the mutation was not carried out, or was carried out before under the same
    /// `clientMutationId`.
    fn secret(&self) -> Option<&str> {
        let given = self.given.as_ref().filter(|_| self.written.id.is_some());
        given.map(Credential::as_str)
    }

    /// What kept the mutation from being carried out; empty when it was.
    fn user_errors(&self) -> &[UserError] {
        &self.written.errors
    }

    /// The client's own name for this write, as it was sent.
    fn client_mutation_id(&self) -> Option<&str> {
        self.written.client_mutation_id.as_deref()
    }
}

impl CreateTokenPayload {
    /// The answer to a mutation with this input.
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

/// Which token.
#[derive(Clone, Debug, InputObject)]
pub struct RevokeTokenInput {
    /// Which token.
    id: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for RevokeTokenInput {
    const NAME: &'static str = "revokeToken";
    const RIGHT: Right = Right::Grant;
    type Id = TokenId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<TokenId, Refusal> {
        let id: TokenId = read::id(&["id"], &self.id)?;
        match token::revoke(act.writer, id).await? {
            Revoked::Now => Ok(id),
            Revoked::Before => {
                let message = "It was taken back before.";
                Err(UserError::new(&["id"], UserErrorCode::WrongStatus, message).into())
            }
            Revoked::Unknown => Err(UserError::not_found(&["id"], "token").into()),
        }
    }

    fn is_done(desk: &Desk, id: TokenId) {
        (desk.revoked)(id);
    }
}

/// The mutations of API tokens.
#[derive(Default)]
pub(crate) struct TokenMutations;

#[Object]
impl TokenMutations {
    /// Gives out an API token, which allows no more than the viewer may do. Needs the right `grant`,
    /// and `publish` where somebody else has the name already.
    async fn create_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose it is to be, and what it is to allow.")] input: CreateTokenInput,
    ) -> Result<CreateTokenPayload> {
        CreateTokenPayload::of(ctx, input).await
    }

    /// Takes an API token back, also one that allows more than the viewer may do. The server that
    /// answers refuses it from now on, others of a fleet after five seconds at most. Needs the right
    /// `grant`.
    async fn revoke_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which token.")] input: RevokeTokenInput,
    ) -> Result<TokenPayload> {
        Ok(run(ctx, input).await?.into())
    }
}
