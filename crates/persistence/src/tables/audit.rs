//! The audit log: a record of every write, its author, time and origin.
//!
//! Each transaction has one row, plus a separate row for each account that it writes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::{AccountId, Invalid, Role};
use uuid::Uuid;

use crate::query::count::{self, CountQuery};
use crate::query::cursor::Source;
use crate::query::decode::{Row, columns};
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::{broken, maybe};
use crate::query::table::table;
use crate::session::batch::grouped;
use crate::{BatchKey, Page, ReadSession, Result, Slice, Tally};

/// An entry in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The sequence number of the entry's last row in the change feed.
    pub seq: i64,
    /// The sequence number of the entry's first row in the change feed.
    pub first_seq: i64,
    /// The time of the write.
    pub at: DateTime<Utc>,
    /// The account of the author. Absent for commands and for anonymous writes.
    pub account: Option<AccountId>,
    /// The name of the author.
    pub author_name: String,
    /// The role of the author at the time of the write.
    pub role: Option<Role>,
    /// The network address from which the request came.
    pub address: Option<String>,
    /// The action performed: the name of a mutation or a command.
    pub action: String,
    /// The kind of the first object that was written.
    pub entity: String,
    /// The ID of the first object that was written.
    pub entity_id: Uuid,
}

/// A key for a page of the audit log, newest first. Covers the whole log or the entries of one
/// object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Log {
    /// The object whose entries to return: those in which it was written first. All entries if
    /// absent.
    pub of: Option<Uuid>,
    /// The page to return.
    pub page: Page,
}

impl BatchKey for Log {
    type Value = Slice<Entry>;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Slice<Entry>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((whole, page), keys) in grouped(keys, |key| (key.of.is_none(), key.page)) {
            let lists = KeysetQuery {
                query: "audit.list",
                table: "audit",
                parent: (!whole).then_some("entity_id"),
                order: &LATEST,
                select: &columns::<table::Model>("t"),
                join: "",
            };
            let parents: Vec<_> = keys.iter().map(|key| key.of.unwrap_or_default()).collect();
            let slices = lists
                .page::<table::Model>(reader, &parents, page, |_| String::new())
                .await?;
            found.extend(keys.into_iter().zip(slices));
        }
        Ok(found)
    }
}

impl PageKey for Log {
    type Item = Entry;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&LATEST)
    }
}

/// A key for the number of entries in the whole log, or of those in which a given object was
/// written first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountLog(pub Option<Uuid>);

impl BatchKey for CountLog {
    type Value = Tally;

    async fn fetch(reader: &ReadSession, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        const QUERY: &str = "audit.count";
        let mut found = HashMap::with_capacity(keys.len());
        let things: Vec<_> = keys.iter().filter_map(|key| key.0).collect();
        if !things.is_empty() {
            let counted = CountQuery {
                query: QUERY,
                table: "audit",
                parent: "entity_id",
            };
            let counts = counted.of(reader, &things, |_| String::new()).await?;
            found.extend(things.into_iter().map(|id| Self(Some(id))).zip(counts));
        }
        if keys.contains(&Self(None)) {
            found.insert(Self(None), count::whole(reader, QUERY, "audit").await?);
        }
        Ok(found)
    }
}

const LATEST: Order = Order {
    source: Source::AuditLog,
    column: "seq",
    id: "entity_id",
    sorts: SortKind::Counts,
    descending: true,
};

impl Row for table::Model {
    const TABLE: &'static str = "audit";
    type Means = Entry;

    fn read(self) -> Result<Entry> {
        let role =
            maybe(self.role, Role::parse).map_err(broken("audit", "role", self.entity_id))?;
        Ok(Entry {
            seq: self.seq,
            first_seq: self.first_seq,
            at: self.at,
            account: self.account_id.map(Into::into),
            author_name: self.author_name,
            role,
            address: self.address,
            action: self.action,
            entity: self.entity,
            entity_id: self.entity_id,
        })
    }
}

table! {
    mod table = "audit";
    key seq: i64;
    first_seq: i64,
    at: DateTimeUtc,
    account_id: Option<Uuid>,
    author_name: String,
    role: Option<String>,
    address: Option<String>,
    action: String,
    entity: String,
    entity_id: Uuid,
}
