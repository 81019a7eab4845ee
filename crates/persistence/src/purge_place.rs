//! How far each cache before the server has let go of what was changed, as rows: a place in the change
//! feed for each target, and which process is at it.
//!
//! One process purges for a target at a time; the others wait until it has ended, or has not said for
//! a while that it goes on. For a moment two may do the same: purging twice does no harm.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::change::Position;
use crate::{Doing, Reader, Result, Writer};

/// A process that purges for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// What the target is called.
    pub target: &'a str,
    /// Which process.
    pub holder: Uuid,
}

/// What came of claiming a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is this process's; what has been purged so far is up to this place, if ever anything was.
    Ours(Option<Position>),
    /// It is another's.
    Others,
}

/// Claims a target, or goes on holding it, until this moment. The writer's moment decides whether
/// another's claim has ended.
pub async fn hold(writer: &Writer, claim: Claim<'_>, until: DateTime<Utc>) -> Result<Held> {
    const DOING: &str = "claim a target of purges";
    let mut sql = writer.sql();
    let (target, holder) = (sql.bind(claim.target), sql.bind(claim.holder));
    let (until, now) = (sql.bind(until), sql.bind(writer.at()));
    let text = format!(
        "INSERT INTO purge_place (target, holder, held_until) VALUES ({target}, {holder}, {until}) \
         ON CONFLICT (target) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until \
         WHERE purge_place.holder IS NULL OR purge_place.holder = excluded.holder \
         OR purge_place.held_until < {now} RETURNING seq, epoch"
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let Some(row) = rows.first() else {
        return Ok(Held::Others);
    };
    Ok(Held::Ours(position(row).doing(DOING)?))
}

/// Remembers that everything up to this place is purged. Tells whether it could: not, when another
/// has claimed the target meanwhile.
pub async fn reach(writer: &Writer, claim: Claim<'_>, place: Position) -> Result<bool> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE purge_place SET seq = {}, epoch = {} WHERE target = {} AND holder = {}",
        sql.bind(place.seq),
        sql.bind(place.epoch),
        sql.bind(claim.target),
        sql.bind(claim.holder)
    );
    let rows = writer.run("remember what was purged", sql, text).await?;
    Ok(rows > 0)
}

/// Lets others have the target at once.
pub async fn leave(writer: &Writer, claim: Claim<'_>) -> Result<()> {
    let mut sql = writer.sql();
    let text = format!(
        "UPDATE purge_place SET holder = NULL, held_until = NULL WHERE target = {} AND holder = {}",
        sql.bind(claim.target),
        sql.bind(claim.holder)
    );
    writer.run("leave a target of purges", sql, text).await?;
    Ok(())
}

/// Up to which place everything is purged from this target; none where nothing ever was.
pub async fn of(reader: &Reader, target: &str) -> Result<Option<Position>> {
    const DOING: &str = "read how far a target is purged";
    let mut sql = reader.sql();
    let target = sql.bind(target);
    let text = format!("SELECT seq, epoch FROM purge_place WHERE target = {target}");
    let rows = reader.rows(DOING, sql, text).await?;
    let place = rows.first().map(position);
    Ok(place.transpose().doing(DOING)?.flatten())
}

/// The place in a row; none where nothing was purged yet.
fn position(row: &QueryResult) -> Result<Option<Position>, DbErr> {
    let seq: Option<i64> = row.try_get("", "seq")?;
    let epoch = row.try_get("", "epoch")?;
    Ok(seq.map(|seq| Position { epoch, seq }))
}
