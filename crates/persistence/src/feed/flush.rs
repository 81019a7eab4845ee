//! Ends a transaction: writes the rows of the change feed and of the audit log, then commits.
//!
//! Allocating the next number of the feed locks the single row of `change_head` until the commit. All
//! other writers wait from that point. On PostgreSQL everything is therefore sent as one message. A
//! node that is frozen or cut off before sending it holds no lock. Once it is sent, the server finishes
//! without the node.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryResult, Set};
use uuid::Uuid;

use super::{PendingChange, headless, notifier, table};
use crate::query::sql::Dialect;
use crate::tables::audit::{self, AuditEntryDraft};
use crate::{Author, Doing, Result, WriteTx};

const DOING: &str = "write the change feed";

/// Maximum number of rows in one INSERT. With six values each, they stay well below SQLite's limit of
/// 32,766 parameters.
pub(crate) const ROWS: usize = 500;

/// Appends the notes of one transaction to the feed under the next numbers. Returns the last of them,
/// or `None` if there are no notes.
pub(crate) async fn append(writer: &WriteTx, notes: &[PendingChange]) -> Result<Option<i64>> {
    let (transaction, at) = (writer.connection(), writer.at());
    let Ok(count) = i64::try_from(notes.len()) else {
        return Ok(None);
    };
    if count == 0 {
        return Ok(None);
    }
    let mut sql = writer.sql();
    let count_bound = sql.bind(count);
    let timeline = sql.bind(transaction.timeline());
    let update = next(&count_bound, &timeline);
    // The notification reaches other processes only if the transaction commits.
    let text = match sql.dialect {
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
    for (seq, notes) in ((last - count + 1)..).step_by(ROWS).zip(notes.chunks(ROWS)) {
        let rows = (seq..).zip(notes).map(|(seq, note)| table::ActiveModel {
            seq: Set(seq),
            at: Set(at),
            noun: Set(note.noun.as_str().to_owned()),
            noun_id: Set(note.id),
            act: Set(note.act.as_str().to_owned()),
            keys: Set(keys(note)),
        });
        table::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await
            .doing(DOING)?;
    }
    Ok(Some(last))
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

fn keys(note: &PendingChange) -> String {
    serde_json::Value::from(note.keys.clone()).to_string()
}

/// Builds the single message that ends a PostgreSQL transaction with at most [`ROWS`] notes, none of
/// them in the feed yet. The result is read by [`committed`].
pub(crate) fn script(
    notes: &[PendingChange],
    author: &Author,
    at: DateTime<Utc>,
    timeline: &str,
) -> String {
    let count = notes.len();
    let mut deeds = Vec::new();
    let mut rows = String::new();
    for (place, note) in (1_i64..).zip(notes) {
        audit::tell(&mut deeds, place, note);
        let comma = if place == 1 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(
            rows,
            "{comma}({place}, {}, {}, {}, {})",
            text(note.noun.as_str()),
            id(note.id),
            text(note.act.as_str()),
            text(&keys(note))
        );
    }
    let mut entries = String::new();
    for (place, deed) in deeds.iter().enumerate() {
        let AuditEntryDraft {
            first_seq,
            seq,
            noun,
            noun_id,
        } = deed;
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(
            entries,
            "{comma}({seq}, {first_seq}, {}, {})",
            text(noun.as_str()),
            id(*noun_id)
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
         added AS (INSERT INTO change (seq, at, noun, noun_id, act, keys) \
         SELECT head.seq - {count} + v.place, {at}, v.noun, v.id, v.act, v.keys \
         FROM head, (VALUES {rows}) AS v (place, noun, id, act, keys)), \
         logged AS (INSERT INTO audit (seq, first_seq, at, account_id, author_name, role, address, \
         action, noun, noun_id) \
         SELECT head.seq - {count} + v.seq, head.seq - {count} + v.first_seq, {at}, {account}, {name}, \
         {role}, {address}, {action}, v.noun, v.id \
         FROM head, (VALUES {entries}) AS v (seq, first_seq, noun, id)) \
         SELECT max(seq) AS seq, pg_notify('{channel}', max(seq)::text)::text, \
         set_config('khabar.committed', max(seq)::text, false), 1 / count(*) AS one FROM head; \
         COMMIT; \
         SELECT seq FROM change WHERE seq = current_setting('khabar.committed')::bigint"
    )
}

/// Returns the feed position of a transaction that [`script`] has ended: the allocated number, found in
/// the feed again after the commit. Returns `None` if it is not there.
pub(crate) fn committed(rows: &[QueryResult]) -> Result<Option<i64>, DbErr> {
    let [given, found] = rows else {
        return Ok(None);
    };
    let given: i64 = given.try_get("", "seq")?;
    let found: i64 = found.try_get("", "seq")?;
    Ok((given == found).then_some(given))
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
