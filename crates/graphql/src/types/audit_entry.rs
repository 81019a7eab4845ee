//! An entry of the audit log, as the API shows it.

use async_graphql::{Context, ID, Object};
use khabar_domain::Right;
use khabar_persistence::audit::{self, Entry};

use super::Role;
use crate::connection::{Connection, Listed, Paging, Plain, Total};
use crate::error::Result;
use crate::node::{self, Node};
use crate::scalar::DateTime;
use crate::scope::Asked as _;
use crate::write::require;

/// An entry of the audit log.
#[derive(Clone, Debug)]
pub struct AuditEntry(pub Entry);

/// One write: who made it, when, from where, and what it did.
#[Object]
impl AuditEntry {
    /// How whoever wrote was called; `khabar` for a command on the server's machine.
    fn name(&self) -> &str {
        &self.0.author_name
    }

    /// Which account wrote, which tells people of the same name apart; null for commands and for
    /// readers who did not say who they are.
    fn account_id(&self) -> Option<ID> {
        self.0.account.map(|account| ID(account.uuid().to_string()))
    }

    /// In which role they wrote; null for commands.
    fn role(&self) -> Option<Role> {
        self.0.role.map(Into::into)
    }

    /// When it was written.
    fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// The network address that the request came from; null where that is not known.
    fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// What was done: a mutation's name, or a command.
    fn action(&self) -> &str {
        &self.0.action
    }

    /// What kind of thing it was about first of all, such as `article`; `account` where it let
    /// somebody in for the first time, `preview` where it opened an article to somebody.
    fn noun(&self) -> &str {
        &self.0.noun
    }

    /// The id of what it was about first of all, also where that is not there any more. Of an
    /// account it is as in `accountId`, of a preview its article's.
    fn noun_id(&self) -> ID {
        let id = Node::id_of_noun(&self.0.noun, self.0.noun_id);
        id.unwrap_or_else(|| ID(self.0.noun_id.to_string()))
    }

    /// What it was about first of all; null where that is not there any more, is an account, or is
    /// not for this viewer.
    #[graphql(name = "node")]
    async fn the_node(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        Node::of_noun(ctx, &self.0.noun, self.0.noun_id).await
    }
}

/// A page of the audit log.
pub type AuditEntryConnection = Connection<Plain<AuditEntry>>;

impl Listed for AuditEntry {
    type Item = Entry;
    const EDGE: &'static str = "AuditEntryEdge";
    const CONNECTION: &'static str = "AuditEntryConnection";
    const ABOUT: &'static str = "A page of the log of every write, the latest first.";
}

impl AuditEntry {
    /// A page of the log, for those who may see it.
    pub(crate) async fn log(
        ctx: &Context<'_>,
        of: Option<ID>,
        page: Paging,
    ) -> Result<AuditEntryConnection> {
        require(ctx.viewer()?, Right::Audit)?;
        let of = of.as_ref().map(node::any).transpose()?;
        let key = audit::Log {
            of,
            page: page.page()?,
        };
        Connection::load(ctx, key, Total::by(audit::CountLog(of))).await
    }
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        Self(entry)
    }
}
