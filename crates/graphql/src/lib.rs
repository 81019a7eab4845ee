//! The API: types, loaders, limits and the document gate.
//!
//! Each type in `schema.graphql` has a file under `types`, named after the type in `snake_case`.
//!
//! Schema:
//!
//! - `query`, `mutation`: the root fields, and the mutations of each noun with their inputs
//! - `types`, `input`, `scalar`: object types, arguments, custom scalars
//! - `connection`, `node`, `payload`: connections and cursors, global ids, mutation payloads
//!
//! Execution:
//!
//! - `document`: the document gate, from a client's request to a validated and planned operation
//! - `limit`, `budget`: limits on a request, and the byte budget of its response
//! - `context`: the scope and the loaders of a request, as resolvers see them
//! - `loader`, `lookahead`: batched loading, and prefetching of selected fields
//! - `mutate`: the idempotent execution of mutations, each in one transaction
//! - `json`: the JSON text of responses, in a buffer of bounded size
//! - `compare`: diffs on blocking threads, within a time limit
//! - `canonical`: arguments in a form that does not depend on their spelling
//! - `cache_hint`: maximum cache lifetimes of fields
//! - `response`, `error`: execution and serialization; error codes
//!
//! A resolver parses its arguments, loads a key and wraps the result. The loader combines the keys of
//! one level into one statement:
//!
//! ```ignore
//! async fn article(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Article>> {
//!     let found = ctx.load_ahead(article::ById(node::parse(&id)?)).await?;
//!     Ok(found.map(Article))
//! }
//! ```

pub(crate) mod budget;
pub(crate) mod cache_hint;
pub(crate) mod canonical;
pub(crate) mod compare;
pub mod connection;
pub mod context;
pub mod document;
pub mod error;
pub mod input;
mod json;
pub mod limit;
pub mod loader;
mod lookahead;
pub mod mutate;
pub mod mutation;
pub mod node;
pub(crate) mod payload;
mod query;
pub mod response;
pub mod scalar;
pub mod types;

use async_graphql::{EmptySubscription, SDLExportOptions, SchemaBuilder};

use crate::compare::DiffPool;
use crate::document::SchemaProblem;
use crate::limit::Limits;
use crate::response::{Api, configure_engine};

pub use mutation::Mutation;
pub use query::Query;

/// The schema type that the engine executes.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// Builds the schema without limits or extensions, which belong to the document gate.
pub fn schema() -> Schema {
    builder().finish()
}

/// Builds the API: the schema behind the document gate.
pub fn api(limits: Limits) -> Result<Api, SchemaProblem> {
    let builder = builder().data(DiffPool::new(&limits));
    Api::new(configure_engine(builder, &limits).finish(), limits)
}

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    async_graphql::Schema::build(Query, Mutation::default(), EmptySubscription)
}

/// Returns the schema in SDL, sorted, as in `schema.graphql`.
pub fn sdl() -> String {
    schema().sdl_with_options(
        SDLExportOptions::new()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .include_specified_by()
            .prefer_single_line_descriptions()
            .use_space_ident(),
    )
}
