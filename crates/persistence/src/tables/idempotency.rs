//! Idempotency keys. A write that a client named by a `idempotencyKey` is executed once, even if it
//! is sent again.

use chrono::{DateTime, Utc};
use khabar_domain::Invalid;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::query::table::table;
use crate::{Doing, ReadSession, Result, WriteTx};

/// The prefix of the [`writer`](IdempotencyKey::writer) of an anonymous client. The client's address follows it.
pub const ANONYMOUS: &str = "anonymous ";

/// A write with the idempotency key that its client gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The owner of the key. Keys of different clients are independent.
    pub writer: String,
    /// The idempotency key chosen by the client.
    pub key: String,
    /// The action that was requested.
    pub action: String,
    /// The SHA-256 hash of the client's input, in hexadecimal.
    pub input: String,
}

/// The outcome of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResult {
    /// The id of the object that was written.
    pub entity_id: Uuid,
    /// The time of the write.
    pub at: DateTime<Utc>,
    /// The errors of a write that succeeded in part, as JSON in the format of the caller. Absent if
    /// everything succeeded.
    pub errors: Option<String>,
}

/// Returns the outcome if this write was executed before. Fails with [`Invalid`] if the key was used
/// for a different action or input.
pub async fn find_by_key(writer: &WriteTx, named: &IdempotencyKey) -> Result<Option<StoredResult>> {
    let key = (named.writer.clone(), named.key.clone());
    let found = table::Entity::find_by_id(key)
        .one(writer.connection())
        .await
        .doing("find what is done already")?;
    match found {
        None => Ok(None),
        Some(row) if row.action == named.action && row.input == named.input => {
            let (entity_id, at, errors) = (row.entity_id, row.at, row.errors);
            Ok(Some(StoredResult {
                entity_id,
                at,
                errors,
            }))
        }
        Some(_) => Err(Invalid::new(
            "the idempotencyKey",
            "was used for another write: give each write its own",
        )
        .into()),
    }
}

/// Whether the idempotency key was used before, as far as a reader can tell. Action and input are not
/// compared.
pub async fn is_known(reader: &ReadSession, named: &IdempotencyKey) -> Result<bool> {
    let mut sql = reader.sql();
    let text = format!(
        "SELECT at FROM idempotency_key WHERE writer = {} AND key = {}",
        sql.bind(named.writer.as_str()),
        sql.bind(named.key.as_str())
    );
    let rows = reader.rows("idempotency_key.exists", sql, text).await?;
    Ok(!rows.is_empty())
}

/// Stores the outcome of a write. If two writes use the same key at the same time, one fails here.
pub async fn remember(
    writer: &WriteTx,
    named: &IdempotencyKey,
    outcome: StoredResult,
) -> Result<()> {
    let row = table::Model {
        writer: named.writer.clone(),
        key: named.key.clone(),
        at: outcome.at,
        action: named.action.clone(),
        input: named.input.clone(),
        entity_id: outcome.entity_id,
        errors: outcome.errors,
    };
    table::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(writer.connection())
        .await
        .doing("remember what is done")?;
    Ok(())
}

/// Deletes the keys of writes executed before this time. Returns the number deleted.
pub async fn forget(writer: &WriteTx, before: DateTime<Utc>) -> Result<u64> {
    let gone = table::Entity::delete_many()
        .filter(table::Column::At.lt(before))
        .exec(writer.connection())
        .await
        .doing("forget what is done")?;
    Ok(gone.rows_affected)
}

table! {
    mod table = "idempotency_key";
    key writer: String, key: String;
    at: DateTimeUtc,
    action: String,
    input: String,
    entity_id: Uuid,
    errors: Option<String>,
}
