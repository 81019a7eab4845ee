//! The tree of sections: what lies in what, and in which order. What is filed below a section goes
//! where it goes, whatever that is, by as many statements.
//!
//! Whoever changes the tree locks the edition's order first ([`Writer::lock_order`]).

use khabar_domain::{EditionId, Section, SectionId};
use uuid::Uuid;

use super::PLACES;
use crate::change::{Act, Noun, Part};
use crate::listing::{self, Counts};
use crate::sql::Sql;
use crate::writer::Strength;
use crate::{Doing, Result, Writer, slug};

const DOING: &str = "move a section";

/// Whether a section is this other one or lies in it, however deep.
pub async fn lies_in(writer: &Writer, section: SectionId, other: SectionId) -> Result<bool> {
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM section_path WHERE section_id = {} AND ancestor_id = {}",
        sql.bind(section.uuid()),
        sql.bind(other.uuid())
    );
    let rows = writer.rows("find where a section lies", sql, text).await?;
    Ok(!rows.is_empty())
}

/// The sections that lie directly in this one, or in none, in order.
pub async fn siblings(
    writer: &Writer,
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

/// Lets a section lie in this one, or in none, at this place among those that lie there; at the end
/// when that is not said. The parent does not lie in it.
pub async fn place(
    writer: &mut Writer,
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
    keys.extend(shifted.into_iter().map(|id| Noun::Section.key(id)));
    keys.extend(lists(section.edition, section.parent));
    keys.extend(lists(section.edition, parent));
    note(writer, section.id, Act::Changed, keys);
    Ok(())
}

/// Puts the sections that lie together into this order.
pub async fn arrange(
    writer: &mut Writer,
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
        .map(|id| Noun::Section.key(id))
        .collect();
    keys.extend(lists(edition, parent));
    note(writer, first.into(), Act::Changed, keys);
    Ok(())
}

/// Takes a section away with its former slugs, unless something is filed in it or lies in it; tells
/// whether it did. Those after it close up.
pub async fn remove(writer: &mut Writer, section: &Section) -> Result<bool> {
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
        .map(|id| Noun::Section.key(id))
        .collect();
    keys.extend(lists(section.edition, section.parent));
    note(writer, section.id, Act::Withdrawn, keys);
    Ok(true)
}

/// Takes a section with all that lies and is filed in it out of those above and puts it into those
/// above its new place; gives the reading keys of what is different then.
async fn carry(
    writer: &Writer,
    section: SectionId,
    parent: Option<SectionId>,
) -> Result<Vec<String>> {
    let id = section.uuid();
    let below = hold_below(writer, id).await?;
    let mut lost = listing::sections_above(writer, id).await?;
    lost.retain(|above| *above != id);
    let gained = match parent {
        Some(parent) => listing::sections_above(writer, parent.uuid()).await?,
        None => Vec::new(),
    };
    repath(writer, id, parent).await?;

    let (left, entered) = (without(&lost, &gained), without(&gained, &lost));
    let length = listing::length(writer, id).await?;
    listing::take_out(writer, id, &left).await?;
    listing::put_in(writer, id, &entered).await?;
    let mut counts = Counts::default();
    for list in &left {
        counts.tell(*list, Noun::Section, -length);
    }
    for list in &entered {
        counts.tell(*list, Noun::Section, length);
    }
    counts.write(writer).await?;

    let paths = below.into_iter().map(|id| Noun::Section.key(id));
    let recounted = left.into_iter().chain(entered);
    let lists = recounted.map(|id| Noun::Section.list_key(id, Part::Articles));
    Ok(paths.chain(lists).collect())
}

/// Keeps a section, those in it and what is filed in them as they are; gives the sections.
///
/// Articles first: whoever writes one holds it before its section. Then again, for those that came
/// while the sections were waited for. Sections deepest first: whoever files an article holds its
/// section before the counts of those above.
async fn hold_below(writer: &Writer, section: Uuid) -> Result<Vec<Uuid>> {
    listing::hold(writer, section).await?;
    let mut sql = writer.sql();
    let text = format!(
        "SELECT 1 FROM section t JOIN section_path p ON p.section_id = t.id \
         WHERE p.ancestor_id = {} ORDER BY p.height DESC, t.id",
        sql.bind(section)
    );
    let strength = Strength::WholeOf("t");
    writer.hold_rows(DOING, sql, text, strength).await?;
    listing::hold(writer, section).await?;
    below(writer, section).await
}

/// The sections that lie in this one, however deep, itself included.
async fn below(writer: &Writer, section: Uuid) -> Result<Vec<Uuid>> {
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

/// Writes the paths anew of all that lies in a section, itself included.
async fn repath(writer: &Writer, section: Uuid, parent: Option<SectionId>) -> Result<()> {
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

async fn set(writer: &Writer, order: &[SectionId]) -> Result<Vec<Uuid>> {
    let order: Vec<_> = order.iter().map(|section| section.uuid()).collect();
    PLACES.set(writer, &order).await
}

/// The reading keys of the lists that have what lies in this section, or in none.
fn lists(edition: EditionId, parent: Option<SectionId>) -> Vec<String> {
    let mut keys = vec![Noun::Edition.list_key(edition, Part::Sections)];
    keys.extend(parent.map(|parent| Noun::Section.list_key(parent, Part::Children)));
    keys
}

fn note(writer: &mut Writer, section: SectionId, act: Act, mut keys: Vec<String>) {
    keys.push(Noun::Section.key(section));
    keys.sort_unstable();
    keys.dedup();
    writer.note(Noun::Section, section, act, keys);
}

fn without(these: &[Uuid], others: &[Uuid]) -> Vec<Uuid> {
    let rest = these.iter().filter(|id| !others.contains(id));
    rest.copied().collect()
}
