//! A page: some items of a list, from a place that a cursor remembers.
//!
//! Pages are keyset pages: a cursor holds the whole sort key, so the thousandth page costs what
//! the first one costs, and an item that arrives meanwhile shifts nothing. The cursor and the
//! `ORDER BY` come from one `Order`, so they cannot disagree.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use khabar_domain::Invalid;
use uuid::Uuid;

use crate::cells::Cells;
use crate::pace::Pace;
use crate::row::{Row, broken};
use crate::sql::{Dialect, Sql};
use crate::with::Company;
use crate::{BatchKey, Error, Reader, Result};

/// A place in a list: the sort key of the item that stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    order: u8,
    value: i64,
    id: Uuid,
}

impl Cursor {
    const LENGTH: usize = 1 + 8 + 16;

    /// The cursor's bytes: the order's tag, the sort value, the id.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0] = self.order;
        bytes[1..9].copy_from_slice(&self.value.to_be_bytes());
        bytes[9..].copy_from_slice(self.id.as_bytes());
        bytes
    }

    /// The cursor that these bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        let refuse = || Invalid::new("the cursor", "is not one that this API gave out");
        let bytes: [u8; Self::LENGTH] = bytes.try_into().map_err(|_| refuse())?;
        let mut value = [0; 8];
        value.copy_from_slice(&bytes[1..9]);
        let id = Uuid::from_slice(&bytes[9..]).map_err(|_| refuse())?;
        Ok(Self {
            order: bytes[0],
            value: i64::from_be_bytes(value),
            id,
        })
    }
}

/// Which items of a list: the `size` first after a place, or the `size` last before one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    size: u16,
    backward: bool,
    after: Option<Cursor>,
    before: Option<Cursor>,
}

impl Page {
    /// How many items a page has when nobody says.
    pub const DEFAULT: u16 = 20;
    /// How many items a page may have: an app's list of a few screens; more is an export.
    pub const MAX: u16 = 100;

    /// The first items of a list; more than [`Page::MAX`] are cut to it.
    pub fn first(size: u16) -> Self {
        Self {
            size: size.min(Self::MAX),
            backward: false,
            after: None,
            before: None,
        }
    }

    /// A page as Relay's arguments ask for it.
    ///
    /// Refused: `first` and `last` together, and a size outside 0 to [`Page::MAX`].
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
                Invalid::new(name, format!("is {size}: it may be 0 to {}", Self::MAX))
            })?;
        Ok(Self {
            size,
            backward,
            after,
            before,
        })
    }

    /// How many items were asked for.
    pub fn size(self) -> u16 {
        self.size
    }

    /// This page of a list that is known from its start, as `(place, id)` and item; none when it
    /// begins or ends at a cursor or is counted from the end.
    pub(crate) fn head<'a, T: Clone + 'a>(
        self,
        order: &Order,
        items: impl Iterator<Item = ((i64, Uuid), &'a Arc<T>)>,
    ) -> Option<Slice<T>> {
        if self.backward || self.after.is_some() || self.before.is_some() {
            return None;
        }
        let items = items.take(usize::from(self.size) + 1);
        let items = items.map(|((value, id), item)| {
            let order = order.tag;
            (Some(Cursor { order, value, id }), Some(T::clone(item)))
        });
        Some(cut(items.collect(), self))
    }

    /// Refuses a cursor that came from a list in another order, or that no list can have given.
    pub(crate) fn check(self, order: &Order) -> Result<(), Invalid> {
        for (name, cursor) in [("after", self.after), ("before", self.before)] {
            let Some(cursor) = cursor else { continue };
            if cursor.order != order.tag {
                return Err(Invalid::new(
                    name,
                    "is a cursor of another list, or of this list in another order",
                ));
            }
            if order.sorts == Sorts::Times && !WRITABLE.contains(&cursor.value) {
                return Err(Invalid::new(name, "is not a cursor that this API gave out"));
            }
        }
        Ok(())
    }
}

/// The years 0000 to 9999, in microseconds since 1970: SQLite compares times by their text, and
/// PostgreSQL has no times far from these.
const WRITABLE: Range<i64> = -62_167_219_200_000_000..253_402_300_800_000_000;

/// A page that was read: its items, each with its place, and what lies beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<T> {
    /// The items, in the list's order, each with its place; without those that cannot be read.
    pub items: Vec<(Cursor, T)>,
    /// The place of the first item, though it may be left out.
    pub start: Option<Cursor>,
    /// The place of the last item, though it may be left out.
    pub end: Option<Cursor>,
    /// Whether items follow the last one.
    pub has_next: bool,
    /// Whether items precede the first one.
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
    /// The items alone.
    pub fn into_items(self) -> Vec<T> {
        self.items.into_iter().map(|(_, item)| item).collect()
    }
}

/// A question that is answered by a page of a list.
pub trait Paged: BatchKey<Value = Slice<Self::Item>> {
    /// What the list holds.
    type Item;

    /// Refuses a page whose cursors came from a list in another order. Asked before the question
    /// joins a batch, so that a bad cursor fails nobody else's.
    fn check(&self) -> Result<(), Invalid>;
}

/// What a list is sorted by: a column, and the id where that is equal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Tells its cursors from those of other orders; never given to another order again.
    pub(crate) tag: u8,
    pub(crate) column: &'static str,
    pub(crate) id: &'static str,
    pub(crate) sorts: Sorts,
    pub(crate) descending: bool,
}

/// What kind of value a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sorts {
    /// Counts (64 bits).
    Counts,
    /// Places in a hand-made order (32 bits).
    Places,
    /// Moments.
    Times,
}

impl Order {
    fn bind(&self, sql: &mut Sql, cursor: Cursor) -> Result<(String, String), Invalid> {
        let value = match self.sorts {
            Sorts::Counts | Sorts::Places => sql.bind(cursor.value),
            Sorts::Times => {
                let time = DateTime::from_timestamp_micros(cursor.value).ok_or_else(|| {
                    Invalid::new("the cursor", "is not one that this API gave out")
                })?;
                sql.bind(time)
            }
        };
        Ok((value, sql.bind(cursor.id)))
    }

    fn cursor(&self, cells: &mut Cells<'_>) -> Result<Cursor> {
        let value = match self.sorts {
            Sorts::Counts => cells.take()?,
            Sorts::Places => cells.take::<i32>()?.into(),
            Sorts::Times => cells.take::<DateTime<Utc>>()?.timestamp_micros(),
        };
        Ok(Cursor {
            order: self.tag,
            value,
            id: cells.take()?,
        })
    }
}

/// A list that many parents have one of each, such as the articles of a story.
pub(crate) struct Lists<'a> {
    /// Finishes the sentence "could not …".
    pub(crate) doing: &'static str,
    /// The table that is paged; the statement calls it `t`.
    pub(crate) table: &'static str,
    /// The column of `t` that names the parent; none where the whole table is one list.
    pub(crate) parent: Option<&'static str>,
    pub(crate) order: &'a Order,
    /// What to read of each item: columns of `t` or of what is joined.
    pub(crate) select: &'a str,
    /// What to join to an item once it is on the page, such as `JOIN article a ON …`.
    pub(crate) join: &'a str,
}

impl Lists<'_> {
    /// Reads the same page of every parent's list by one statement, whose cost grows with parents
    /// × page size and not with the lists' lengths. `filter` writes a condition on `t`.
    pub(crate) async fn page<R: Row>(
        &self,
        reader: &Reader,
        parents: &[Uuid],
        page: Page,
        filter: impl FnOnce(&mut Sql) -> String,
    ) -> Result<Vec<Slice<R::Means>>> {
        self.page_with::<R>(reader, parents, page, filter, &mut ())
            .await
    }

    /// The same, and what is read beside each item.
    pub(crate) async fn page_with<R: Row>(
        &self,
        reader: &Reader,
        parents: &[Uuid],
        page: Page,
        filter: impl FnOnce(&mut Sql) -> String,
        company: &mut impl Company<R::Means>,
    ) -> Result<Vec<Slice<R::Means>>> {
        page.check(self.order)?;
        let mut sql = reader.sql();
        let beside = company.select(sql.dialect);
        let text = self.text(&mut sql, parents, page, filter, &beside)?;
        let rows = reader.rows(self.doing, sql, text).await?;
        let mut lists: Vec<Vec<Read<R::Means>>> = Vec::new();
        lists.resize_with(parents.len(), Vec::new);
        let mut pace = Pace::new();
        for row in &rows {
            pace.step().await;
            let mut cells = reader.cells(row, self.doing)?;
            let place: i64 = cells.take()?;
            let cursor = self.cursor(&mut cells)?;
            let item = match cursor {
                Some(_) => cells.perhaps::<R>()?,
                None => None,
            };
            if let Some(item) = &item {
                company.read(&mut cells, item)?;
            }
            let list = usize::try_from(place - 1)
                .ok()
                .and_then(|place| lists.get_mut(place));
            list.ok_or_else(|| self.misplaced(place))?
                .push((cursor, item));
        }
        Ok(lists.into_iter().map(|items| cut(items, page)).collect())
    }

    /// An item's place; none where that cannot be read.
    fn cursor(&self, cells: &mut Cells<'_>) -> Result<Option<Cursor>> {
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
        // One more than asked for tells whether there is a next page. In the text, not bound: a plan
        // that is made for any number takes it for a tenth of the list, and sorts the whole of it.
        let limit = page.size + 1;
        let head = format!("SELECT p.place, t.{column}, t.{id}, {select}{beside} FROM {parents}");
        let tail = format!("{join} ORDER BY p.place, t.{column} {outward}, t.{id} {outward}");
        // Inside, `t` is the list's own row; outside, the item that the page holds.
        let wanted = |what: &str| {
            format!(
                "SELECT {what} FROM {table} t WHERE {of_parent}{conditions} \
                 ORDER BY t.{column} {inward}, t.{id} {inward} LIMIT {limit}"
            )
        };
        Ok(match sql.dialect {
            Dialect::Postgres => format!("{head} CROSS JOIN LATERAL ({}) t {tail}", wanted("t.*")),
            // SQLite has no LATERAL; a correlated IN gives the planner the rows by number.
            Dialect::Sqlite => {
                format!(
                    "{head} CROSS JOIN {table} t ON t.rowid IN ({}) {tail}",
                    wanted("t.rowid")
                )
            }
        })
    }
}

/// An item with its place, as far as they can be read.
type Read<T> = (Option<Cursor>, Option<T>);

/// Takes away the one that was read too many, at the end that the page was read towards, and then
/// those that cannot be read, which have their places all the same. Beyond a cursor lies at least the
/// item that it names.
fn cut<T>(mut items: Vec<Read<T>>, page: Page) -> Slice<T> {
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
    fn a_cursor_survives_its_bytes_and_nothing_else_is_one() {
        let cursor = Cursor {
            order: 3,
            value: -5,
            id: Uuid::from_u128(9),
        };
        assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Ok(cursor));
        assert!(Cursor::from_bytes(b"short").is_err());
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(Page::parse(None, None, None, None).unwrap().size(), 20);
        assert_eq!(
            Page::parse(Some(101), None, None, None)
                .unwrap_err()
                .to_string(),
            "first is 101: it may be 0 to 100"
        );
        assert_eq!(
            Page::parse(None, None, Some(-1), None)
                .unwrap_err()
                .to_string(),
            "last is -1: it may be 0 to 100"
        );
        assert!(Page::parse(Some(1), None, Some(1), None).is_err());
    }
}
