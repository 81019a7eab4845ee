//! The tree of sections and their order. When a section moves, everything filed in it or below it moves
//! along. The number of statements does not depend on how much that is.
//!
//! Callers that change the tree must first lock the edition's order ([`WriteTx::lock_order`]).

use khabar_domain::{EditionId, Section, SectionId};
use uuid::Uuid;

use super::PLACES;
use crate::feed::{CacheTag, EntityKind, Facet, Operation};
use crate::query::sql::Sql;
use crate::relations::list_membership::{self, Counts};
use crate::relations::slug;
use crate::session::write_tx::RowLock;
use crate::{Doing, Result, WriteTx};

const DOING: &str = "move a section";

/// Whether a section is the other one or one of its descendants.
pub async fn lies_in(writer: &WriteTx, section: SectionId, other: SectionId) -> Result<bool> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM section_path WHERE section_id = {} AND ancestor_id = {}",
        sql.bind(section.uuid()),
        sql.bind(other.uuid())
    );
    let rows = writer.rows("find where a section lies", sql, text).await?;
    Ok(!rows.is_empty())
}

/// Returns the direct children of a section in order, or the root sections if there is no parent.
pub async fn siblings(
    writer: &WriteTx,
    edition: EditionId,
    parent: Option<SectionId>,
) -> Result<Vec<SectionId>> {
    let found = PLACES.of(writer, |sql: &mut Sql| match parent {
        Some(parent) => format!("parent_id = {}", sql.bind(parent.uuid())),
        None => format!(
            "edition_id = {} AND parent_id IS NULL",
            sql.bind(edition.uuid())
        ),
    });
    Ok(found.await?.into_iter().map(SectionId::new).collect())
}

/// Moves a section to a parent, or to the root if there is none. `at` is its index among its new siblings
/// and defaults to the end. The parent must not be a descendant of the section.
pub async fn place(
    writer: &mut WriteTx,
    section: &Section,
    parent: Option<SectionId>,
    at: Option<usize>,
) -> Result<()> {
    let moved = section.parent != parent;
    let mut keys = Vec::new();
    if moved {
        keys = carry(writer, section.id, parent).await?;
        let mut sql = writer.sql();
        let text = format!(
            "UPDATE section SET parent_id = {} WHERE id = {}",
            sql.bind(parent.map(SectionId::uuid)),
            sql.bind(section.id.uuid())
        );
        writer.run(DOING, sql, text).await?;
    }
    let mut order = siblings(writer, section.edition, parent).await?;
    order.retain(|other| *other != section.id);
    order.insert(at.unwrap_or(order.len()).min(order.len()), section.id);
    let mut shifted = set(writer, &order).await?;
    if moved {
        let left = siblings(writer, section.edition, section.parent).await?;
        shifted.extend(set(writer, &left).await?);
    }
    if !moved && shifted.is_empty() {
        return Ok(());
    }
    keys.extend(
        shifted
            .into_iter()
            .map(|id| CacheTag::one(EntityKind::Section, id)),
    );
    keys.extend(lists(section.edition, section.parent));
    keys.extend(lists(section.edition, parent));
    note(writer, section.id, Operation::Changed, keys);
    Ok(())
}

/// Reorders the sections that share a parent.
pub async fn arrange(
    writer: &mut WriteTx,
    edition: EditionId,
    parent: Option<SectionId>,
    order: &[SectionId],
) -> Result<()> {
    let shifted = set(writer, order).await?;
    let Some(first) = shifted.first().copied() else {
        return Ok(());
    };
    let mut keys: Vec<_> = shifted
        .into_iter()
        .map(|id| CacheTag::one(EntityKind::Section, id))
        .collect();
    keys.extend(lists(edition, parent));
    note(writer, first.into(), Operation::Changed, keys);
    Ok(())
}

/// Deletes a section and the redirects from its former slugs, unless it has articles or children. Returns
/// whether it was deleted. The positions of its siblings are renumbered without a gap.
pub async fn remove(writer: &mut WriteTx, section: &Section) -> Result<bool> {
    const DOING: &str = "take a section away";
    let id = section.id.uuid();
    let mut sql = writer.sql();
    let bound = sql.bind(id);
    let text = format!(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM article WHERE section_id = {bound}) \
         OR EXISTS (SELECT 1 FROM section WHERE parent_id = {bound})"
    );
    if !writer.rows(DOING, sql, text).await?.is_empty() {
        return Ok(false);
    }
    let mut sql = writer.sql();
    let text = format!(
        "DELETE FROM section_path WHERE section_id = {}",
        sql.bind(id)
    );
    writer.run(DOING, sql, text).await?;
    PLACES.remove(writer, id).await?;
    slug::forget(writer, id).await?;
    let left = siblings(writer, section.edition, section.parent).await?;
    let shifted = set(writer, &left).await?;
    let mut keys: Vec<_> = shifted
        .into_iter()
        .map(|id| CacheTag::one(EntityKind::Section, id))
        .collect();
    keys.extend(lists(section.edition, section.parent));
    note(writer, section.id, Operation::Withdrawn, keys);
    Ok(true)
}

/// Moves a section, its descendants and their articles from the listings of its old ancestors to those
/// of its new ones. Returns the cache tags that this changes.
async fn carry(
    writer: &WriteTx,
    section: SectionId,
    parent: Option<SectionId>,
) -> Result<Vec<CacheTag>> {
    let id = section.uuid();
    let below = lock_below(writer, id).await?;
    let mut lost = list_membership::sections_above(writer, id).await?;
    lost.retain(|above| *above != id);
    let gained = match parent {
        Some(parent) => list_membership::sections_above(writer, parent.uuid()).await?,
        None => Vec::new(),
    };
    repath(writer, id, parent).await?;

    let (left, entered) = (without(&lost, &gained), without(&gained, &lost));
    let length = list_membership::length(writer, id).await?;
    list_membership::remove_from(writer, id, &left).await?;
    list_membership::add_to(writer, id, &entered).await?;
    let mut counts = Counts::default();
    for list in &left {
        counts.add_to(*list, EntityKind::Section, -length);
    }
    for list in &entered {
        counts.add_to(*list, EntityKind::Section, length);
    }
    counts.write(writer).await?;

    let paths = below
        .into_iter()
        .map(|id| CacheTag::one(EntityKind::Section, id));
    let recounted = left.into_iter().chain(entered);
    let lists = recounted.map(|id| CacheTag::part(EntityKind::Section, id, Facet::Articles));
    Ok(paths.chain(lists).collect())
}

/// Locks a section, its descendants and their articles. Returns the IDs of the sections.
///
/// Articles are locked first, because a write to an article locks it before its section. They are locked
/// again at the end, to include those filed while waiting for the sections. The deepest sections are
/// locked first, because filing an article locks its section before the counts of the ancestors.
async fn lock_below(writer: &WriteTx, section: Uuid) -> Result<Vec<Uuid>> {
    list_membership::lock(writer, section).await?;
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM section t JOIN section_path p ON p.section_id = t.id \
         WHERE p.ancestor_id = {} ORDER BY p.height DESC, t.id",
        sql.bind(section)
    );
    let strength = RowLock::UpdateOf("t");
    writer.lock_rows(DOING, sql, text, strength).await?;
    list_membership::lock(writer, section).await?;
    below(writer, section).await
}

/// Returns the IDs of a section and all of its descendants.
async fn below(writer: &WriteTx, section: Uuid) -> Result<Vec<Uuid>> {
    const DOING: &str = "find what lies in a section";
    let mut sql = writer.sql();
    let text = format!(
        "SELECT section_id FROM section_path WHERE ancestor_id = {} ORDER BY height, section_id",
        sql.bind(section)
    );
    let rows = writer.rows(DOING, sql, text).await?;
    let ids: Result<Vec<_>, _> = rows
        .iter()
        .map(|row| row.try_get("", "section_id"))
        .collect();
    ids.doing(DOING)
}

/// Rewrites the paths to a section and all of its descendants.
async fn repath(writer: &WriteTx, section: Uuid, parent: Option<SectionId>) -> Result<()> {
    let mut sql = writer.sql();
    let id = sql.bind(section);
    let text = format!(
        "DELETE FROM section_path WHERE section_id IN (SELECT section_id FROM section_path WHERE ancestor_id = {id}) \
         AND ancestor_id IN (SELECT ancestor_id FROM section_path WHERE section_id = {id} AND ancestor_id <> {id})"
    );
    writer.run(DOING, sql, text).await?;
    let mut sql = writer.sql();
    let (id, parent) = (sql.bind(section), sql.bind(parent.map(SectionId::uuid)));
    let text = format!(
        "INSERT INTO section_path (section_id, ancestor_id, height) \
         SELECT d.section_id, a.ancestor_id, d.height + a.height + 1 FROM section_path d CROSS JOIN section_path a \
         WHERE d.ancestor_id = {id} AND a.section_id = {parent}"
    );
    writer.run(DOING, sql, text).await?;
    Ok(())
}

async fn set(writer: &WriteTx, order: &[SectionId]) -> Result<Vec<Uuid>> {
    let order: Vec<_> = order.iter().map(|section| section.uuid()).collect();
    PLACES.set(writer, &order).await
}

/// Returns the cache tags of the lists that contain the children of a section, or the root sections if
/// there is no parent.
fn lists(edition: EditionId, parent: Option<SectionId>) -> Vec<CacheTag> {
    let mut keys = vec![CacheTag::part(
        EntityKind::Edition,
        edition,
        Facet::Sections,
    )];
    keys.extend(parent.map(|parent| CacheTag::part(EntityKind::Section, parent, Facet::Children)));
    keys
}

fn note(writer: &mut WriteTx, section: SectionId, act: Operation, mut keys: Vec<CacheTag>) {
    keys.push(CacheTag::one(EntityKind::Section, section));
    keys.sort_unstable();
    keys.dedup();
    writer.note(EntityKind::Section, section, act, keys);
}

fn without(these: &[Uuid], others: &[Uuid]) -> Vec<Uuid> {
    let rest = these.iter().filter(|id| !others.contains(id));
    rest.copied().collect()
}
