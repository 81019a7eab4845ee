//! Reading the reference data, or what was touched of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use khabar_domain::{Media, Section};
use uuid::Uuid;

use super::shelf::{Filed, Shelf};
use super::touched::Anew;
use super::{MOST, Reference, Touched};
use crate::cells::Stored;
use crate::row::{Row, find_by};
use crate::sql::Sql;
use crate::{Reader, Result, edition, follow_channel, live_channel, media, section, source, story};

const DOING: &str = "read the reference data";

/// Reads what was touched; the rest is as it was. None when there is too much of it.
///
/// Each row is as it was at some moment since this was asked for. Whether all of them still are is
/// for the caller to find out.
pub(crate) async fn read(
    reader: &Reader,
    old: &Reference,
    touched: &Touched,
) -> Result<Option<Reference>> {
    let table = |name, condition| Table {
        reader,
        name,
        condition,
        everything: touched.everything,
    };
    let editions = table("edition", "")
        .read::<edition::table::Model>(&old.editions, &touched.editions)
        .await?;
    let met_editions = reader.met().rows().len();
    let sections = table("section", "")
        .read::<section::table::Model>(&old.sections, &touched.sections)
        .await?;
    let sources = table("source", "")
        .read::<source::table::Model>(&old.sources, &touched.sources)
        .await?;
    let live_channels = table("live_channel", "")
        .read::<live_channel::table::Model>(&old.live_channels, &touched.live_channels)
        .await?;
    let follow_channels = table("follow_channel", "")
        .read::<follow_channel::table::Model>(&old.follow_channels, &touched.follow_channels)
        .await?;
    let rails = table("story", "t.pinned_position IS NOT NULL AND ")
        .read::<story::table::Model>(&old.rails, &touched.stories)
        .await?;
    let mut read = Reference {
        children: if Arc::ptr_eq(&sections, &old.sections) {
            Arc::clone(&old.children)
        } else {
            Arc::new(children(&sections))
        },
        editions,
        sections,
        sources,
        live_channels,
        follow_channels,
        rails,
        media: HashMap::new(),
        broken: HashMap::new(),
        lacks_editions: met_editions > 0 || old.lacks_editions && !touched.everything,
    };
    if read.most() > MOST {
        return Ok(None);
    }
    read.media = pictures(reader, &read, old, touched).await?;
    if !touched.everything {
        read.broken.clone_from(&old.broken);
    }
    let met = reader.met().rows();
    read.broken.extend(
        met.iter()
            .filter_map(|row| Some((row.row.parse().ok()?, row.key()))),
    );
    Ok(Some(read))
}

/// A table of which rows are read.
struct Table<'a> {
    reader: &'a Reader,
    name: &'static str,
    /// What holds for each of them, ended by `AND`.
    condition: &'static str,
    everything: bool,
}

impl Table<'_> {
    /// The shelf with these rows read anew.
    async fn read<R>(self, old: &Arc<Shelf<R::Means>>, anew: &Anew) -> Result<Arc<Shelf<R::Means>>>
    where
        R: Row<Means: Filed> + Stored,
    {
        if anew.is_empty() && !self.everything {
            return Ok(Arc::clone(old));
        }
        let mut read = HashMap::new();
        if self.everything {
            let every = |_: &mut Sql| "TRUE".to_owned();
            read.extend(self.find::<R>(every).await?);
        }
        // Each by its index, which a condition on both would not find.
        if !anew.ids.is_empty() {
            let ids = |sql: &mut Sql| sql.among("t.id", anew.ids.iter().copied());
            read.extend(self.find::<R>(ids).await?);
        }
        if !anew.of.is_empty() {
            let of = |sql: &mut Sql| sql.among("t.edition_id", anew.of.iter().copied());
            read.extend(self.find::<R>(of).await?);
        }
        let stays = |row: &&Arc<R::Means>| {
            let anew = anew.ids.contains(&row.id()) || anew.of.contains(&row.edition());
            !anew && !self.everything && !read.contains_key(&row.id())
        };
        let kept: Vec<_> = old.rows().filter(stays).cloned().collect();
        let rows = kept.into_iter().chain(read.into_values().map(Arc::new));
        Ok(Arc::new(rows.collect()))
    }

    /// The rows for which this holds; of too many one more than fit, which tells that they are.
    async fn find<R>(
        &self,
        which: impl FnOnce(&mut Sql) -> String,
    ) -> Result<HashMap<Uuid, R::Means>>
    where
        R: Row<Means: Filed> + Stored,
    {
        let Self {
            name, condition, ..
        } = self;
        let which = |sql: &mut Sql| {
            let which = which(sql);
            let condition = format!("{condition}{which} LIMIT {}", MOST + 1);
            (format!("{name} t"), condition)
        };
        find_by::<R, _>(self.reader, DOING, which, Filed::id).await
    }
}

/// Those that lie directly in each section, in order.
fn children(sections: &Shelf<Section>) -> HashMap<Uuid, Vec<Arc<Section>>> {
    let mut children: HashMap<Uuid, Vec<Arc<Section>>> = HashMap::new();
    for section in sections.rows() {
        if let Some(parent) = section.parent {
            let siblings = children.entry(parent.into()).or_default();
            siblings.push(Arc::clone(section));
        }
    }
    children
}

/// The pictures that are shown: those that were shown before and not touched are known.
async fn pictures(
    reader: &Reader,
    read: &Reference,
    old: &Reference,
    touched: &Touched,
) -> Result<HashMap<Uuid, Arc<Media>>> {
    let shown: BTreeSet<_> = read.shown().collect();
    let known = |id: &Uuid| {
        let stays = !touched.everything && !touched.media.contains(id);
        let picture = old.media.get(id).filter(|_| stays)?;
        Some((*id, Arc::clone(picture)))
    };
    let mut pictures: HashMap<_, _> = shown.iter().filter_map(known).collect();
    let missing: Vec<_> = shown
        .into_iter()
        .filter(|id| !pictures.contains_key(id))
        .collect();
    if missing.is_empty() {
        return Ok(pictures);
    }
    let which = |sql: &mut Sql| ("media t".to_owned(), sql.among("t.id", missing));
    let id = |media: &Media| Uuid::from(media.id);
    let read = find_by::<media::table::Model, _>(reader, DOING, which, id).await?;
    pictures.extend(read.into_iter().map(|(id, media)| (id, Arc::new(media))));
    Ok(pictures)
}
