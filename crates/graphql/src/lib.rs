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
//! - `context`: the scope and the loaders of a request, as mutations see them
//! - `object`: how object types are declared, compiled and resolved, a level at a time
//! - `loader`: batched loading for mutations and their payloads
//! - `mutate`: the idempotent execution of mutations, each in one transaction
//! - `json`: the JSON text of responses, in a buffer of bounded size
//! - `compare`: diffs on blocking threads, within a time limit
//! - `canonical`: arguments in a form that does not depend on their spelling
//! - `cache_hint`: maximum cache lifetimes of fields
//! - `response`, `error`: execution and serialization; error codes
//!
//! Each field of an object type is a function. One that loads returns a key, and all keys of a level are loaded
//! by one statement:
//!
//! ```ignore
//! /// The section that the article is filed in.
//! fn section(article: &Row) -> LoadOne<Section, section::ById> {
//!     LoadOne::new(article.section.map(section::ById))
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
pub mod mutate;
pub mod mutation;
pub mod node;
mod object;
pub(crate) mod payload;
mod query;
pub mod response;
pub mod scalar;
pub mod types;

use async_graphql::{EmptySubscription, SDLExportOptions, SchemaBuilder};

use crate::document::SchemaProblem;
use crate::limit::Limits;
use crate::object::EngineQuery;
use crate::response::{Api, configure_engine};

pub use mutation::Mutation;

/// The schema type that the engine executes.
pub type Schema = async_graphql::Schema<EngineQuery, Mutation, EmptySubscription>;

/// Builds the schema without limits or extensions, which belong to the document gate.
pub fn schema() -> Schema {
    builder().finish()
}

/// Builds the API: the schema behind the document gate.
pub fn api(limits: Limits) -> Result<Api, SchemaProblem> {
    let schema = configure_engine(builder(), &limits).finish();
    Api::with_compiler(schema, limits, object::compile)
}

fn builder() -> SchemaBuilder<EngineQuery, Mutation, EmptySubscription> {
    async_graphql::Schema::build(EngineQuery, Mutation::default(), EmptySubscription)
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
