//! An API token, as the API shows it to those who give tokens out.

use async_graphql::{Context, ID, Object};
use khabar_domain::Right as May;
use khabar_persistence::token::{CountGiven, Given, Named};

use super::{Right, Role};
use crate::connection::{Connection, Listed, Paging, Plain, Total};
use crate::error::Result;
use crate::node;
use crate::scalar::DateTime;
use crate::scope::Asked as _;
use crate::write::require;

/// An API token.
#[derive(Clone, Debug)]
pub struct Token(pub Named);

/// What the newsroom keeps of an API token, which its bearer alone has: whose it is, what it allows
/// and until when.
#[Object]
impl Token {
    /// Its global id: opaque, never given to another thing, good for `node(id:)`.
    pub(crate) async fn id(&self) -> ID {
        node::id(self.0.token.id)
    }

    /// How its bearer is called. Tokens of one name belong to one account.
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Which account its bearer is, as the audit log has it.
    fn account_id(&self) -> ID {
        ID(self.0.token.account.uuid().to_string())
    }

    /// What its bearer is to the newsroom.
    fn role(&self) -> Role {
        self.0.token.role.into()
    }

    /// What its bearer may do: all that its role allows, or what it is narrowed to.
    fn rights(&self) -> Vec<Right> {
        let viewer = self.0.token.viewer();
        viewer.rights.each().map(Into::into).collect()
    }

    /// When it was given out.
    fn created_at(&self) -> DateTime {
        DateTime(self.0.token.created_at)
    }

    /// From when on it no longer counts; null where that is never.
    fn expires_at(&self) -> Option<DateTime> {
        self.0.token.expires_at.map(DateTime)
    }

    /// When it was last used, to the minute; null where it never was.
    fn last_used_at(&self) -> Option<DateTime> {
        self.0.token.last_used_at.map(DateTime)
    }

    /// When it was taken back; null where it was not.
    fn revoked_at(&self) -> Option<DateTime> {
        self.0.token.revoked_at.map(DateTime)
    }
}

/// A page of API tokens.
pub type TokenConnection = Connection<Plain<Token>>;

impl Listed for Token {
    type Item = Named;
    const EDGE: &'static str = "TokenEdge";
    const CONNECTION: &'static str = "TokenConnection";
    const ABOUT: &'static str = "A page of API tokens.";
}

impl Token {
    /// A page of all tokens, for those who may give them out.
    pub(crate) async fn given(ctx: &Context<'_>, page: Paging) -> Result<TokenConnection> {
        require(ctx.viewer()?, May::Grant)?;
        Connection::load(ctx, Given(page.page()?), Total::by(CountGiven)).await
    }
}

impl From<Named> for Token {
    fn from(named: Named) -> Self {
        Self(named)
    }
}
