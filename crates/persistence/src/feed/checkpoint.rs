//! The progress of purging the caches in front of the server, as rows. Each row holds a purge target,
//! its position in the change feed, and the process that is purging it.
//!
//! One process at a time purges a target. The others wait until its claim is released or expires
//! because it was not renewed. Two processes may overlap briefly: purging twice is harmless.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::feed::Position;
use crate::{Doing, ReadSession, Result, WriteTx};

/// A process's claim to purge a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The name of the target.
    pub consumer: &'a str,
    /// The ID of the process.
    pub holder: Uuid,
}

/// The outcome of claiming a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerLease {
    /// Claimed by this process. Holds the position up to which the target is purged, if it ever was.
    Ours(Option<Position>),
    /// Claimed by another process.
    Others,
}

/// Claims a target, or renews the claim, until the given time. Another process's claim has expired if it
/// ends before the writer's time.
pub async fn claim(
    writer: &WriteTx,
    claim: Claim<'_>,
    until: DateTime<Utc>,
) -> Result<ConsumerLease> {
    const DOING: &str = "claim a target of purges";
    let mut sql = writer.sql();
    let (consumer, holder) = (sql.bind(claim.consumer), sql.bind(claim.holder));
    let (until, now) = (sql.bind(until), sql.bind(writer.at()));
    let text = format!(
        "INSERT INTO feed_checkpoint (consumer, holder, held_until) VALUES ({consumer}, {holder}, {until}) \
         ON CONFLICT (consumer) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until \
         WHERE feed_checkpoint.holder IS NULL OR feed_checkpoint.holder = excluded.holder \
         OR feed_checkpoint.held_until < {now} RETURNING seq, epoch"
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let Some(row) = rows.first() else {
        return Ok(ConsumerLease::Others);
    };
    Ok(ConsumerLease::Ours(position(row).doing(DOING)?))
}

/// Records that everything up to this position is purged. Returns `false` if the process no longer
/// holds the claim, because another process has taken it.
pub async fn advance(writer: &WriteTx, claim: Claim<'_>, place: Position) -> Result<bool> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE feed_checkpoint SET seq = {}, epoch = {} WHERE consumer = {} AND holder = {}",
        sql.bind(place.seq),
        sql.bind(place.epoch),
        sql.bind(claim.consumer),
        sql.bind(claim.holder)
    );
    let rows = writer.run("remember what was purged", sql, text).await?;
    Ok(rows > 0)
}

/// Releases the claim, so that other processes can claim the target at once.
pub async fn release(writer: &WriteTx, claim: Claim<'_>) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE feed_checkpoint SET holder = NULL, held_until = NULL WHERE consumer = {} AND holder = {}",
        sql.bind(claim.consumer),
        sql.bind(claim.holder)
    );
    writer.run("leave a target of purges", sql, text).await?;
    Ok(())
}

/// Returns the position up to which this target is purged, or `None` if it never was.
pub async fn get(reader: &ReadSession, consumer: &str) -> Result<Option<Position>> {
    const QUERY: &str = "feed.checkpoint";
    let mut sql = reader.sql();
    let consumer = sql.bind(consumer);
    let text = format!("SELECT seq, epoch FROM feed_checkpoint WHERE consumer = {consumer}");
    let rows = reader.rows(QUERY, sql, text).await?;
    let place = rows.first().map(position);
    Ok(place.transpose().query(QUERY)?.flatten())
}

/// Reads the position from a row. Returns `None` if nothing was purged yet.
fn position(row: &QueryResult) -> Result<Option<Position>, DbErr> {
    let seq: Option<i64> = row.try_get("", "seq")?;
    let epoch = row.try_get("", "epoch")?;
    Ok(seq.map(|seq| Position { epoch, seq }))
}
