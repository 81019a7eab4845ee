//! Connections: pages of lists in the style of Relay, with edges, cursors and the total count of the list.
//!
//! Cursors are encoded and decoded only here. They are the base64url encoding of the bytes that
//! `khabar-persistence` provides.

use std::borrow::Cow;

use async_graphql::{Context, Description, Object, ObjectType, OutputType, TypeName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt;
use futures::future::BoxFuture;
use khabar_persistence::cache::CacheTag;
use khabar_persistence::{BatchKey, Cursor, Page, PageKey, Slice, Tally};

use crate::context::ContextExt;
use crate::error::{Code, Error, Result};
use crate::scalar::count;

/// A page of a list, with edges of type `E`.
pub struct Connection<E> {
    edges: Vec<E>,
    page_info: PageInfo,
    total: TotalCount,
}

#[Object(name_type, use_type_description)]
impl<E: Edge> Connection<E> {
    /// The edges of this page. Each edge contains an item, its cursor, and any further data about its place
    /// in the list.
    fn edges(&self) -> &[E] {
        &self.edges
    }

    /// The items of this page, without their edges.
    fn nodes(&self) -> Vec<&E::Node> {
        self.edges.iter().map(Edge::node).collect()
    }

    /// Information about the pages before and after this one.
    fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// The total number of items in the list. A lower bound if `totalCountIsExact` is false.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(count(self.total.load(ctx).await?.count))
    }

    /// Whether `totalCount` is exact. Long lists are counted only up to a limit. If there are more items,
    /// this is false and `totalCount` is a lower bound.
    async fn total_count_is_exact(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.total.load(ctx).await?.is_exact)
    }
}

impl<E: Edge> Connection<E> {
    /// Loads the page that the key asks for as a connection.
    pub(crate) async fn load<K: PageKey<Item = E::Item>>(
        ctx: &Context<'_>,
        key: K,
        total: TotalCount,
    ) -> Result<Self> {
        Ok(Self::new(slice(ctx, key).await?, total))
    }

    /// Creates a connection from a page of any source: a list that a key has loaded, or an
    /// [`OrderedSource`](khabar_persistence::OrderedSource).
    pub(crate) fn new(slice: Slice<E::Item>, total: TotalCount) -> Self {
        let page_info = PageInfo::of(&slice);
        let edge = |(cursor, item): (Cursor, E::Item)| E::new(encode(cursor), item);
        Self {
            edges: slice.items.into_iter().map(edge).collect(),
            page_info,
            total,
        }
    }

    /// Creates the only page of an empty list.
    pub(crate) fn empty() -> Self {
        Self {
            edges: Vec::new(),
            page_info: PageInfo::of::<()>(&Slice::default()),
            total: TotalCount::Empty,
        }
    }
}

impl<E: Edge> TypeName for Connection<E> {
    fn type_name() -> Cow<'static, str> {
        E::CONNECTION.into()
    }
}

impl<E: Edge> Description for Connection<E> {
    fn description() -> &'static str {
        E::ABOUT
    }
}

/// An edge of a connection: an item and its place in the list.
pub trait Edge: ObjectType + 'static {
    /// The item, as `khabar-persistence` reads it.
    type Item;
    /// The GraphQL type of the item.
    type Node: OutputType + 'static;
    /// The GraphQL name of the connection type.
    const CONNECTION: &'static str;
    /// The published description of the connection type.
    const ABOUT: &'static str;

    /// Creates an edge from an item and its cursor.
    fn new(cursor: String, item: Self::Item) -> Self;

    /// Returns the item.
    fn node(&self) -> &Self::Node;
}

/// An edge with no data other than its cursor and its item.
pub struct SimpleEdge<N> {
    cursor: String,
    node: N,
}

/// An edge in a connection: an item and its cursor.
#[Object(name_type)]
impl<N: ConnectionNode> SimpleEdge<N> {
    /// The cursor of the item, for use as `after` or `before`.
    fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The item at the end of the edge.
    #[graphql(name = "node")]
    fn the_node(&self) -> &N {
        &self.node
    }
}

/// A GraphQL type that appears in connections with [`SimpleEdge`] edges.
pub trait ConnectionNode: ObjectType + Sized + 'static {
    /// The item as it is read, which this type wraps.
    type Item: Into<Self>;
    /// The GraphQL name of the edge type.
    const EDGE: &'static str;
    /// The GraphQL name of the connection type.
    const CONNECTION: &'static str;
    /// The published description of the connection type.
    const ABOUT: &'static str;
}

impl<N: ConnectionNode> TypeName for SimpleEdge<N> {
    fn type_name() -> Cow<'static, str> {
        N::EDGE.into()
    }
}

impl<N: ConnectionNode> Edge for SimpleEdge<N> {
    type Item = N::Item;
    type Node = N;
    const CONNECTION: &'static str = N::CONNECTION;
    const ABOUT: &'static str = N::ABOUT;

    fn new(cursor: String, item: N::Item) -> Self {
        Self {
            cursor,
            node: item.into(),
        }
    }

    fn node(&self) -> &N {
        &self.node
    }
}

/// The position of a page in its list.
pub struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

/// Information about pagination in a connection.
#[Object]
impl PageInfo {
    /// Whether there are more items after the last one of this page.
    fn has_next_page(&self) -> bool {
        self.has_next_page
    }

    /// Whether there are more items before the first one of this page.
    fn has_previous_page(&self) -> bool {
        self.has_previous_page
    }

    /// The cursor of the first item, for use as `before`. Null if the page is empty.
    fn start_cursor(&self) -> Option<&str> {
        self.start_cursor.as_deref()
    }

    /// The cursor of the last item, for use as `after`. Null if the page is empty.
    fn end_cursor(&self) -> Option<&str> {
        self.end_cursor.as_deref()
    }
}

impl PageInfo {
    /// Creates the page information of a slice.
    pub(crate) fn of<T>(slice: &Slice<T>) -> Self {
        Self {
            has_next_page: slice.has_next,
            has_previous_page: slice.has_previous,
            start_cursor: slice.start.map(encode),
            end_cursor: slice.end.map(encode),
        }
    }
}

/// The total count of a list, either known already or counted on demand.
pub(crate) enum TotalCount {
    /// A count that was read together with the owner of the list. Writes that touch the key invalidate it.
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
    pub(crate) async fn load(&self, ctx: &Context<'_>) -> Result<Tally> {
        match self {
            Self::Stored(total, key) => {
                ctx.shows(*key);
                Ok(Tally::exact(*total))
            }
            Self::Counted(key) => key.load(ctx).await,
            Self::Empty => Ok(Tally::exact(0)),
        }
    }
}

/// A key that loads a count, with its type erased.
pub(crate) trait Count: Send + Sync {
    fn load<'a>(&'a self, ctx: &'a Context<'_>) -> BoxFuture<'a, Result<Tally>>;
}

impl<K: BatchKey<Value = Tally>> Count for K {
    fn load<'a>(&'a self, ctx: &'a Context<'_>) -> BoxFuture<'a, Result<Tally>> {
        async {
            let found = ctx.load(self.clone()).await?;
            Ok(found.unwrap_or(Tally::exact(0)))
        }
        .boxed()
    }
}

/// Loads the page that the key asks for as a slice. Returns an error if the key is not valid.
pub(crate) async fn slice<K: PageKey>(ctx: &Context<'_>, key: K) -> Result<Slice<K::Item>> {
    key.check().map_err(refuse)?;
    Ok(ctx.load_ahead(key).await?.unwrap_or_default())
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
fn refuse(invalid: khabar_domain::Invalid) -> Error {
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
    struct Hit(u128);

    #[Object]
    impl Hit {
        /// The number of the result.
        async fn number(&self) -> String {
            self.0.to_string()
        }
    }

    impl From<u128> for Hit {
        fn from(number: u128) -> Self {
            Self(number)
        }
    }

    impl ConnectionNode for Hit {
        type Item = u128;
        const EDGE: &'static str = "HitEdge";
        const CONNECTION: &'static str = "HitConnection";
        const ABOUT: &'static str = "Results of a search.";
    }

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
            let connection = Connection::<SimpleEdge<Hit>>::new(slice, TotalCount::Empty);
            let numbers = connection.edges.iter().map(|edge| edge.node.0);
            pages.push(numbers.collect::<Vec<_>>());
            if !connection.page_info.has_next_page {
                break;
            }
            after = connection.page_info.end_cursor;
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
