//! The audit log: a record of every write, its author, time and origin.
//!
//! Each transaction has one row, plus a separate row for each account that it writes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::{AccountId, Invalid, Role};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use crate::feed::{EntityKind, PendingChange};
use crate::query::count::{self, CountQuery};
use crate::query::decode::{columns, stored};
use crate::query::page::{KeysetQuery, Order, PageKey, SortKind};
use crate::query::row::{Row, broken, maybe};
use crate::session::batch::grouped;
use crate::{BatchKey, Doing, Page, ReadSession, Result, Slice, Tally, WriteTx};

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
    pub noun: String,
    /// The ID of the first object that was written.
    pub noun_id: Uuid,
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
                parent: (!whole).then_some("noun_id"),
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
                parent: "noun_id",
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
    tag: 18,
    column: "seq",
    id: "noun_id",
    sorts: SortKind::Counts,
    descending: true,
};

/// Returns the times at which an account has performed an action since the given moment. Rows about
/// accounts created along the way are not counted.
pub(crate) async fn times(
    writer: &WriteTx,
    account: AccountId,
    action: &str,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>> {
    const DOING: &str = "count what an account has done";
    let mut sql = writer.sql();
    let text = format!(
        "SELECT at FROM audit WHERE account_id = {} AND action = {} AND at > {} AND noun <> {}",
        sql.bind(account.uuid()),
        sql.bind(action),
        sql.bind(since),
        sql.bind(EntityKind::Account.as_str())
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let times: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get("", "at")).collect();
    times.doing(DOING)
}

/// A row to be added to the audit log for a transaction.
pub(crate) struct AuditEntryDraft {
    pub(crate) first_seq: i64,
    pub(crate) seq: i64,
    pub(crate) noun: EntityKind,
    pub(crate) noun_id: Uuid,
}

/// Adds a change, with its sequence number in the change feed, to the rows to be logged.
///
/// The row of the whole transaction names the first change that does not concern an account. A
/// change to an account gets a row of its own: accounts are created as a side effect, and would
/// otherwise take the place of the actual subject.
pub(crate) fn tell(deeds: &mut Vec<AuditEntryDraft>, seq: i64, note: &PendingChange) {
    let whole = deeds
        .iter_mut()
        .find(|deed| deed.noun != EntityKind::Account);
    match whole.filter(|_| note.noun != EntityKind::Account) {
        Some(whole) => whole.seq = seq,
        None => deeds.push(AuditEntryDraft {
            first_seq: seq,
            seq,
            noun: note.noun,
            noun_id: note.id,
        }),
    }
}

/// Appends the rows of a transaction to the audit log.
pub(crate) async fn append(writer: &WriteTx, deeds: &[AuditEntryDraft]) -> Result<()> {
    let author = writer.author();
    let rows = deeds.iter().map(|deed| {
        let row = table::Model {
            seq: deed.seq,
            first_seq: deed.first_seq,
            at: writer.at(),
            account_id: author.account.map(AccountId::uuid),
            author_name: author.name.clone(),
            role: author.role.map(|role| role.as_str().to_owned()),
            address: author.address.clone(),
            action: author.action.clone(),
            noun: deed.noun.as_str().to_owned(),
            noun_id: deed.noun_id,
        };
        row.into_active_model().reset_all()
    });
    table::Entity::insert_many(rows)
        .exec_without_returning(writer.connection())
        .await
        .doing("write the audit log")?;
    Ok(())
}

stored!(table::Model: seq, first_seq, at, account_id, author_name, role, address, action, noun, noun_id);

impl Row for table::Model {
    const TABLE: &'static str = "audit";
    type Means = Entry;

    fn read(self) -> Result<Entry> {
        let role = maybe(self.role, Role::parse).map_err(broken("audit", "role", self.noun_id))?;
        Ok(Entry {
            seq: self.seq,
            first_seq: self.first_seq,
            at: self.at,
            account: self.account_id.map(Into::into),
            author_name: self.author_name,
            role,
            address: self.address,
            action: self.action,
            noun: self.noun,
            noun_id: self.noun_id,
        })
    }
}

#[expect(
    unreachable_pub,
    reason = "SeaORM's derives make an entity public; this module is not"
)]
pub(crate) mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub first_seq: i64,
        pub at: DateTimeUtc,
        pub account_id: Option<Uuid>,
        pub author_name: String,
        pub role: Option<String>,
        pub address: Option<String>,
        pub action: String,
        pub noun: String,
        pub noun_id: Uuid,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
