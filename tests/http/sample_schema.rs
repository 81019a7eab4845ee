//! A small test schema. Each field exercises one behaviour of the gate or the GraphQL engine.

#![expect(clippy::unused_self, reason = "a field is a method of its object")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_graphql::{
    Context, EmptySubscription, Enum, ID, InputObject, Interface, MaybeUndefined, Object,
    OneofObject, Schema, SchemaBuilder, SimpleObject, Union,
};
use khabar_graphql::error::{Error, Result};
use khabar_graphql::limit::Limits;
use khabar_graphql::response::{Api, configure_engine};
use tokio::sync::Semaphore;

pub(crate) type SampleSchema = Schema<Query, Mutation, EmptySubscription>;

/// State shared between a test and the resolvers of the schema.
#[derive(Clone, Default)]
pub(crate) struct Handle {
    /// Number of times that `counted` was resolved, plus the sum that `bump` has added.
    pub(crate) counted: Arc<AtomicU32>,
    /// Semaphores that signal the start of `held` and allow it to finish.
    pub(crate) begun: Arc<Held>,
}

pub(crate) struct Held {
    pub(crate) entered: Semaphore,
    pub(crate) leave: Semaphore,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            entered: Semaphore::new(0),
            leave: Semaphore::new(0),
        }
    }
}

pub(crate) fn builder(handle: Handle) -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation, EmptySubscription)
        .register_output_type::<Node>()
        .data(handle)
}

/// Builds the API: the toy schema behind the gate.
pub(crate) fn api(limits: Limits) -> Api {
    api_with(limits, Handle::default())
}

pub(crate) fn api_with(limits: Limits, handle: Handle) -> Api {
    let schema = configure_engine(builder(handle), &limits).finish();
    Api::new(schema, limits).unwrap()
}

/// Builds the toy schema for plain async-graphql, without the gate.
pub(crate) fn stock() -> SampleSchema {
    builder(Handle::default()).finish()
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum Mood {
    Calm,
    Breaking,
}

#[derive(InputObject)]
struct Filter {
    mood: Option<Mood>,
    #[graphql(default = 7)]
    days: i32,
    words: MaybeUndefined<Vec<String>>,
    inner: Option<Box<Filter>>,
}

impl Filter {
    fn said(&self) -> String {
        let words = match &self.words {
            MaybeUndefined::Undefined => "undefined".to_owned(),
            MaybeUndefined::Null => "null".to_owned(),
            MaybeUndefined::Value(words) => words.join("+"),
        };
        let mood = match self.mood {
            None => "none",
            Some(Mood::Calm) => "calm",
            Some(Mood::Breaking) => "breaking",
        };
        let inner = self
            .inner
            .as_ref()
            .map_or(String::new(), |inner| inner.said());
        format!("({mood} {} {words}{inner})", self.days)
    }
}

#[derive(OneofObject)]
enum By {
    Id(ID),
    Slug(String),
}

#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID"), field(name = "label", ty = "String"))]
pub(crate) enum Node {
    Article(Article),
    Story(Story),
}

#[derive(Union)]
enum Block {
    Paragraph(Paragraph),
    Quote(Quote),
    Article(Article),
}

#[derive(SimpleObject)]
struct Paragraph {
    text: &'static str,
}

#[derive(SimpleObject)]
struct Quote {
    text: &'static str,
    by: Option<&'static str>,
}

pub(crate) struct Article(i32);

#[Object]
impl Article {
    async fn id(&self) -> ID {
        ID(format!("a{}", self.0))
    }

    async fn label(&self) -> String {
        format!("مقال {}", self.0)
    }

    async fn story(&self) -> Option<Story> {
        Some(Story(self.0))
    }

    /// A non-null field that always fails with `NOT_FOUND`.
    fn broken(&self) -> Result<String> {
        Err(Error::not_found("There is no such text."))
    }

    /// A nullable field that always fails with `NOT_FOUND`.
    fn torn(&self) -> Result<Option<String>> {
        Err(Error::not_found("There is no such text."))
    }

    /// A non-null article, which is not found if the sum of this article's number and `after` is odd.
    async fn sibling(&self, after: Option<u8>) -> Result<Article> {
        tokio::task::yield_now().await;
        match (self.0 + i32::from(after.unwrap_or(0))) % 2 {
            0 => Ok(Article(self.0)),
            _ => Err(Error::not_found("It has no sibling.")),
        }
    }

    /// A non-null article, which is not found if this article's number is odd. The resolver is not `async`,
    /// because the engine handles such resolvers differently.
    fn mate(&self) -> Result<Article> {
        match self.0 % 2 {
            0 => Ok(Article(self.0)),
            _ => Err(Error::not_found("It has no mate.")),
        }
    }

    async fn related(&self, first: Option<i32>) -> Vec<Article> {
        (0..first.unwrap_or(2)).map(Article).collect()
    }

    async fn articles(
        &self,
        first: Option<i32>,
        last: Option<i32>,
        mood: Option<Mood>,
    ) -> Connection {
        let first = first.filter(|_| mood.is_none());
        Connection(first.or(last).unwrap_or(2))
    }
}

struct Connection(i32);

#[Object]
impl Connection {
    async fn nodes(&self) -> Vec<Article> {
        (0..self.0).map(Article).collect()
    }

    async fn total_count(&self) -> i32 {
        self.0
    }
}

pub(crate) struct Story(i32);

#[Object]
impl Story {
    async fn id(&self) -> ID {
        ID(format!("s{}", self.0))
    }

    async fn label(&self) -> String {
        format!("قصة {}", self.0)
    }

    async fn lead(&self) -> Article {
        Article(self.0)
    }
}

pub(crate) struct Query;

#[Object]
impl Query {
    async fn hello(&self, #[graphql(default = "reader")] name: String) -> String {
        format!("hello {name}")
    }

    /// The value of the argument as text, `null` if it is null, or `undefined` if it is omitted.
    async fn probe(&self, value: MaybeUndefined<i32>) -> String {
        match value {
            MaybeUndefined::Undefined => "undefined".to_owned(),
            MaybeUndefined::Null => "null".to_owned(),
            MaybeUndefined::Value(value) => value.to_string(),
        }
    }

    async fn sum(&self, numbers: Vec<i32>) -> i32 {
        numbers.iter().sum()
    }

    async fn half(&self, of: f64) -> f64 {
        of / 2.0
    }

    async fn tell(&self, filter: Option<Filter>) -> Option<String> {
        filter.map(|filter| filter.said())
    }

    async fn find(&self, by: By) -> String {
        match by {
            By::Id(id) => format!("id {}", id.0),
            By::Slug(slug) => format!("slug {slug}"),
        }
    }

    /// A field that resolves long after its siblings.
    async fn late(&self) -> i32 {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        1
    }

    async fn soon(&self) -> i32 {
        2
    }

    async fn counted(&self, ctx: &Context<'_>) -> Option<Article> {
        let handle = ctx.data_unchecked::<Handle>();
        handle.counted.fetch_add(1, Ordering::Relaxed);
        Some(Article(0))
    }

    /// A field that does not resolve until the test releases it.
    async fn held(&self, ctx: &Context<'_>) -> bool {
        let held = &ctx.data_unchecked::<Handle>().begun;
        held.entered.add_permits(1);
        held.leave.acquire().await.is_ok()
    }

    async fn never(&self) -> bool {
        std::future::pending().await
    }

    async fn largest(&self) -> i32 {
        i32::MAX
    }

    async fn article(&self, id: Option<i32>) -> Option<Article> {
        Some(Article(id.unwrap_or(1)))
    }

    async fn required_article(&self) -> Article {
        Article(1)
    }

    async fn articles(&self, first: Option<i32>) -> Vec<Article> {
        (0..first.unwrap_or(3)).map(Article).collect()
    }

    async fn node(&self, id: ID) -> Option<Node> {
        match id.as_str() {
            "a1" => Some(Node::Article(Article(1))),
            "s1" => Some(Node::Story(Story(1))),
            _ => None,
        }
    }

    async fn blocks(&self) -> Vec<Block> {
        vec![
            Block::Paragraph(Paragraph { text: "فقرة" }),
            Block::Quote(Quote {
                text: "اقتباس",
                by: None,
            }),
            Block::Article(Article(4)),
        ]
    }

    /// A field that fails with an internal error message that clients must not see.
    fn leaky(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        ctx.data::<std::process::Command>().map(|_| true)
    }

    /// A nullable field that always fails with an internal server error.
    fn lost(&self) -> Result<Option<Article>> {
        Err(Error::unexplained())
    }

    /// A nullable article that is never found.
    fn missing(&self) -> Result<Option<Article>> {
        Err(Error::not_found("There is no such article."))
    }
}

struct Payload;

#[Object]
impl Payload {
    /// The written articles. The resolver is not `async`, like those of real mutation payloads.
    fn written(&self) -> Vec<Article> {
        (0..2).map(Article).collect()
    }
}

pub(crate) struct Mutation;

#[Object]
impl Mutation {
    async fn write(&self) -> Payload {
        Payload
    }

    async fn bump(&self, ctx: &Context<'_>, #[graphql(default = 1)] by: u32) -> u32 {
        let handle = ctx.data_unchecked::<Handle>();
        handle.counted.fetch_add(by, Ordering::Relaxed) + by
    }
}
