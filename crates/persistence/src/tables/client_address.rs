//! Retention of the network addresses of clients. They are stored for a limited time only:
//!
//! - with the comments of guests, to limit the rate of comments from an address,
//! - with the idempotency keys of anonymous clients,
//! - in the audit log.

use chrono::{DateTime, Utc};
use khabar_domain::Role;

use crate::tables::idempotency;
use crate::{Result, WriteTx};

/// Maximum number of rows cleared by one statement: few enough that other writers barely wait.
const ROWS: u32 = 5_000;

/// Clears the addresses of comments posted before this time, at most 5,000 per call. Returns the number
/// cleared.
pub async fn clear_comments(writer: &WriteTx, before: DateTime<Utc>) -> Result<u64> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE comment SET address = NULL WHERE id IN (SELECT id FROM comment \
         WHERE address IS NOT NULL AND posted_at < {} LIMIT {ROWS})",
        sql.bind(before)
    );
    writer
        .run("clear the addresses of comments", sql, text)
        .await
}

/// Clears the addresses of audit log entries made by readers, signed in or anonymous, before this time.
/// Clears at most 5,000 per call and returns the number cleared.
pub async fn clear_readers(writer: &WriteTx, before: DateTime<Utc>) -> Result<u64> {
    let reader = Role::Reader.as_str();
    clear_audit(writer, &[reader], before).await
}

/// Clears the addresses of audit log entries made by newsroom staff before this time. Clears at most
/// 5,000 per role and call, and returns the number cleared.
pub async fn clear_staff(writer: &WriteTx, before: DateTime<Utc>) -> Result<u64> {
    let staff = Role::ALL.iter().filter(|role| **role != Role::Reader);
    let staff: Vec<_> = staff.map(|role| role.as_str()).collect();
    clear_audit(writer, &staff, before).await
}

/// Deletes the idempotency keys that anonymous clients used before this time, because these are stored
/// under the client's address. Returns the number deleted.
pub async fn clear_done(writer: &WriteTx, before: DateTime<Utc>) -> Result<u64> {
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM idempotency_key WHERE writer LIKE '{}%' AND at < {}",
        idempotency::ANONYMOUS,
        sql.bind(before)
    );
    writer
        .run("forget the writes of anonymous clients", sql, text)
        .await
}

async fn clear_audit(writer: &WriteTx, roles: &[&str], before: DateTime<Utc>) -> Result<u64> {
    let mut cleared = 0;
    for role in roles {
        let mut sql = writer.sql();
        let text = format!(
            "UPDATE audit SET address = NULL WHERE seq IN (SELECT seq FROM audit \
             WHERE address IS NOT NULL AND role = {} AND at < {} LIMIT {ROWS})",
            sql.bind(*role),
            sql.bind(before)
        );
        let doing = "clear the addresses of the audit log";
        cleared += writer.run(doing, sql, text).await?;
    }
    Ok(cleared)
}
