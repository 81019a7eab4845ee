//! Ends a transaction: writes the rows of the change feed and of the audit log, then commits.
//!
//! Allocating the next number of the feed locks the single row of `change_head` until the commit. All
//! other writers wait from that point. On PostgreSQL everything is therefore sent as one message. A
//! node that is frozen or cut off before sending it holds no lock. Once it is sent, the server finishes
//! without the node.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use khabar_domain::AccountId;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryResult,
};
use uuid::Uuid;

use super::change::table as change;
use super::position::headless;
use super::{EntityKind, Write, notifier};
use crate::database::transaction::Transaction;
use crate::query::sql::{Dialect, Sql};
use crate::session::author::Author;
use crate::tables::audit::table as audit;
use crate::{Doing, Result};

const DOING: &str = "write the change feed";

/// Maximum number of rows in one INSERT. With six values each, they stay well below SQLite's limit of
/// 32,766 parameters.
pub(crate) const ROWS: usize = 500;

/// An entry to be added to the audit log for a transaction.
pub(crate) struct AuditEntry {
    first_seq: i64,
    seq: i64,
    entity: EntityKind,
    entity_id: Uuid,
}

impl AuditEntry {
    /// Records a write, with its sequence number in the change feed, in the entries to be added.
    ///
    /// The entry of the whole transaction names the first write that does not concern an account. A
    /// write of an account gets an entry of its own: accounts are created as a side effect, and would
    /// otherwise take the place of the actual subject.
    pub(crate) fn record(entries: &mut Vec<Self>, seq: i64, write: &Write) {
        let whole = entries
            .iter_mut()
            .find(|entry| entry.entity != EntityKind::Account);
        match whole.filter(|_| write.entity != EntityKind::Account) {
            Some(whole) => whole.seq = seq,
            None => entries.push(Self {
                first_seq: seq,
                seq,
                entity: write.entity,
                entity_id: write.id,
            }),
        }
    }
}

/// Appends the writes of one transaction to the feed under the next numbers. Returns the last of them,
/// or `None` if there are no writes.
pub(crate) async fn append(
    transaction: &Transaction,
    dialect: Dialect,
    writes: &[Write],
) -> Result<Option<i64>> {
    let Ok(count) = i64::try_from(writes.len()) else {
        return Ok(None);
    };
    if count == 0 {
        return Ok(None);
    }
    let mut sql = Sql::new(dialect);
    let count_bound = sql.bind(count);
    let timeline = sql.bind(transaction.timeline());
    let update = next(&count_bound, &timeline);
    // The notification reaches other processes only if the transaction commits.
    let text = match dialect {
        Dialect::Postgres => format!(
            "WITH head AS ({update}) SELECT seq, pg_notify('{}', seq::text)::text FROM head",
            notifier::CHANNEL
        ),
        Dialect::Sqlite => update,
    };
    let head = transaction
        .query_one_raw(sql.statement(text))
        .await
        .doing(DOING)?;
    let head = head.ok_or_else(headless);
    let last: i64 = head.and_then(|row| row.try_get("", "seq")).doing(DOING)?;
    for (seq, writes) in ((last - count + 1)..)
        .step_by(ROWS)
        .zip(writes.chunks(ROWS))
    {
        let rows = (seq..).zip(writes);
        let rows = rows.map(|(seq, write)| write.to_row(seq).into_active_model().reset_all());
        change::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await
            .doing(DOING)?;
    }
    Ok(Some(last))
}

/// Appends the entries of a transaction to the audit log.
pub(crate) async fn append_audit(
    transaction: &Transaction,
    author: &Author,
    at: DateTime<Utc>,
    entries: &[AuditEntry],
) -> Result<()> {
    let rows = entries.iter().map(|entry| {
        let row = audit::Model {
            seq: entry.seq,
            first_seq: entry.first_seq,
            at,
            account_id: author.account.map(AccountId::uuid),
            author_name: author.name.clone(),
            role: author.role.map(|role| role.as_str().to_owned()),
            address: author.address.clone(),
            action: author.action.clone(),
            entity: entry.entity.as_str().to_owned(),
            entity_id: entry.entity_id,
        };
        row.into_active_model().reset_all()
    });
    audit::Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await
        .doing("write the audit log")?;
    Ok(())
}

/// Builds the statement that allocates the next numbers. A new timeline begins a new epoch. An unknown
/// (empty) timeline changes neither the epoch nor the stored timeline.
fn next(count: &str, timeline: &str) -> String {
    format!(
        "UPDATE change_head SET seq = seq + {count}, \
         epoch = epoch + CASE WHEN timeline IN ('', {timeline}) OR {timeline} = '' THEN 0 ELSE 1 END, \
         timeline = CASE WHEN {timeline} = '' THEN timeline ELSE {timeline} END \
         WHERE id = 1 RETURNING seq"
    )
}

/// Builds the single message that ends a PostgreSQL transaction with at most [`ROWS`] writes, none of
/// them in the feed yet. The result is read by [`committed`].
pub(crate) fn script(
    writes: &[Write],
    author: &Author,
    at: DateTime<Utc>,
    timeline: &str,
) -> String {
    let count = writes.len();
    let mut logged = Vec::new();
    let mut rows = String::new();
    for (place, write) in (1_i64..).zip(writes) {
        AuditEntry::record(&mut logged, place, write);
        let comma = if place == 1 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(
            rows,
            "{comma}({place}, {}, {}, {}, {})",
            text(write.entity.as_str()),
            id(write.id),
            text(write.operation.as_str()),
            text(&write.touched.encode())
        );
    }
    let mut entries = String::new();
    for (place, entry) in logged.iter().enumerate() {
        let AuditEntry {
            first_seq,
            seq,
            entity,
            entity_id,
        } = entry;
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(
            entries,
            "{comma}({seq}, {first_seq}, {}, {})",
            text(entity.as_str()),
            id(*entity_id)
        );
    }
    let next = next(&count.to_string(), &text(timeline));
    let at = format!("{}::timestamptz", text(&at.to_rfc3339()));
    let Author {
        account,
        name,
        role,
        address,
        action,
    } = author;
    let account = account.map_or_else(|| "NULL::uuid".to_owned(), |account| id(account.uuid()));
    let role = maybe(role.map(khabar_domain::Role::as_str));
    let (name, address, action) = (text(name), maybe(address.as_deref()), text(action));
    let channel = notifier::CHANNEL;
    // If the row of the head is missing, the division by zero aborts the message before the COMMIT.
    format!(
        "WITH head AS ({next}), \
         added AS (INSERT INTO change (seq, at, entity, entity_id, operation, keys) \
         SELECT head.seq - {count} + v.place, {at}, v.entity, v.id, v.operation, v.keys \
         FROM head, (VALUES {rows}) AS v (place, entity, id, operation, keys)), \
         logged AS (INSERT INTO audit (seq, first_seq, at, account_id, author_name, role, address, \
         action, entity, entity_id) \
         SELECT head.seq - {count} + v.seq, head.seq - {count} + v.first_seq, {at}, {account}, {name}, \
         {role}, {address}, {action}, v.entity, v.id \
         FROM head, (VALUES {entries}) AS v (seq, first_seq, entity, id)) \
         SELECT max(seq) AS seq, pg_notify('{channel}', max(seq)::text)::text, \
         set_config('khabar.committed', max(seq)::text, false), 1 / count(*) AS one FROM head; \
         COMMIT; \
         SELECT seq FROM change WHERE seq = current_setting('khabar.committed')::bigint"
    )
}

/// Returns the feed position of a transaction that [`script`] has ended: the allocated number, found in
/// the feed again after the commit. Returns `None` if it is not there.
pub(crate) fn committed(rows: &[QueryResult]) -> Result<Option<i64>, DbErr> {
    let [allocated, found] = rows else {
        return Ok(None);
    };
    let allocated: i64 = allocated.try_get("", "seq")?;
    let found: i64 = found.try_get("", "seq")?;
    Ok((allocated == found).then_some(allocated))
}

/// Quotes a text literal according to `standard_conforming_strings`.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn maybe(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL::text".to_owned(), text)
}

fn id(value: Uuid) -> String {
    format!("'{value}'::uuid")
}
