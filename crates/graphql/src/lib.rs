//! The API: types, loaders, limits and the document gate.
//!
//! Find a type in `schema.graphql`; its name in `snake_case` is its file under `types`.

mod ahead;
pub mod answer;
pub(crate) mod budget;
pub(crate) mod canonical;
pub(crate) mod compare;
pub mod connection;
pub mod document;
pub mod error;
pub(crate) mod hold;
pub mod input;
pub mod limit;
pub mod load;
pub mod mutation;
pub mod node;
pub(crate) mod payload;
mod query;
pub mod scalar;
pub mod scope;
pub mod types;
pub mod write;

use async_graphql::{EmptySubscription, SDLExportOptions, SchemaBuilder};

use crate::answer::{Api, behind_the_gate};
use crate::compare::Comparer;
use crate::document::SchemaProblem;
use crate::limit::Limits;

pub use mutation::Mutation;
pub use query::Query;

/// The API as the engine runs it.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// The schema alone: it has no limits and no extensions, those are the document gate's.
pub fn schema() -> Schema {
    builder().finish()
}

/// The API: the schema behind the document gate.
pub fn api(limits: Limits) -> Result<Api, SchemaProblem> {
    let builder = builder().data(Comparer::new(&limits));
    Api::new(behind_the_gate(builder, &limits).finish(), limits)
}

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    async_graphql::Schema::build(Query, Mutation::default(), EmptySubscription)
}

/// The schema in SDL, sorted, as `schema.graphql` has it.
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
