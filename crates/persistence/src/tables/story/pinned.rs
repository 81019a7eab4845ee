//! The rail: the pinned stories of an edition, in the editors' order.

use std::collections::BTreeSet;

use khabar_domain::{EditionId, StoryId};
use uuid::Uuid;

use crate::feed::{CacheTag, EntityKind, Facet, Operation};
use crate::query::sql::Sql;
use crate::relations::ordering::Ordering;
use crate::{Result, WriteTx};

pub(super) const RAIL: Ordering = Ordering {
    table: "story",
    column: "pinned_position",
};

/// Returns the pinned stories of an edition, in order.
pub async fn pinned(writer: &WriteTx, edition: EditionId) -> Result<Vec<StoryId>> {
    let pinned = |sql: &mut Sql| {
        let edition = sql.bind(edition.uuid());
        format!("edition_id = {edition} AND pinned_position IS NOT NULL")
    };
    let found = RAIL.of(writer, pinned).await?;
    Ok(found.into_iter().map(StoryId::new).collect())
}

/// Sets the pinned stories of an edition, in this order. All other stories of the edition are unpinned.
/// The caller first locks the edition's order ([`WriteTx::lock_order`]).
pub async fn set_pinned(writer: &mut WriteTx, edition: EditionId, order: &[StoryId]) -> Result<()> {
    let old: BTreeSet<Uuid> = pinned(writer, edition)
        .await?
        .into_iter()
        .map(StoryId::uuid)
        .collect();
    let order: Vec<_> = order.iter().map(|story| story.uuid()).collect();
    let left: Vec<_> = old.into_iter().filter(|id| !order.contains(id)).collect();
    let mut sql = writer.sql();
    let among = sql.among("id", left.iter().copied());
    let text = format!("UPDATE story SET pinned_position = NULL WHERE {among}");
    writer.run("take stories from the rail", sql, text).await?;
    let moved = RAIL.set(writer, &order).await?;
    for id in left.into_iter().chain(moved) {
        let keys = vec![
            CacheTag::part(EntityKind::Story, id, Facet::Rail),
            CacheTag::part(EntityKind::Edition, edition, Facet::Stories),
        ];
        writer.note(EntityKind::Story, id, Operation::Changed, keys);
    }
    Ok(())
}
