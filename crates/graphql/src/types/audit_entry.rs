//! The `AuditEntry` type.

use async_graphql::ID;
use khabar_domain::Right;
use khabar_persistence::audit::{self, Entry};
use khabar_persistence::change::EntityKind;
use khabar_persistence::{Page, secret};

use super::Role;
use crate::connection::{TotalCount, connection};
use crate::error::Result;
use crate::mutate::require;
use crate::node::{self, Node};
use crate::object::{LoadPage, OwnedOption, ReadContext, object};
use crate::scalar::DateTime;

/// An entry of the audit log.
#[derive(Debug)]
pub(crate) struct AuditEntry;

/// An audit log entry for one write: who made it, when, from where, and what it did.
#[object(of = Entry)]
impl AuditEntry {
    /// The name of the author of the write. `khabar` for a command run on the server itself.
    fn name(entry: &Entry) -> &str {
        &entry.author_name
    }

    /// The ID of the account that made the write. Distinguishes people with equal names. Null for
    /// commands and anonymous readers.
    fn account_id(entry: &Entry) -> Option<ID> {
        entry.account.map(|account| ID(account.uuid().to_string()))
    }

    /// The role of the author at the time of the write. Null for commands.
    fn role(entry: &Entry) -> Option<Role> {
        entry.role.map(Into::into)
    }

    /// The time of the write.
    fn at(entry: &Entry) -> DateTime {
        DateTime(entry.at)
    }

    /// The network address that the request came from. Null if it is unknown.
    fn address(entry: &Entry) -> Option<&str> {
        entry.address.as_deref()
    }

    /// The action: the name of a mutation or of a command.
    fn action(entry: &Entry) -> &str {
        &entry.action
    }

    /// The type of the primary subject of the write, such as `article`. `account` means that somebody
    /// was given access for the first time and an account was created. `preview` means that previews of
    /// an article were shared or revoked, or that the key that signs previews was replaced.
    fn entity_type(entry: &Entry) -> &str {
        &entry.entity
    }

    /// The ID of the primary subject, even if it no longer exists. For an account, this is the
    /// `accountId`. For a preview, this is the ID of its article. For the key that signs previews, this
    /// is an ID of its own, which is not the ID of a node.
    fn entity_id(entry: &Entry) -> ID {
        node_id(entry).unwrap_or_else(|| ID(entry.entity_id.to_string()))
    }

    /// The primary subject of the write. Null if it no longer exists, is an account or the key that
    /// signs previews, or is not visible to the viewer.
    async fn node(entry: &Entry, context: &ReadContext) -> Result<OwnedOption<Node>> {
        match node_id(entry) {
            Some(id) => Node::load(context, &id).await,
            None => Ok(OwnedOption(None)),
        }
    }
}

connection!(
    Entry as AuditEntry,
    AuditEntryEdge in "AuditEntryConnection": "A page of the audit log, newest entries first."
);

impl AuditEntry {
    /// Returns a page of the log, if the viewer may see it.
    pub(crate) fn log(
        context: &ReadContext,
        of: Option<&ID>,
        page: Page,
    ) -> Result<LoadPage<audit::Log>> {
        require(context.viewer(), Right::Audit)?;
        let of = of.map(node::any).transpose()?;
        let total = TotalCount::by(audit::CountLog(of));
        Ok(LoadPage::new(audit::Log { of, page }, total))
    }
}

/// Returns the global id of the primary subject. `None` if it is not part of a node, or if a later version of
/// the server has written it.
fn node_id(entry: &Entry) -> Option<ID> {
    if entry.entity_id == secret::preview_key_id() {
        return None;
    }
    let entity = EntityKind::parse(&entry.entity)?;
    Node::id_of_entity(entity, entry.entity_id)
}
