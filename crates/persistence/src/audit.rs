//! The audit log: who wrote what, when and from where; a row a transaction, and one more for each
//! account that it adds.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use khabar_domain::{AccountId, Invalid, Role};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use crate::batch::grouped;
use crate::cells::{columns, stored};
use crate::change::{Note, Noun};
use crate::page::{Lists, Order, Paged, Sorts};
use crate::row::{Row, broken, maybe};
use crate::tally::{self, Counted};
use crate::{BatchKey, Doing, Page, Reader, Result, Slice, Tally, Writer};

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its last row in the change feed.
    pub seq: i64,
    /// Its first row in the change feed.
    pub first_seq: i64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// By whose account.
    pub account: Option<AccountId>,
    /// How they were called.
    pub author_name: String,
    /// In which role.
    pub role: Option<Role>,
    /// Where the request came from.
    pub address: Option<String>,
    /// What was done: a mutation's name or a command.
    pub action: String,
    /// What kind of thing it was done to first.
    pub noun: String,
    /// Which one.
    pub noun_id: Uuid,
}

/// A page of the whole log, or of what was done to one thing first; the latest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Log {
    /// Which thing; everything when absent.
    pub of: Option<Uuid>,
    /// Which page.
    pub page: Page,
}

impl BatchKey for Log {
    type Value = Slice<Entry>;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Slice<Entry>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for ((whole, page), keys) in grouped(keys, |key| (key.of.is_none(), key.page)) {
            let lists = Lists {
                doing: "page through the audit log",
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

impl Paged for Log {
    type Item = Entry;

    fn check(&self) -> Result<(), Invalid> {
        self.page.check(&LATEST)
    }
}

/// How many writes the whole log has, or how many were made to one thing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountLog(pub Option<Uuid>);

impl BatchKey for CountLog {
    type Value = Tally;

    async fn fetch(reader: &Reader, keys: &[Self]) -> Result<HashMap<Self, Tally>> {
        const DOING: &str = "count the audit log";
        let mut found = HashMap::with_capacity(keys.len());
        let things: Vec<_> = keys.iter().filter_map(|key| key.0).collect();
        if !things.is_empty() {
            let counted = Counted {
                doing: DOING,
                table: "audit",
                parent: "noun_id",
            };
            let counts = counted.of(reader, &things, |_| String::new()).await?;
            found.extend(things.into_iter().map(|id| Self(Some(id))).zip(counts));
        }
        if keys.contains(&Self(None)) {
            found.insert(Self(None), tally::whole(reader, DOING, "audit").await?);
        }
        Ok(found)
    }
}

const LATEST: Order = Order {
    tag: 18,
    column: "seq",
    id: "noun_id",
    sorts: Sorts::Counts,
    descending: true,
};

/// When an account has done this since that moment; that it was added on the way is not its doing.
pub(crate) async fn times(
    writer: &Writer,
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
        sql.bind(Noun::Account.as_str())
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let times: Result<Vec<_>, _> = rows.iter().map(|row| row.try_get("", "at")).collect();
    times.doing(DOING)
}

/// What one row of the log is to say of a transaction.
pub(crate) struct Deed {
    pub(crate) first_seq: i64,
    pub(crate) seq: i64,
    pub(crate) noun: Noun,
    pub(crate) noun_id: Uuid,
}

/// Adds what was noted, at its place in the change feed, to what the log is to say: to the row of
/// the whole transaction, which names what was noted first, or, if it is an account, as a row of
/// its own. An account is added on the way to something else, and would take its place.
pub(crate) fn tell(deeds: &mut Vec<Deed>, seq: i64, note: &Note) {
    let whole = deeds.iter_mut().find(|deed| deed.noun != Noun::Account);
    match whole.filter(|_| note.noun != Noun::Account) {
        Some(whole) => whole.seq = seq,
        None => deeds.push(Deed {
            first_seq: seq,
            seq,
            noun: note.noun,
            noun_id: note.id,
        }),
    }
}

/// Writes down a transaction.
pub(crate) async fn append(writer: &Writer, deeds: &[Deed]) -> Result<()> {
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
