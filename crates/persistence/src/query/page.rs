//! Pagination: reading part of a list, starting from a cursor.
//!
//! Pages use keyset pagination. A cursor holds the whole sort key, so the thousandth page costs as much
//! as the first, and items added in the meantime do not shift the others. The cursor and the `ORDER BY`
//! clause are derived from the same `Order`, so they cannot disagree.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use khabar_domain::Invalid;
use uuid::Uuid;

use crate::cache::{CacheMeta, Cacheable};
use crate::query::cooperative::Pace;
use crate::query::cursor::{Cursor, SortKey, Source};
use crate::query::decode::{Row, RowDecoder};
use crate::query::include::{EagerLoad, NoIncludes};
use crate::query::row::broken;
use crate::query::sql::{Dialect, Sql};
use crate::{BatchKey, Error, ReadSession, Result};

/// A range of a list: the first `size` items after a cursor, or the last `size` items before one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    pub(super) size: u16,
    pub(super) backward: bool,
    pub(super) after: Option<Cursor>,
    pub(super) before: Option<Cursor>,
}

impl Page {
    /// The default number of items on a page.
    pub const DEFAULT: u16 = 20;
    /// The maximum number of items on a page. This fills a few screens of an app. Anything larger is an
    /// export.
    pub const MAX: u16 = 100;

    /// Requests the first items of a list. A size above [`Page::MAX`] is reduced to it.
    pub fn first(size: u16) -> Self {
        Self {
            size: size.min(Self::MAX),
            backward: false,
            after: None,
            before: None,
        }
    }

    /// Creates a page from Relay's pagination arguments. Without `first` and `last`, the size is
    /// [`Page::DEFAULT`].
    ///
    /// Returns an error if both `first` and `last` are given, or if the size is not between 0 and
    /// [`Page::MAX`].
    pub fn parse(
        first: Option<i32>,
        after: Option<Cursor>,
        last: Option<i32>,
        before: Option<Cursor>,
    ) -> Result<Self, Invalid> {
        let (name, size, backward) = match (first, last) {
            (Some(_), Some(_)) => {
                return Err(Invalid::new(
                    "first",
                    "and last cannot be asked for together",
                ));
            }
            (None, Some(last)) => ("last", last, true),
            (Some(first), None) => ("first", first, false),
            (None, None) => ("first", i32::from(Self::DEFAULT), false),
        };
        let size = u16::try_from(size)
            .ok()
            .filter(|size| *size <= Self::MAX)
            .ok_or_else(|| {
                Invalid::new(
                    name,
                    format!("is {size}; it must be from 0 to {}", Self::MAX),
                )
            })?;
        Ok(Self {
            size,
            backward,
            after,
            before,
        })
    }

    /// Returns the requested number of items.
    pub fn size(self) -> u16 {
        self.size
    }

    /// Cuts this page from a list whose beginning is already known, given as pairs of key and
    /// item. Returns `None` if the page uses a cursor or is counted from the end.
    pub(crate) fn head<'a, T: Clone + 'a>(
        self,
        order: &Order,
        items: impl Iterator<Item = (SortKey, &'a Arc<T>)>,
    ) -> Option<Slice<T>> {
        if self.backward || self.after.is_some() || self.before.is_some() {
            return None;
        }
        let items = items.take(usize::from(self.size) + 1);
        let items = items.map(|(key, item)| {
            let cursor = Cursor::of(order.source, key);
            (Some(cursor), Some(T::clone(item)))
        });
        Some(cut(items.collect(), self))
    }

    /// Rejects a cursor from a list in another order, or one that no list can have produced.
    pub(crate) fn check(self, order: &Order) -> Result<(), Invalid> {
        for (name, cursor) in [("after", self.after), ("before", self.before)] {
            let Some(cursor) = cursor else { continue };
            cursor.check(name, order.source)?;
            if order.sorts == SortKind::Times && !WRITABLE.contains(&cursor.key.value) {
                return Err(Invalid::new(name, "is not a cursor that this API gave out"));
            }
        }
        Ok(())
    }
}

/// The accepted times, from year 0000 to year 9999, in microseconds since 1970. SQLite compares times
/// as text, and PostgreSQL cannot represent times far outside this range.
const WRITABLE: Range<i64> = -62_167_219_200_000_000..253_402_300_800_000_000;

/// A page of results: its items with their cursors, and whether there are more items on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items in list order, each with its cursor. Items that cannot be read are omitted.
    pub items: Vec<(Cursor, T)>,
    /// The cursor of the first item on the page, even if that item was omitted.
    pub start: Option<Cursor>,
    /// The cursor of the last item on the page, even if that item was omitted.
    pub end: Option<Cursor>,
    /// Whether more items follow this page.
    pub has_next: bool,
    /// Whether there are items before this page.
    pub has_previous: bool,
}

impl<T> Default for Slice<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            start: None,
            end: None,
            has_next: false,
            has_previous: false,
        }
    }
}

impl<T> Slice<T> {
    /// Returns the items without their cursors.
    pub fn into_items(self) -> Vec<T> {
        self.items.into_iter().map(|(_, item)| item).collect()
    }
}

impl<T: Cacheable> Cacheable for Slice<T> {
    fn describe(&self, meta: &mut CacheMeta) {
        meta.bytes(size_of_val(self.items.as_slice()));
        for (_, item) in &self.items {
            item.describe(meta);
        }
    }
}

/// A batch key whose value is one page of a list.
pub trait PageKey: BatchKey<Value = Slice<Self::Item>> {
    /// The type of the items in the list.
    type Item;

    /// Rejects a page whose cursors come from a list in another order. The check runs before the key
    /// joins a batch, so that an invalid cursor does not fail other requests in the batch.
    fn check(&self) -> Result<(), Invalid>;
}

/// The sort order of a list: a column, with the id as the tie-breaker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The source that cursors of this order name.
    pub(crate) source: Source,
    pub(crate) column: &'static str,
    pub(crate) id: &'static str,
    pub(crate) sorts: SortKind,
    pub(crate) descending: bool,
}

/// The type of the values by which a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKind {
    /// Counts (64 bits).
    Counts,
    /// Positions in a manually arranged order (32 bits).
    Places,
    /// Timestamps.
    Times,
}

impl Order {
    fn bind(&self, sql: &mut Sql, cursor: Cursor) -> Result<(String, String), Invalid> {
        let value = match self.sorts {
            SortKind::Counts | SortKind::Places => sql.bind(cursor.key.value),
            SortKind::Times => {
                let time = DateTime::from_timestamp_micros(cursor.key.value).ok_or_else(|| {
                    Invalid::new("the cursor", "is not one that this API gave out")
                })?;
                sql.bind(time)
            }
        };
        Ok((value, sql.bind(cursor.key.id)))
    }

    fn cursor(&self, cells: &mut RowDecoder<'_>) -> Result<Cursor> {
        let value = match self.sorts {
            SortKind::Counts => cells.take()?,
            SortKind::Places => cells.take::<i32>()?.into(),
            SortKind::Times => cells.take::<DateTime<Utc>>()?.timestamp_micros(),
        };
        let id = cells.take()?;
        Ok(Cursor::of(self.source, SortKey { value, id }))
    }
}

/// A kind of list of which each parent has one, such as the articles of a story.
pub(crate) struct KeysetQuery<'a> {
    /// The description of the read, which completes the sentence "could not …".
    pub(crate) query: &'static str,
    /// The table to read from. The statement uses the alias `t` for it.
    pub(crate) table: &'static str,
    /// The column of `t` that refers to the parent, or `None` if the whole table is one list.
    pub(crate) parent: Option<&'static str>,
    pub(crate) order: &'a Order,
    /// The columns to read for each item, from `t` or from the joined tables.
    pub(crate) select: &'a str,
    /// The join that is applied to the items on the page, such as `JOIN article a ON …`.
    pub(crate) join: &'a str,
}

impl KeysetQuery<'_> {
    /// Reads one page of every parent's list in a single statement. The cost grows with the number of
    /// parents times the page size, and not with the length of the lists. `filter` returns a further
    /// condition on `t`.
    pub(crate) async fn page<R: Row>(
        &self,
        reader: &ReadSession,
        parents: &[Uuid],
        page: Page,
        filter: impl FnOnce(&mut Sql) -> String,
    ) -> Result<Vec<Slice<R::Means>>> {
        self.page_with::<R>(reader, parents, page, filter, &mut NoIncludes)
            .await
    }

    /// Reads one page of every parent's list like [`KeysetQuery::page`], and the data that `includes` selects
    /// for each item.
    pub(crate) async fn page_with<R: Row>(
        &self,
        reader: &ReadSession,
        parents: &[Uuid],
        page: Page,
        filter: impl FnOnce(&mut Sql) -> String,
        includes: &mut impl EagerLoad<R::Means>,
    ) -> Result<Vec<Slice<R::Means>>> {
        page.check(self.order)?;
        let mut sql = reader.sql();
        let beside = includes.select(sql.dialect);
        let text = self.text(&mut sql, parents, page, filter, &beside)?;
        let rows = reader.rows(self.query, sql, text).await?;
        let mut lists: Vec<Vec<Read<R::Means>>> = Vec::new();
        lists.resize_with(parents.len(), Vec::new);
        let mut pace = Pace::new();
        for row in &rows {
            pace.step().await;
            let mut cells = reader.cells(row, self.query)?;
            let place: i64 = cells.take()?;
            let cursor = self.cursor(&mut cells)?;
            let item = match cursor {
                Some(_) => cells.perhaps::<R>()?,
                None => None,
            };
            if let Some(item) = &item {
                includes.read(&mut cells, item)?;
            }
            let list = usize::try_from(place - 1)
                .ok()
                .and_then(|place| lists.get_mut(place));
            list.ok_or_else(|| self.misplaced(place))?
                .push((cursor, item));
        }
        Ok(lists.into_iter().map(|items| cut(items, page)).collect())
    }

    /// Reads the whole list of each key's parent, up to the maximum size of a page, and the data that
    /// `includes` selects for each item.
    pub(crate) async fn all<R: Row, K: BatchKey>(
        &self,
        reader: &ReadSession,
        keys: &[K],
        parent: impl Fn(&K) -> Uuid,
        filter: impl FnOnce(&mut Sql) -> String,
        includes: &mut impl EagerLoad<R::Means>,
    ) -> Result<HashMap<K, Vec<R::Means>>> {
        let parents: Vec<_> = keys.iter().map(parent).collect();
        let page = Page::first(Page::MAX);
        let lists = self.page_with::<R>(reader, &parents, page, filter, includes);
        let lists = lists.await?.into_iter().map(Slice::into_items);
        Ok(keys.iter().cloned().zip(lists).collect())
    }

    /// Reads the cursor of an item. Returns `None` if it cannot be read.
    fn cursor(&self, cells: &mut RowDecoder<'_>) -> Result<Option<Cursor>> {
        const PLACE: usize = 1;
        let cursor = self.order.cursor(cells);
        let cursor = cursor.map_err(|error| cells.undecodable(self.table, PLACE + 1, error));
        cells.unless_broken(cursor)
    }

    fn misplaced(&self, place: i64) -> Error {
        let problem = "was answered for, and not asked for";
        broken(self.table, "the parent", place)(Invalid::new("it", problem))
    }

    fn text(
        &self,
        sql: &mut Sql,
        parents: &[Uuid],
        page: Page,
        filter: impl FnOnce(&mut Sql) -> String,
        beside: &str,
    ) -> Result<String> {
        let Self {
            table,
            select,
            join,
            ..
        } = self;
        let of_parent = self
            .parent
            .map_or_else(|| "TRUE".to_owned(), |parent| format!("t.{parent} = p.id"));
        let Order {
            column,
            id,
            descending,
            ..
        } = *self.order;
        let parents = sql.parents(parents.iter().copied());
        let mut conditions = filter(sql);
        let (later, earlier) = if descending { ("<", ">") } else { (">", "<") };
        for (cursor, side) in [(page.after, later), (page.before, earlier)] {
            if let Some(cursor) = cursor {
                let (value, at) = self.order.bind(sql, cursor)?;
                let bound = format!(" AND (t.{column}, t.{id}) {side} ({value}, {at})");
                conditions.push_str(&bound);
            }
        }
        let inward = if descending == page.backward {
            "ASC"
        } else {
            "DESC"
        };
        let outward = if descending { "DESC" } else { "ASC" };
        // Read one item more than requested, to find out whether there is a next page. The limit is
        // part of the text and not a bound value: a plan made for an unknown limit assumes a tenth of
        // the list, and sorts all of it.
        let limit = page.size + 1;
        let head = format!("SELECT p.place, t.{column}, t.{id}, {select}{beside} FROM {parents}");
        let tail = format!("{join} ORDER BY p.place, t.{column} {outward}, t.{id} {outward}");
        // In the subquery, `t` is the row of the list. Outside of it, `t` is the item on the page.
        let wanted = |what: &str| {
            format!(
                "SELECT {what} FROM {table} t WHERE {of_parent}{conditions} \
                 ORDER BY t.{column} {inward}, t.{id} {inward} LIMIT {limit}"
            )
        };
        Ok(match sql.dialect {
            Dialect::Postgres => format!("{head} CROSS JOIN LATERAL ({}) t {tail}", wanted("t.*")),
            // SQLite has no LATERAL. A correlated IN lets the planner look the rows up by their rowid.
            Dialect::Sqlite => {
                format!(
                    "{head} CROSS JOIN {table} t ON t.rowid IN ({}) {tail}",
                    wanted("t.rowid")
                )
            }
        })
    }
}

/// An item and its cursor. Each is `None` if it cannot be read.
pub(super) type Read<T> = (Option<Cursor>, Option<T>);

/// Removes the extra item at the end towards which the page was read. Then removes the items that
/// cannot be read, although they still count towards the page size. A page that is bounded by a cursor
/// has at least one item beyond it: the item that the cursor refers to.
pub(super) fn cut<T>(mut items: Vec<Read<T>>, page: Page) -> Slice<T> {
    let size = usize::from(page.size);
    let more = items.len() > size;
    let (has_next, has_previous) = if page.backward {
        items.drain(..items.len().saturating_sub(size));
        (page.before.is_some(), more || page.after.is_some())
    } else {
        items.truncate(size);
        (more || page.before.is_some(), page.after.is_some())
    };
    let start = items.iter().find_map(|(cursor, _)| *cursor);
    let end = items.iter().rev().find_map(|(cursor, _)| *cursor);
    Slice {
        items: items
            .into_iter()
            .filter_map(|(cursor, item)| cursor.zip(item))
            .collect(),
        start,
        end,
        has_next,
        has_previous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(Page::parse(None, None, None, None).unwrap().size(), 20);
        assert_eq!(
            Page::parse(Some(101), None, None, None)
                .unwrap_err()
                .to_string(),
            "first is 101; it must be from 0 to 100"
        );
        assert_eq!(
            Page::parse(None, None, Some(-1), None)
                .unwrap_err()
                .to_string(),
            "last is -1; it must be from 0 to 100"
        );
        assert!(Page::parse(Some(1), None, Some(1), None).is_err());
    }
}
