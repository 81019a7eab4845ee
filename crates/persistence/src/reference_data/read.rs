//! Reading the reference data, or only the rows that were touched.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use khabar_domain::{Media, Section};
use uuid::Uuid;

use super::dirty::DirtySet;
use super::indexed_rows::{Indexed, IndexedRows};
use super::{DirtyRows, MOST, Reference};
use crate::cache::follow::ReadSnapshot;
use crate::query::decode::{Row, TableRow};
use crate::query::lookup::find_by;
use crate::query::sql::Sql;
use crate::tables::{
    edition, follow_channel, live_channel, media, person, section, source, story, topic,
};
use crate::{Doing, ReadSession, Result};

const QUERY: &str = "reference_data";

impl ReadSnapshot for Reference {
    /// Returns `None` if there are too many rows of a kind that cannot be left out.
    async fn read(reader: &ReadSession, old: &Self, touched: &DirtyRows) -> Result<Option<Self>> {
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
        let people = table("person", "")
            .read_unless_too_many::<person::table::Model>(old.people.as_ref(), &touched.people)
            .await?;
        let topics = table("topic", "")
            .read_unless_too_many::<topic::table::Model>(old.topics.as_ref(), &touched.topics)
            .await?;
        let mut read = Self {
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
            people,
            topics,
            media: Arc::default(),
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
}

/// A table to read rows from.
struct Table<'a> {
    reader: &'a ReadSession,
    name: &'static str,
    /// A condition that applies to every row, ending with `AND`, or empty.
    condition: &'static str,
    everything: bool,
}

impl Table<'_> {
    /// Returns an index in which the touched rows are read again.
    async fn read<R>(
        self,
        old: &Arc<IndexedRows<R::Means>>,
        anew: &DirtySet,
    ) -> Result<Arc<IndexedRows<R::Means>>>
    where
        R: Row<Means: Indexed> + TableRow,
    {
        if anew.is_empty() && !self.everything {
            return Ok(Arc::clone(old));
        }
        let mut read = HashMap::new();
        if self.everything {
            let every = |_: &mut Sql| "TRUE".to_owned();
            read.extend(self.find::<R>(every).await?);
        }
        // Two statements, each of which uses its index. A combined condition would use neither.
        if !anew.ids.is_empty() {
            let ids = |sql: &mut Sql| sql.among("t.id", anew.ids.iter().copied());
            read.extend(self.find::<R>(ids).await?);
        }
        if !anew.of.is_empty() {
            let of = |sql: &mut Sql| sql.among("t.edition_id", anew.of.iter().copied());
            read.extend(self.find::<R>(of).await?);
        }
        let read: HashMap<_, _> = read
            .into_iter()
            .map(|(id, row)| (id, Arc::new(row)))
            .collect();
        if !self.everything
            && anew.of.is_empty()
            && let Some(rows) = old.replacing(&anew.ids, &read)
        {
            return Ok(Arc::new(rows));
        }
        let stays = |row: &&Arc<R::Means>| {
            let anew = anew.ids.contains(&row.id()) || anew.of.contains(&row.edition());
            !anew && !self.everything && !read.contains_key(&row.id())
        };
        let unchanged: Vec<_> = old.rows().filter(stays).cloned().collect();
        let rows = unchanged.into_iter().chain(read.into_values());
        Ok(Arc::new(rows.collect()))
    }

    /// Returns an index as [`Table::read`] does, or `None` if there are too many rows. Once there are, the
    /// rows are left out until everything is read again.
    async fn read_unless_too_many<R>(
        self,
        old: Option<&Arc<IndexedRows<R::Means>>>,
        anew: &DirtySet,
    ) -> Result<Option<Arc<IndexedRows<R::Means>>>>
    where
        R: Row<Means: Indexed> + TableRow,
    {
        let name = self.name;
        let nothing = Arc::default();
        let old = if self.everything {
            (!self.has_too_many().await?).then_some(&nothing)
        } else if old.is_none() {
            return Ok(None);
        } else {
            old
        };
        if let Some(old) = old {
            let rows = self.read::<R>(old, anew).await?;
            if rows.rows().len() <= MOST {
                return Ok(Some(rows));
            }
        }
        tracing::warn!(table = name, most = MOST, "reference_data_left_out");
        Ok(None)
    }

    /// Whether there are too many rows. Counts at most one more than are allowed, and reads none.
    async fn has_too_many(&self) -> Result<bool> {
        let rows = format!("SELECT 1 FROM {} LIMIT {}", self.name, MOST + 1);
        let text = format!("SELECT count(*) AS count FROM ({rows}) t");
        let rows = self.reader.rows(QUERY, self.reader.sql(), text).await?;
        let count = rows.first().map_or(Ok(0), |row| row.try_get("", "count"));
        let count: i64 = count.doing("count the rows of reference data")?;
        Ok(usize::try_from(count).is_ok_and(|count| count > MOST))
    }

    /// Finds the rows that match a condition. Reads at most one row more than is allowed, which reveals
    /// that there are too many.
    async fn find<R>(
        &self,
        which: impl FnOnce(&mut Sql) -> String,
    ) -> Result<HashMap<Uuid, R::Means>>
    where
        R: Row<Means: Indexed> + TableRow,
    {
        let Self {
            name, condition, ..
        } = self;
        let which = |sql: &mut Sql| {
            let which = which(sql);
            let condition = format!("{condition}{which} LIMIT {}", MOST + 1);
            (format!("{name} t"), condition)
        };
        find_by::<R, _>(self.reader, QUERY, which, Indexed::id).await
    }
}

/// Returns the direct children of each section, in order.
fn children(sections: &IndexedRows<Section>) -> HashMap<Uuid, Vec<Arc<Section>>> {
    let mut children: HashMap<Uuid, Vec<Arc<Section>>> = HashMap::new();
    for section in sections.rows() {
        if let Some(parent) = section.parent {
            let siblings = children.entry(parent.into()).or_default();
            siblings.push(Arc::clone(section));
        }
    }
    children
}

/// Returns the media that are shown. Those that were shown before and not touched are reused.
async fn pictures(
    reader: &ReadSession,
    read: &Reference,
    old: &Reference,
    touched: &DirtyRows,
) -> Result<Arc<HashMap<Uuid, Arc<Media>>>> {
    let reuses = touched.media.is_empty()
        && !touched.everything
        && read.shown().all(|id| old.media.contains_key(&id))
        // Bounds the media that are no longer shown.
        && old.media.len() <= read.shown().count();
    if reuses {
        return Ok(Arc::clone(&old.media));
    }
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
        return Ok(Arc::new(pictures));
    }
    let which = |sql: &mut Sql| ("media t".to_owned(), sql.among("t.id", missing));
    let id = |media: &Media| Uuid::from(media.id);
    let read = find_by::<media::table::Model, _>(reader, QUERY, which, id).await?;
    pictures.extend(read.into_iter().map(|(id, media)| (id, Arc::new(media))));
    Ok(Arc::new(pictures))
}
