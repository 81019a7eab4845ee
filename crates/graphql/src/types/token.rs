//! The GraphQL type for API tokens, shown to users who may issue tokens.

use async_graphql::{Context, ID, Object};
use khabar_domain::Right as May;
use khabar_persistence::token::{AllTokens, CountAllTokens, TokenOfAccount};

use super::{Right, Role};
use crate::connection::{Connection, ConnectionNode, Paging, SimpleEdge, TotalCount};
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::require;
use crate::node;
use crate::scalar::DateTime;

/// An API token, as exposed through GraphQL.
#[derive(Clone, Debug)]
pub struct Token(pub TokenOfAccount);

/// Metadata of an API token: its account, rights and validity. The secret itself is known only to
/// the bearer.
#[Object]
impl Token {
    /// The globally unique, opaque ID of the token. It is never reused, and can be passed to
    /// `node(id:)`.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.token.id)
    }

    /// Name of the bearer. Tokens with the same name belong to the same account.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Account ID of the bearer, as used in the audit log.
    fn account_id(&self) -> ID {
        ID(self.0.token.account.uuid().to_string())
    }

    /// The role of the bearer.
    fn role(&self) -> Role {
        self.0.token.role.into()
    }

    /// Rights of the bearer: all rights of the role, or the subset that the token is restricted to.
    fn rights(&self) -> Vec<Right> {
        let viewer = self.0.token.viewer();
        viewer.rights.each().map(Into::into).collect()
    }

    /// The time at which the token was issued.
    fn created_at(&self) -> DateTime {
        DateTime(self.0.token.created_at)
    }

    /// The expiry time, from which the token is no longer accepted. Null if it never expires.
    fn expires_at(&self) -> Option<DateTime> {
        self.0.token.expires_at.map(DateTime)
    }

    /// The time of last use, to the minute. Null if the token has never been used.
    fn last_used_at(&self) -> Option<DateTime> {
        self.0.token.last_used_at.map(DateTime)
    }

    /// The time at which the token was revoked. Null if it has not been revoked.
    fn revoked_at(&self) -> Option<DateTime> {
        self.0.token.revoked_at.map(DateTime)
    }
}

/// A page of API tokens.
pub type TokenConnection = Connection<SimpleEdge<Token>>;

impl ConnectionNode for Token {
    type Item = TokenOfAccount;
    const EDGE: &'static str = "TokenEdge";
    const CONNECTION: &'static str = "TokenConnection";
    const ABOUT: &'static str = "A page of API tokens.";
}

impl Token {
    /// Loads a page of all tokens. Returns an error unless the viewer may issue tokens.
    pub(crate) async fn given(ctx: &Context<'_>, page: Paging) -> Result<TokenConnection> {
        require(ctx.viewer()?, May::Grant)?;
        Connection::load(ctx, AllTokens(page.page()?), TotalCount::by(CountAllTokens)).await
    }
}

impl From<TokenOfAccount> for Token {
    fn from(named: TokenOfAccount) -> Self {
        Self(named)
    }
}
