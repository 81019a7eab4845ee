//! Objects that the engine leads to: the payloads of mutations, and the root of a query with introspection.
//!
//! The engine executes mutations and their payloads. Where a payload leads to an object of the API, the
//! executor resolves everything below it.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field as PlannedField, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::{ContainerType, resolve_container};
use async_graphql::{
    Context, ContextBase, ContextSelectionSet, Name, ObjectType, OutputType, Positioned,
    ServerError, ServerResult, Value,
};
use khabar_executor::{Field, Location, Objects, Pick};
use tokio::sync::OnceCell;

use super::context::execute_set;
use super::{
    BEGINNING, CompositeType, Executed, FieldResolver, Fields, Object, ReadContext, compile_set,
    register_object,
};
use crate::budget::ResponseBudget;
use crate::error::{Error, Result};
use crate::loader::Loaders;
use crate::query::Query;

/// An object of a payload.
pub(crate) struct EngineObject<O: CompositeType>(Arc<O::Object>);

/// A list of objects of a payload.
pub(crate) struct EngineList<O: CompositeType>(Arc<Vec<O::Object>>);

/// The query root, for the engine. It executes queries with introspection.
#[derive(Clone, Copy, Debug)]
pub struct EngineQuery;

impl<O: CompositeType> EngineObject<O> {
    pub(crate) fn new(object: impl Into<Arc<O::Object>>) -> Self {
        Self(object.into())
    }
}

impl<O: CompositeType> EngineList<O> {
    pub(crate) fn new(objects: impl Into<Arc<Vec<O::Object>>>) -> Self {
        Self(objects.into())
    }
}

impl<O: CompositeType> std::fmt::Debug for EngineObject<O> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EngineObject")
            .finish_non_exhaustive()
    }
}

impl<O: CompositeType> std::fmt::Debug for EngineList<O> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EngineList").finish_non_exhaustive()
    }
}

impl<O: Object> OutputType for EngineObject<O> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(O::NAME)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register_object::<O>(registry);
        Self::qualified_type_name()
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _: &Positioned<PlannedField>,
    ) -> ServerResult<Value> {
        let set = compile_set::<O>(&ctx.item.node);
        let executed = run(ctx, set, &*self.0).await;
        finish(ctx, executed, |data| data, 0)
    }
}

/// The response key of the list while it is executed. The engine has written the one that was selected.
const LIST: &str = "list";

impl<O: Object> OutputType for EngineList<O> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("[{}!]", O::NAME))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register_object::<O>(registry);
        Self::qualified_type_name()
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _: &Positioned<PlannedField>,
    ) -> ServerResult<Value> {
        // One field with all objects, so that they are one level.
        let set = O::select(&ctx.item.node).map(|selection| {
            let list = Objects::part(|list: &Vec<O::Object>| list, Pick::items(), selection);
            let resolver = FieldResolver::objects(list);
            Fields::new(vec![Field::new(LIST, Location::default(), true, resolver)])
        });
        let executed = run(ctx, set, &*self.0).await;
        finish(ctx, executed, |data| member(data, LIST), 1)
    }
}

impl OutputType for EngineQuery {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(Query::NAME)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register_object::<Query>(registry);
        Self::qualified_type_name()
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _: &Positioned<PlannedField>,
    ) -> ServerResult<Value> {
        resolve_container(ctx, self).await
    }
}

impl ContainerType for EngineQuery {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let root = ctx.data_opt::<RootFields>().ok_or_else(|| {
            tracing::error!("request_without_root_fields");
            ctx.set_error_path(Error::unexplained().into())
        })?;
        let fields = root.0.get_or_init(|| root_fields(ctx)).await;
        let key = ctx.item.node.response_key().node.as_str();
        Ok(fields.as_ref().map_err(Clone::clone)?.get(key).cloned())
    }
}

impl ObjectType for EngineQuery {}

/// The root fields of a query with introspection, apart from the introspection. They are executed together, for
/// the first that the engine asks for.
#[derive(Default)]
pub(crate) struct RootFields(OnceCell<ServerResult<IndexMap<Name, Value>>>);

/// Executes all root fields. Returns an error if the data of the response becomes null.
async fn root_fields(ctx: &Context<'_>) -> ServerResult<IndexMap<Name, Value>> {
    let selected = &ctx.query_env.operation.node.selection_set.node.items;
    let is_data = |item: &&Positioned<Selection>| match &item.node {
        Selection::Field(field) => !field.node.name.node.starts_with("__"),
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => true,
    };
    let items = selected.iter().filter(is_data).cloned().collect();
    let set = compile_set::<Query>(&SelectionSet { items });
    let executed = run(ctx, set, &Query).await.and_then(Executed::into_value);
    let (data, mut errors) = executed.map_err(ServerError::from)?;
    let fields = match data {
        Value::Object(fields) => Ok(fields),
        // The engine makes the data null for an error that a field returns, and reports it.
        _ => Err(errors.pop().unwrap_or_else(|| Error::unexplained().into())),
    };
    for error in errors {
        ctx.add_error(error);
    }
    fields
}

/// Executes a selection set on an object of a request that the engine executes.
async fn run<I: Sync, T: Send + Sync + 'static>(
    ctx: &ContextBase<'_, I>,
    set: Option<Fields<T>>,
    object: &T,
) -> Result<Executed> {
    let Some(set) = set else {
        tracing::error!("selection_not_compiled");
        return Err(Error::unexplained());
    };
    let (Some(loaders), Some(budget)) = (
        ctx.data_opt::<Loaders>(),
        ctx.data_opt::<Arc<ResponseBudget>>(),
    ) else {
        tracing::error!("request_without_loaders");
        return Err(Error::unexplained());
    };
    let context = ReadContext::new(
        loaders.reader(),
        ctx.query_env.variables.clone(),
        Arc::clone(budget),
        &ctx.query_env.query_data,
    );
    execute_set(&set, object, &context).await
}

/// Returns the data for the engine, and reports the errors. The paths of the errors begin below the object,
/// after `skipped` segments.
fn finish<I>(
    ctx: &ContextBase<'_, I>,
    executed: Result<Executed>,
    value: impl FnOnce(Value) -> Value,
    skipped: usize,
) -> ServerResult<Value> {
    let here = ctx.set_error_path(ServerError::new("", None)).path;
    let executed = executed.and_then(Executed::into_value);
    let (data, errors) = executed.map_err(|error| ctx.set_error_path(error.into()))?;
    for mut error in errors {
        let below = error.path.into_iter().skip(skipped);
        error.path = here.iter().cloned().chain(below).collect();
        ctx.add_error(error);
    }
    Ok(value(data))
}

impl Executed {
    /// Returns the data as a value, and the errors.
    fn into_value(self) -> Result<(Value, Vec<ServerError>)> {
        let data = serde_json::from_slice(&self.text[BEGINNING.len()..]);
        let data = data.map_err(|error| Error::internal(&error))?;
        Ok((data, self.errors))
    }
}

/// Returns a member of an object. Null if the object is null.
fn member(data: Value, key: &str) -> Value {
    match data {
        Value::Object(mut members) => members.swap_remove(key).unwrap_or_default(),
        _ => Value::Null,
    }
}
