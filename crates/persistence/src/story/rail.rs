//! The rail: the stories that editors pinned, in their order.

use std::collections::BTreeSet;

use khabar_domain::{EditionId, StoryId};
use uuid::Uuid;

use crate::arrange::Places;
use crate::change::{Act, Noun, Part};
use crate::sql::Sql;
use crate::{Result, Writer};

const RAIL: Places = Places {
    table: "story",
    column: "pinned_position",
};

/// The stories on an edition's rail, in order.
pub async fn rail(writer: &Writer, edition: EditionId) -> Result<Vec<StoryId>> {
    let pinned = |sql: &mut Sql| {
        let edition = sql.bind(edition.uuid());
        format!("edition_id = {edition} AND pinned_position IS NOT NULL")
    };
    let found = RAIL.of(writer, pinned).await?;
    Ok(found.into_iter().map(StoryId::new).collect())
}

/// Makes these the stories on an edition's rail, in this order; others leave it. Whoever does locks
/// the edition's order first ([`Writer::lock_order`]).
pub async fn set_rail(writer: &mut Writer, edition: EditionId, order: &[StoryId]) -> Result<()> {
    let old: BTreeSet<Uuid> = rail(writer, edition)
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
            Noun::Story.list_key(id, Part::Rail),
            Noun::Edition.list_key(edition, Part::Stories),
        ];
        writer.note(Noun::Story, id, Act::Changed, keys);
    }
    Ok(())
}
