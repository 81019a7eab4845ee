//! Error handling for fields that the engine executes: mutations, and their payloads (§6.4.4 and §7.1.2 of the
//! GraphQL specification). The executor, which reads the marks too, handles the errors of all others.
//!
//! A nullable field that fails becomes null itself. The engine, however, propagates every error of a
//! resolver that returns `Result<Option<T>>`, or of its arguments, to the parent. So a plan marks each
//! nullable field with a directive that keeps the error at the field.
//!
//! An error reports the path where it arose. The engine sets this path, but overwrites it while the error
//! propagates: at each item of a list and at each field without `async`. So the path is recorded where
//! the error is first seen. Fields that have arguments or a selection of their own are marked for this
//! reason too.
//!
//! Clients cannot use the marks: no schema that documents are checked against contains them.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::extensions::ResolveFut;
use async_graphql::parser::types::Directive;
use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextDirective, CustomDirective, CustomDirectiveFactory, PathSegment, ServerError,
    ServerResult, Value,
};

use crate::budget::ResponseBudget;
use crate::error::Error;

/// A mark on a field, which decides how an error of the field is handled.
#[derive(Clone, Copy)]
pub(crate) enum FieldGuard {
    /// The field is nullable: the error is handled at the field.
    Nullable,
    /// The field is non-null: the error propagates to its parent.
    Required,
}

impl FieldGuard {
    /// The name of the directive that marks a field.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nullable => "nullable",
            Self::Required => "required",
        }
    }
}

impl CustomDirectiveFactory for FieldGuard {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed((*self).name())
    }

    // The directive is not published in the schema.
    fn register(&self, _registry: &mut Registry) {}

    fn create(
        &self,
        _ctx: &ContextDirective<'_>,
        _directive: &Directive,
    ) -> ServerResult<Box<dyn CustomDirective>> {
        Ok(Box::new(*self))
    }
}

#[async_graphql::async_trait::async_trait]
impl CustomDirective for FieldGuard {
    async fn resolve_field(
        &self,
        ctx: &Context<'_>,
        resolve: ResolveFut<'_>,
    ) -> ServerResult<Option<Value>> {
        let budget = ResponseBudget::of(ctx);
        let spent = |error: Error| ctx.set_error_path(error.into());
        if let Some(budget) = budget {
            budget.check().map_err(spent)?;
        }
        let mut error = match resolve.await {
            Ok(answered) => return Ok(answered),
            Err(error) => error,
        };
        if error.source::<ErrorPath>().is_none() {
            error.source = Some(ErrorPath(error.path.clone()).into_source());
        }
        match self {
            Self::Required => Err(error),
            Self::Nullable => {
                if let Some(budget) = budget {
                    // The error propagates to the root, and nothing more is resolved.
                    budget.charge_error(&error).map_err(spent)?;
                }
                ctx.add_error(error);
                Ok(None)
            }
        }
    }
}

/// The path of the field where an error arose. The path is carried as the source of the error, which the
/// engine leaves unchanged.
#[derive(Clone, Debug)]
pub(crate) struct ErrorPath(Vec<PathSegment>);

impl ErrorPath {
    pub(crate) fn into_source(self) -> Arc<dyn Any + Send + Sync> {
        Arc::new(self)
    }

    /// Sets the path of an error to where the error arose, if that was recorded.
    pub(crate) fn tell(error: &mut ServerError) {
        if let Some(Self(path)) = error.source::<Self>() {
            error.path = path.clone();
        }
    }
}
