//! The rail: the pinned stories of an edition, in the editors' order.

use std::marker::PhantomData;

use khabar_domain::{EditionId, StoryId};

use crate::feed::{EntityKind, Facet};
use crate::relations::ordering::{EditionOrder, Ordering};
use crate::{Result, WriteTx};

pub(super) const RAIL: EditionOrder<StoryId> = EditionOrder {
    ordering: Ordering {
        table: "story",
        column: "pinned_position",
    },
    entity: EntityKind::Story,
    facet: Some(Facet::Rail),
    list: Facet::Stories,
    id: PhantomData,
};

/// Returns the pinned stories of an edition, in order.
pub async fn pinned(writer: &WriteTx, edition: EditionId) -> Result<Vec<StoryId>> {
    RAIL.ids(writer, edition).await
}

/// Sets the pinned stories of an edition, in this order. All other stories of the edition are unpinned.
/// The caller first locks the edition's order ([`WriteTx::lock_order`]).
pub async fn set_pinned(writer: &mut WriteTx, edition: EditionId, order: &[StoryId]) -> Result<()> {
    let mut unpinned = RAIL.ids(writer, edition).await?;
    unpinned.retain(|id| !order.contains(id));
    unpinned.sort_unstable();
    let mut sql = writer.sql();
    let among = sql.among("id", unpinned.iter().map(|id| id.uuid()));
    let text = format!("UPDATE story SET pinned_position = NULL WHERE {among}");
    writer.run("take stories from the rail", sql, text).await?;
    for id in unpinned {
        RAIL.note_moved(writer, edition, id.uuid());
    }
    RAIL.arrange(writer, edition, order).await
}
