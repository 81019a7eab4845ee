//! A connection: a page of a list as Relay asks for it, with its edges, its cursors, and what is
//! known of the whole list.
//!
//! Cursors leave and enter the API here and nowhere else: base64url of the bytes that
//! `khabar-persistence` gives them.

use std::borrow::Cow;

use async_graphql::{Context, Description, Object, ObjectType, OutputType, TypeName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt;
use futures::future::BoxFuture;
use khabar_persistence::cache::ReadingKey;
use khabar_persistence::{BatchKey, Cursor, Page, Paged, Slice, Tally};

use crate::error::{Code, Error, Result};
use crate::scalar::count;
use crate::scope::Asked;

/// A page of a list whose edges are `E`.
pub struct Connection<E> {
    edges: Vec<E>,
    page_info: PageInfo,
    total: Total,
}

#[Object(name_type, use_type_description)]
impl<E: Edge> Connection<E> {
    /// The items of this page, each with its cursor and what is said of its place in the list.
    fn edges(&self) -> &[E] {
        &self.edges
    }

    /// The items of this page alone.
    fn nodes(&self) -> Vec<&E::Node> {
        self.edges.iter().map(Edge::node).collect()
    }

    /// What lies before and after this page.
    fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many items the whole list has; at least, where `totalCountIsExact` is false.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(count(self.total.load(ctx).await?.count))
    }

    /// Whether `totalCount` is all of them. Long lists are counted up to a limit, and it says that
    /// there are at least so many.
    async fn total_count_is_exact(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.total.load(ctx).await?.is_exact)
    }
}

impl<E: Edge> Connection<E> {
    /// Loads the page that the key asks for.
    pub(crate) async fn load<K: Paged<Item = E::Item>>(
        ctx: &Context<'_>,
        key: K,
        total: Total,
    ) -> Result<Self> {
        let slice = slice(ctx, key).await?;
        let page_info = PageInfo::of(&slice);
        let edge = |(cursor, item): (Cursor, K::Item)| E::new(encode(cursor), item);
        Ok(Self {
            edges: slice.items.into_iter().map(edge).collect(),
            page_info,
            total,
        })
    }

    /// The page of a list that has nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            edges: Vec::new(),
            page_info: PageInfo::of::<()>(&Slice::default()),
            total: Total::Nothing,
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

/// What stands on a connection: an item in its place.
pub trait Edge: ObjectType + 'static {
    /// What `khabar-persistence` reads for it.
    type Item;
    /// The item, as the API shows it.
    type Node: OutputType + 'static;
    /// What a connection of such edges is called.
    const CONNECTION: &'static str;
    /// What such a connection is, to the API's reader.
    const ABOUT: &'static str;

    /// An item in the place that this cursor names.
    fn new(cursor: String, item: Self::Item) -> Self;

    /// The item.
    fn node(&self) -> &Self::Node;
}

/// What stands on a connection of which nothing more is said than its place.
pub struct Plain<N> {
    cursor: String,
    node: N,
}

/// An item and its place in the list.
#[Object(name_type)]
impl<N: Listed> Plain<N> {
    /// Its place, for `after` and `before`.
    fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The item.
    #[graphql(name = "node")]
    fn the_node(&self) -> &N {
        &self.node
    }
}

/// A type of which there are lists.
pub trait Listed: ObjectType + Sized + 'static {
    /// What it wraps.
    type Item: Into<Self>;
    /// What its edges are called.
    const EDGE: &'static str;
    /// What its connections are called.
    const CONNECTION: &'static str;
    /// What such a connection is, to the API's reader.
    const ABOUT: &'static str;
}

impl<N: Listed> TypeName for Plain<N> {
    fn type_name() -> Cow<'static, str> {
        N::EDGE.into()
    }
}

impl<N: Listed> Edge for Plain<N> {
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

/// Where a page lies in its list.
pub struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

/// Where a page lies in its list, and where to go on.
#[Object]
impl PageInfo {
    /// Whether items follow the last one of this page.
    fn has_next_page(&self) -> bool {
        self.has_next_page
    }

    /// Whether items precede the first one of this page.
    fn has_previous_page(&self) -> bool {
        self.has_previous_page
    }

    /// The first item's place, for `before`; null on an empty page.
    fn start_cursor(&self) -> Option<&str> {
        self.start_cursor.as_deref()
    }

    /// The last item's place, for `after`; null on an empty page.
    fn end_cursor(&self) -> Option<&str> {
        self.end_cursor.as_deref()
    }
}

impl PageInfo {
    /// Where this page lies.
    pub(crate) fn of<T>(slice: &Slice<T>) -> Self {
        Self {
            has_next_page: slice.has_next,
            has_previous_page: slice.has_previous,
            start_cursor: slice.start.map(encode),
            end_cursor: slice.end.map(encode),
        }
    }
}

/// How many items a list has: known already, or asked for when somebody wants to know.
pub(crate) enum Total {
    /// It came with the card of what has the list, and changes when this is touched.
    Kept(i64, ReadingKey),
    /// To be counted.
    Asked(Box<dyn Count>),
    /// None: there is no such list.
    Nothing,
}

impl Total {
    /// To be counted by this key.
    pub(crate) fn by(key: impl BatchKey<Value = Tally>) -> Self {
        Self::Asked(Box::new(key))
    }

    /// How many.
    pub(crate) async fn load(&self, ctx: &Context<'_>) -> Result<Tally> {
        match self {
            Self::Kept(total, key) => {
                ctx.shows(*key);
                Ok(Tally::exact(*total))
            }
            Self::Asked(key) => key.load(ctx).await,
            Self::Nothing => Ok(Tally::exact(0)),
        }
    }
}

/// A key whose answer is a number, whatever it counts.
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

/// Loads the page that the key asks for.
pub(crate) async fn slice<K: Paged>(ctx: &Context<'_>, key: K) -> Result<Slice<K::Item>> {
    key.check().map_err(refuse)?;
    Ok(ctx.load_ahead(key).await?.unwrap_or_default())
}

/// Relay's four arguments.
#[derive(Default)]
pub(crate) struct Paging {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

impl Paging {
    /// The page that they ask for.
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
    // What is not base64url is no cursor either: empty bytes are refused as such.
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    Cursor::from_bytes(&bytes).map_err(refuse)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in `map_err`, which passes by value"
)]
fn refuse(invalid: khabar_domain::Invalid) -> Error {
    Error::bad_input(format!("The argument is refused: {invalid}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_is_one() {
        let cursor = Cursor::from_bytes(&[7; 25]).unwrap();
        assert_eq!(decode(&encode(cursor)).unwrap(), cursor);
        for text in ["", "abc", "=", "الأول"] {
            assert_eq!(decode(text).unwrap_err().code(), Code::BadUserInput);
        }
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
