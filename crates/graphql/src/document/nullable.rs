//! A field that may be null, and fails, is null itself (§6.4.4 of the GraphQL specification).
//!
//! The engine gives every error of a resolver that answers `Result<Option<T>>`, and of its arguments,
//! to the parent; so a plan marks each field that may be null with a directive that keeps the error
//! there. Clients cannot write it: it is in no schema that documents are checked against.

use std::borrow::Cow;

use async_graphql::extensions::ResolveFut;
use async_graphql::parser::types::Directive;
use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextDirective, CustomDirective, CustomDirectiveFactory, ServerResult, Value,
};

/// What marks a field.
pub(super) const NAME: &str = "nullable";

/// Keeps a field's error in the field.
pub(crate) struct Nullable;

impl CustomDirectiveFactory for Nullable {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(NAME)
    }

    // Nobody is told of it.
    fn register(&self, _registry: &mut Registry) {}

    fn create(
        &self,
        _ctx: &ContextDirective<'_>,
        _directive: &Directive,
    ) -> ServerResult<Box<dyn CustomDirective>> {
        Ok(Box::new(Self))
    }
}

#[async_graphql::async_trait::async_trait]
impl CustomDirective for Nullable {
    async fn resolve_field(
        &self,
        ctx: &Context<'_>,
        resolve: ResolveFut<'_>,
    ) -> ServerResult<Option<Value>> {
        match resolve.await {
            Err(error) => {
                ctx.add_error(error);
                Ok(None)
            }
            answered => answered,
        }
    }
}
