//! The GraphQL type for API tokens, shown to users who may issue tokens.

use async_graphql::ID;
use khabar_domain::Right as May;
use khabar_persistence::Page;
use khabar_persistence::token::{AllTokens, CountAllTokens, TokenOfAccount as Row};

use super::{Right, Role};
use crate::connection::{TotalCount, connection};
use crate::error::Result;
use crate::mutate::require;
use crate::node;
use crate::object::{LoadPage, ReadContext, object};
use crate::scalar::DateTime;

/// An API token, as exposed through GraphQL.
#[derive(Debug)]
pub(crate) struct Token;

/// Metadata of an API token: its account, rights and validity. The secret itself is known only to
/// the bearer.
#[object(of = Row)]
impl Token {
    /// The globally unique, opaque ID of the token. It is never reused, and can be passed to
    /// `node(id:)`.
    fn id(token: &Row) -> ID {
        node::id(token.token.id)
    }

    /// Name of the bearer. Tokens with the same name belong to the same account.
    fn name(token: &Row) -> &str {
        token.name.as_str()
    }

    /// Account ID of the bearer, as used in the audit log.
    fn account_id(token: &Row) -> ID {
        ID(token.token.account.uuid().to_string())
    }

    /// The role of the bearer.
    fn role(token: &Row) -> Role {
        token.token.role.into()
    }

    /// Rights of the bearer: all rights of the role, or the subset that the token is restricted to.
    fn rights(token: &Row) -> Vec<Right> {
        let viewer = token.token.viewer();
        viewer.rights.each().map(Into::into).collect()
    }

    /// The time at which the token was issued.
    fn created_at(token: &Row) -> DateTime {
        DateTime(token.token.created_at)
    }

    /// The expiry time, from which the token is no longer accepted. Null if it never expires.
    fn expires_at(token: &Row) -> Option<DateTime> {
        token.token.expires_at.map(DateTime)
    }

    /// The time of last use, to the minute. Null if the token has never been used.
    fn last_used_at(token: &Row) -> Option<DateTime> {
        token.token.last_used_at.map(DateTime)
    }

    /// The time at which the token was revoked. Null if it has not been revoked.
    fn revoked_at(token: &Row) -> Option<DateTime> {
        token.token.revoked_at.map(DateTime)
    }
}

connection!(Row as Token, TokenEdge in "TokenConnection": "A page of API tokens.");

impl Token {
    /// Returns a page of all tokens. Returns an error unless the viewer may issue tokens.
    pub(crate) fn all(context: &ReadContext, page: Page) -> Result<LoadPage<AllTokens>> {
        require(context.viewer(), May::Grant)?;
        Ok(LoadPage::new(
            AllTokens(page),
            TotalCount::by(CountAllTokens),
        ))
    }
}
