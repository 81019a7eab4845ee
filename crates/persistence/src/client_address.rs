//! The network addresses of clients, which are kept for a time only: with a comment that was sent
//! without an account, to count what comes from there, with a write that such a client has named, and in
//! the audit log.

use chrono::{DateTime, Utc};
use khabar_domain::Role;

use crate::{Result, Writer, done};

/// How many rows are cleared in one statement: few enough that other writers hardly wait.
const ROWS: u32 = 5_000;

/// Clears the addresses of comments that were posted before this moment, some at a time: how many.
pub async fn clear_comments(writer: &Writer, before: DateTime<Utc>) -> Result<u64> {
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

/// The same for what readers did by the audit log, signed in or not.
pub async fn clear_readers(writer: &Writer, before: DateTime<Utc>) -> Result<u64> {
    let reader = Role::Reader.as_str();
    clear_audit(writer, &[reader], before).await
}

/// The same for what the newsroom did.
pub async fn clear_staff(writer: &Writer, before: DateTime<Utc>) -> Result<u64> {
    let staff = Role::ALL.iter().filter(|role| **role != Role::Reader);
    let staff: Vec<_> = staff.map(|role| role.as_str()).collect();
    clear_audit(writer, &staff, before).await
}

/// Forgets the writes that clients without an account had named, whose names are known by their
/// address.
pub async fn clear_done(writer: &Writer, before: DateTime<Utc>) -> Result<u64> {
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM done WHERE writer LIKE '{}%' AND at < {}",
        done::ANONYMOUS,
        sql.bind(before)
    );
    writer
        .run("forget the writes of anonymous clients", sql, text)
        .await
}

async fn clear_audit(writer: &Writer, roles: &[&str], before: DateTime<Utc>) -> Result<u64> {
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
