//! The `AuditEntry` type.

use async_graphql::{Context, ID, Object};
use khabar_domain::Right;
use khabar_persistence::audit::{self, Entry};
use khabar_persistence::change::EntityKind;
use khabar_persistence::secret;

use super::Role;
use crate::connection::{Connection, ConnectionNode, Paging, SimpleEdge, TotalCount};
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::require;
use crate::node::{self, Node};
use crate::scalar::DateTime;

/// An entry of the audit log.
#[derive(Clone, Debug)]
pub struct AuditEntry(pub Entry);

/// An audit log entry for one write: who made it, when, from where, and what it did.
#[Object]
impl AuditEntry {
    /// The name of the author of the write. `khabar` for a command run on the server itself.
    fn name(&self) -> &str {
        &self.0.author_name
    }

    /// The ID of the account that made the write. Distinguishes people with equal names. Null for
    /// commands and anonymous readers.
    fn account_id(&self) -> Option<ID> {
        self.0.account.map(|account| ID(account.uuid().to_string()))
    }

    /// The role of the author at the time of the write. Null for commands.
    fn role(&self) -> Option<Role> {
        self.0.role.map(Into::into)
    }

    /// The time of the write.
    fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// The network address that the request came from. Null if it is unknown.
    fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// The action: the name of a mutation or of a command.
    fn action(&self) -> &str {
        &self.0.action
    }

    /// The type of the primary subject of the write, such as `article`. `account` means that somebody
    /// was given access for the first time and an account was created. `preview` means that previews of
    /// an article were shared or revoked, or that the key that signs previews was replaced.
    fn entity_type(&self) -> &str {
        &self.0.entity
    }

    /// The ID of the primary subject, even if it no longer exists. For an account, this is the
    /// `accountId`. For a preview, this is the ID of its article. For the key that signs previews, this
    /// is an ID of its own, which is not the ID of a node.
    fn entity_id(&self) -> ID {
        self.node_id()
            .unwrap_or_else(|| ID(self.0.entity_id.to_string()))
    }

    /// The primary subject of the write. Null if it no longer exists, is an account or the key that
    /// signs previews, or is not visible to the viewer.
    #[graphql(name = "node")]
    async fn the_node(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        match self.node_id() {
            Some(id) => Node::load(ctx, &id).await,
            None => Ok(None),
        }
    }
}

/// A page of the audit log.
pub type AuditEntryConnection = Connection<SimpleEdge<AuditEntry>>;

impl ConnectionNode for AuditEntry {
    type Item = Entry;
    const EDGE: &'static str = "AuditEntryEdge";
    const CONNECTION: &'static str = "AuditEntryConnection";
    const ABOUT: &'static str = "A page of the audit log, newest entries first.";
}

impl AuditEntry {
    /// Returns the global id of the primary subject. `None` if it is not part of a node, or if a later
    /// version of the server has written it.
    fn node_id(&self) -> Option<ID> {
        if self.0.entity_id == secret::preview_key_id() {
            return None;
        }
        let entity = EntityKind::parse(&self.0.entity)?;
        Node::id_of_entity(entity, self.0.entity_id)
    }

    /// Loads a page of the log, if the viewer may see it.
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
        Connection::load(ctx, key, TotalCount::by(audit::CountLog(of))).await
    }
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        Self(entry)
    }
}
