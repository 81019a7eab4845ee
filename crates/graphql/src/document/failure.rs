//! What becomes of a field that fails (§6.4.4 and §7.1.2 of the GraphQL specification).
//!
//! One that may be null is null itself. The engine gives every error of a resolver that answers
//! `Result<Option<T>>`, and of its arguments, to the parent; so a plan marks each such field with a
//! directive that keeps the error there.
//!
//! The error says on which path it arose. The engine writes that down, and writes it anew at each
//! item of a list, and at each field without `async`, that the error takes along on its way up; so
//! it is noted where it is seen first. Fields that have arguments, or others below them, are marked
//! for that, too. A mark costs some allocations, which bare values would feel: what they load, they
//! load through [`Asked`](crate::scope::Asked), which notes the path itself.
//!
//! A mark also charges what its field answers to the budget of the answer (`budget.rs`), so texts that
//! can be large are marked as well.
//!
//! Clients cannot write the marks: they are in no schema that documents are checked against.

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

use crate::budget::AnswerBudget;
use crate::error::Error;

/// A mark, and what becomes of the error of a field that has it.
#[derive(Clone, Copy)]
pub(crate) enum Mark {
    /// The field may be null: the error stays there.
    Nullable,
    /// The field may not be null: the error goes to its parent.
    Required,
}

impl Mark {
    /// What marks a field.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nullable => "nullable",
            Self::Required => "required",
        }
    }
}

impl CustomDirectiveFactory for Mark {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed((*self).name())
    }

    // Nobody is told of it.
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
impl CustomDirective for Mark {
    async fn resolve_field(
        &self,
        ctx: &Context<'_>,
        resolve: ResolveFut<'_>,
    ) -> ServerResult<Option<Value>> {
        let budget = AnswerBudget::of(ctx);
        let spent = |error: Error| ctx.set_error_path(error.into());
        if let Some(budget) = budget {
            budget.check().map_err(spent)?;
        }
        let mut error = match resolve.await {
            Ok(answered) => {
                if let Some(budget) = budget {
                    budget.charge_value(answered.as_ref()).map_err(spent)?;
                }
                return Ok(answered);
            }
            Err(error) => error,
        };
        if error.source::<Arose>().is_none() {
            error.source = Some(Arose(error.path.clone()).into_source());
        }
        match self {
            Self::Required => Err(error),
            Self::Nullable => {
                if let Some(budget) = budget {
                    // It goes up to the root: there is nothing more to be resolved.
                    budget.charge_error(&error).map_err(spent)?;
                }
                ctx.add_error(error);
                Ok(None)
            }
        }
    }
}

/// The path of the field where an error arose. It travels as the error's source, which the engine
/// leaves as it is.
#[derive(Clone, Debug)]
pub(crate) struct Arose(Vec<PathSegment>);

impl Arose {
    /// In the field of this context.
    pub(crate) fn here(ctx: &Context<'_>) -> Self {
        Self(ctx.set_error_path(ServerError::new("", None)).path)
    }

    pub(crate) fn into_source(self) -> Arc<dyn Any + Send + Sync> {
        Arc::new(self)
    }

    /// Makes an error say where it arose, if that was noted.
    pub(crate) fn tell(error: &mut ServerError) {
        if let Some(Self(path)) = error.source::<Self>() {
            error.path = path.clone();
        }
    }
}
