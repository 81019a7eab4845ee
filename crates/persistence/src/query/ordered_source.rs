//! Pages of sources other than tables: an index, the change feed, a list in memory.

use khabar_domain::Invalid;

use crate::Result;
use crate::query::cursor::{Cursor, SortKey, Source};
use crate::query::page::{Page, Slice, cut};

/// A source of items in a fixed order, from which pages are cut.
pub trait OrderedSource: Sync {
    /// The type of the items.
    type Item: Send;

    /// The source, as named in cursors.
    const SOURCE: Source;

    /// Whether items with larger keys come first.
    const DESCENDING: bool;

    /// Returns the items of a range, each with its key, in the order of the source.
    fn items(
        &self,
        range: Range,
    ) -> impl Future<Output = Result<Vec<(SortKey, Self::Item)>>> + Send;

    /// Reads a page of the source.
    ///
    /// Fails with [`Error::Invalid`](crate::Error::Invalid) if a cursor of the page is from another
    /// source.
    fn page(&self, page: Page) -> impl Future<Output = Result<Slice<Self::Item>>> + Send {
        async move {
            let items = self.items(Range::of(page, Self::SOURCE)?).await?;
            let items = items
                .into_iter()
                .map(|(key, item)| (Some(Cursor::of(Self::SOURCE, key)), Some(item)));
            Ok(cut(items.collect(), page))
        }
    }
}

/// A range of a source: the first items between two keys, or the last ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The range begins after the item with this key, if there is one.
    pub after: Option<SortKey>,
    /// The range ends before the item with this key, if there is one.
    pub before: Option<SortKey>,
    /// Maximum number of items. One more than the page has, which shows whether there are others.
    pub limit: usize,
    /// Whether the items nearest to the end of the range are wanted, and not those nearest to its start.
    pub from_end: bool,
}

impl Range {
    fn of(page: Page, source: Source) -> Result<Self, Invalid> {
        let key = |argument: &str, cursor: Option<Cursor>| {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            cursor.check(argument, source)?;
            Ok(Some(cursor.key))
        };
        Ok(Self {
            after: key("after", page.after)?,
            before: key("before", page.before)?,
            limit: usize::from(page.size) + 1,
            from_end: page.backward,
        })
    }

    /// Selects the range from all items of a source, which are in the order of the source.
    pub fn select<T>(
        self,
        descending: bool,
        items: impl IntoIterator<Item = (SortKey, T)>,
    ) -> Vec<(SortKey, T)> {
        let follows = |key: SortKey, other: SortKey| {
            if descending { key < other } else { key > other }
        };
        let is_inside = |key: SortKey| {
            self.after.is_none_or(|after| follows(key, after))
                && self.before.is_none_or(|before| follows(before, key))
        };
        let items = items.into_iter().filter(|(key, _)| is_inside(*key));
        if self.from_end {
            let mut items: Vec<_> = items.collect();
            items.drain(..items.len().saturating_sub(self.limit));
            items
        } else {
            items.take(self.limit).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// The results of a search, best first. Some have equal scores.
    struct Results(Vec<(f64, u128)>);

    impl OrderedSource for Results {
        type Item = u128;
        const SOURCE: Source = Source::ArticlesByReads;
        const DESCENDING: bool = true;

        async fn items(&self, range: Range) -> Result<Vec<(SortKey, u128)>> {
            let results = self.0.iter();
            let results =
                results.map(|(score, id)| (SortKey::of_score(*score, Uuid::from_u128(*id)), *id));
            Ok(range.select(Self::DESCENDING, results))
        }
    }

    fn results() -> Results {
        let mut results: Vec<_> = (0..23_u32)
            .map(|id| (f64::from(id / 3) / 7.0 - 1.0, u128::from(id)))
            .collect();
        results.reverse();
        Results(results)
    }

    async fn read(
        first: Option<i32>,
        after: Option<Cursor>,
        last: Option<i32>,
        before: Option<Cursor>,
    ) -> Slice<u128> {
        let page = Page::parse(first, after, last, before).unwrap();
        results().page(page).await.unwrap()
    }

    /// Pages of each size, in either direction, are the list cut into pieces, and say whether others
    /// follow and precede.
    #[tokio::test]
    async fn pages_are_the_list_in_pieces() {
        let all: Vec<u128> = results().0.iter().map(|(_, id)| *id).collect();
        for size in 1..=24_i32 {
            let (mut forward, mut after) = (Vec::new(), None);
            loop {
                let slice = read(Some(size), after, None, None).await;
                assert_eq!(slice.has_previous, after.is_some());
                (after, _) = (slice.end, slice.start);
                let has_next = slice.has_next;
                forward.extend(slice.into_items());
                assert_eq!(has_next, forward.len() < all.len());
                if !has_next {
                    break;
                }
            }
            assert_eq!(forward, all);
            let (mut backward, mut before) = (Vec::new(), None);
            loop {
                let slice = read(None, None, Some(size), before).await;
                assert_eq!(slice.has_next, before.is_some());
                before = slice.start;
                let has_previous = slice.has_previous;
                let mut items = slice.into_items();
                items.append(&mut backward);
                backward = items;
                assert_eq!(has_previous, backward.len() < all.len());
                if !has_previous {
                    break;
                }
            }
            assert_eq!(backward, all);
        }
    }

    #[tokio::test]
    async fn a_cursor_of_another_source_is_refused() {
        let key = SortKey {
            value: 1,
            id: Uuid::nil(),
        };
        let cursor = Cursor::of(Source::ArticlesByComments, key);
        for (after, before, name) in [
            (Some(cursor), None, "after"),
            (None, Some(cursor), "before"),
        ] {
            let page = Page::parse(None, after, None, before).unwrap();
            let error = results().page(page).await.unwrap_err();
            let message = error.to_string();
            assert!(message.contains(name), "{message}");
            assert!(message.contains("another list"), "{message}");
        }
    }

    #[tokio::test]
    async fn an_empty_page_of_an_empty_source_has_no_cursors() {
        let slice = Results(Vec::new()).page(Page::first(5)).await.unwrap();
        assert_eq!(slice, Slice::default());
        let slice = read(Some(0), None, None, None).await;
        assert!(slice.items.is_empty() && slice.has_next);
    }
}
