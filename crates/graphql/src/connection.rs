//! Connections: pages of lists in the style of Relay, with edges, cursors and the total count of the list.
//!
//! Cursors are encoded and decoded only here. They are the base64url encoding of the bytes that
//! `khabar-persistence` provides.

use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::registry::Registry;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt;
use futures::future::BoxFuture;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::{BatchKey, Cursor, Page, Slice, Tally};

use crate::error::{Code, Error, Result};
use crate::object::{FieldValue, Nested, NestedList, Object, ReadContext, object};
use crate::scalar::count;

/// An item of connections.
pub(crate) trait ConnectionItem: Send + Sync + Sized + 'static {
    /// The GraphQL type of the item.
    type Node: Object;
    /// The GraphQL type of the edges.
    type Edge: Object<Object = (Cursor, Self)>;
    /// The GraphQL name of the connection type.
    const CONNECTION: &'static str;
    /// The published description of the connection type.
    const DESCRIPTION: &'static str;

    /// Returns the object at the end of the edge.
    fn node(&self) -> &<Self::Node as Object>::Object;
}

/// The type of a page of a list.
pub(crate) struct Connection<I>(PhantomData<fn(&I)>);

/// A page of a list, loaded.
pub(crate) struct LoadedPage<I> {
    /// `None` if the page is empty because there is no list.
    slice: Option<Arc<Slice<I>>>,
    position: PagePosition,
    total: TotalCount,
}

impl<I> LoadedPage<I> {
    pub(crate) fn new(slice: Option<Arc<Slice<I>>>, total: TotalCount) -> Self {
        Self {
            position: slice.as_deref().map(PagePosition::of).unwrap_or_default(),
            slice,
            total,
        }
    }

    fn items(&self) -> impl Iterator<Item = &(Cursor, I)> {
        self.slice.iter().flat_map(|slice| &slice.items)
    }
}

#[object(of = LoadedPage<I>, name = I::CONNECTION, description = I::DESCRIPTION)]
impl<I: ConnectionItem> Connection<I> {
    /// The edges of this page. Each edge contains an item, its cursor, and any further data about its place
    /// in the list.
    fn edges(page: &LoadedPage<I>) -> NestedList<'_, I::Edge> {
        NestedList::new(page.items())
    }

    /// The items of this page, without their edges.
    fn nodes(page: &LoadedPage<I>) -> NestedList<'_, I::Node> {
        NestedList::new(page.items().map(|(_, item)| item.node()))
    }

    /// Information about the pages before and after this one.
    fn page_info(page: &LoadedPage<I>) -> Nested<'_, PageInfo> {
        Nested(&page.position)
    }

    /// The total number of items in the list. A lower bound if `totalCountIsExact` is false.
    async fn total_count(page: &LoadedPage<I>, context: &ReadContext) -> Result<i32> {
        Ok(count(page.total.load(context).await?.count))
    }

    /// Whether `totalCount` is exact. Long lists are counted only up to a limit. If there are more items,
    /// this is false and `totalCount` is a lower bound.
    async fn total_count_is_exact(page: &LoadedPage<I>, context: &ReadContext) -> Result<bool> {
        Ok(page.total.load(context).await?.is_exact)
    }
}

/// Declares an edge with no data other than its cursor and its item, and a connection of such edges.
macro_rules! connection {
    ($item:ty as $node:ident, $edge:ident in $connection:literal: $description:literal) => {
        /// An edge in a connection: an item and its cursor.
        pub(crate) struct $edge;

        /// An edge in a connection: an item and its cursor.
        #[$crate::object::object(of = (khabar_persistence::Cursor, $item))]
        impl $edge {
            /// The cursor of the item, for use as `after` or `before`.
            fn cursor(
                edge: &(khabar_persistence::Cursor, $item),
            ) -> $crate::connection::CursorText {
                $crate::connection::CursorText(edge.0)
            }

            /// The item at the end of the edge.
            fn node(
                edge: &(khabar_persistence::Cursor, $item),
            ) -> $crate::object::Nested<'_, $node> {
                $crate::object::Nested(&edge.1)
            }
        }

        impl $crate::connection::ConnectionItem for $item {
            type Node = $node;
            type Edge = $edge;
            const CONNECTION: &'static str = $connection;
            const DESCRIPTION: &'static str = $description;

            fn node(&self) -> &Self {
                self
            }
        }
    };
}

pub(crate) use connection;

/// The type of the position of a page in its list.
pub(crate) struct PageInfo;

/// The position of a page in its list.
#[derive(Clone, Copy, Default)]
pub(crate) struct PagePosition {
    has_next: bool,
    has_previous: bool,
    start: Option<Cursor>,
    end: Option<Cursor>,
}

/// Information about pagination in a connection.
#[object(of = PagePosition)]
impl PageInfo {
    /// Whether there are more items after the last one of this page.
    fn has_next_page(position: &PagePosition) -> bool {
        position.has_next
    }

    /// Whether there are more items before the first one of this page.
    fn has_previous_page(position: &PagePosition) -> bool {
        position.has_previous
    }

    /// The cursor of the first item, for use as `before`. Null if the page is empty.
    fn start_cursor(position: &PagePosition) -> Option<CursorText> {
        position.start.map(CursorText)
    }

    /// The cursor of the last item, for use as `after`. Null if the page is empty.
    fn end_cursor(position: &PagePosition) -> Option<CursorText> {
        position.end.map(CursorText)
    }
}

impl PagePosition {
    pub(crate) fn of<T>(slice: &Slice<T>) -> Self {
        Self {
            has_next: slice.has_next,
            has_previous: slice.has_previous,
            start: slice.start,
            end: slice.end,
        }
    }
}

/// A cursor as clients see it.
pub(crate) struct CursorText(pub(crate) Cursor);

impl FieldValue for CursorText {
    fn type_info(registry: &mut Registry) -> String {
        String::type_info(registry)
    }

    fn write(&self, text: &mut Vec<u8>) {
        khabar_executor::json::string(&encode(self.0), text);
    }
}

/// The total count of a list, either known already or counted on demand.
pub(crate) enum TotalCount {
    /// A count that was read together with the owner of the list. Writes that touch the tag invalidate it.
    Stored(i64, CacheTag),
    /// A count that is loaded on demand.
    Counted(Box<dyn Count>),
    /// Zero, because the list does not exist.
    Empty,
}

impl TotalCount {
    /// Creates a total that this key loads on demand.
    pub(crate) fn by(key: impl BatchKey<Value = Tally>) -> Self {
        Self::Counted(Box::new(key))
    }

    /// Returns the count, and loads it if necessary.
    pub(crate) async fn load(&self, context: &ReadContext) -> Result<Tally> {
        match self {
            Self::Stored(total, tag) => {
                context.shows(|| *tag);
                Ok(Tally::exact(*total))
            }
            Self::Counted(key) => key.load(context).await,
            Self::Empty => Ok(Tally::exact(0)),
        }
    }
}

/// A key that loads a count, with its type erased.
pub(crate) trait Count: Send + Sync {
    fn load<'a>(&'a self, context: &'a ReadContext) -> BoxFuture<'a, Result<Tally>>;
}

impl<K: BatchKey<Value = Tally>> Count for K {
    fn load<'a>(&'a self, context: &'a ReadContext) -> BoxFuture<'a, Result<Tally>> {
        async {
            let found = context.load(self.clone()).await?;
            Ok(found.map_or(Tally::exact(0), |tally| *tally))
        }
        .boxed()
    }
}

/// The four pagination arguments of Relay.
#[derive(Default)]
pub(crate) struct Paging {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

impl Paging {
    /// Converts the arguments into a page. Returns an error if the page is too large, or if an argument is
    /// not valid.
    pub(crate) fn page(self) -> Result<Page> {
        for size in [self.first, self.last].into_iter().flatten() {
            if size > i32::from(Page::MAX) {
                let (allowed, had) = (Page::MAX.into(), size.unsigned_abs().into());
                return Err(Error::over_limit(Code::LimitPage, "pageSize", allowed, had));
            }
        }
        let after = self.after.as_deref().map(decode).transpose()?;
        let before = self.before.as_deref().map(decode).transpose()?;
        Page::parse(self.first, after, self.last, before).map_err(refuse)
    }
}

fn encode(cursor: Cursor) -> String {
    URL_SAFE_NO_PAD.encode(cursor.to_bytes())
}

fn decode(text: &str) -> Result<Cursor> {
    // Text that is not base64url becomes empty bytes, which are refused as an invalid cursor.
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    Cursor::from_bytes(&bytes).map_err(refuse)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in `map_err`, which passes by value"
)]
pub(crate) fn refuse(invalid: khabar_domain::Invalid) -> Error {
    Error::bad_input(format!("Invalid argument: {invalid}."))
}

#[cfg(test)]
mod tests {
    use khabar_persistence::{OrderedSource, Range, SortKey, Source};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_is_one() {
        let cursor = Cursor::from_bytes(&[7; 25]).unwrap();
        assert_eq!(decode(&encode(cursor)).unwrap(), cursor);
        for text in ["", "abc", "=", "الأول"] {
            assert_eq!(decode(text).unwrap_err().code(), Code::BadUserInput);
        }
    }

    /// A result of a search.
    pub(crate) struct Hit;

    #[object(of = u128)]
    impl Hit {
        /// The number of the result.
        fn number(number: &u128) -> String {
            number.to_string()
        }
    }

    connection!(u128 as Hit, HitEdge in "HitConnection": "Results of a search.");

    /// Results with scores that no table stores.
    struct Results;

    impl OrderedSource for Results {
        type Item = u128;
        const SOURCE: Source = Source::ArticlesByReads;
        const DESCENDING: bool = true;

        async fn items(&self, range: Range) -> khabar_persistence::Result<Vec<(SortKey, u128)>> {
            let results = (1..=5_u8).rev().map(|number| {
                let id = Uuid::from_u128(number.into());
                let key = SortKey::of_score(f64::from(number) / 10.0, id);
                (key, number.into())
            });
            Ok(range.select(Self::DESCENDING, results))
        }
    }

    /// A connection of search results is paged by its own cursors, as clients send them.
    #[tokio::test]
    async fn a_connection_is_made_of_any_ordered_source() {
        let mut after = None;
        let mut pages = Vec::new();
        loop {
            let paging = Paging {
                first: Some(2),
                after: after.take(),
                ..Paging::default()
            };
            let slice = Results.page(paging.page().unwrap()).await.unwrap();
            let page = LoadedPage::new(Some(Arc::new(slice)), TotalCount::Empty);
            pages.push(page.items().map(|(_, number)| *number).collect::<Vec<_>>());
            if !page.position.has_next {
                break;
            }
            after = page.position.end.map(encode);
        }
        assert_eq!(pages, [vec![5, 4], vec![3, 2], vec![1]]);
    }

    #[test]
    fn a_page_that_is_too_large_names_the_limit() {
        let paging = Paging {
            first: Some(101),
            ..Paging::default()
        };
        let error = paging.page().unwrap_err();
        assert_eq!(error.code(), Code::LimitPage);
        assert_eq!(
            error.message(),
            "The limit `pageSize` is 100; this request has 101."
        );
    }

    #[test]
    fn a_negative_page_is_the_clients_mistake() {
        let paging = Paging {
            last: Some(-1),
            ..Paging::default()
        };
        assert_eq!(paging.page().unwrap_err().code(), Code::BadUserInput);
    }
}
