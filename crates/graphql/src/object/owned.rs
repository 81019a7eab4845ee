//! Fields whose objects an `async fn` has made or found.

use std::sync::Arc;

use async_graphql::registry::Registry;
use futures::FutureExt as _;
use khabar_executor::{Objects, OwnedSource, Pick, Values};

use super::value::nullable;
use super::{
    Call, CompositeType, FieldObjects, FieldResolver, ObjectsOf, ReadContext, Selected, SelectionOf,
};
use crate::error::Error;

/// An object that was made for the response.
pub(crate) struct Owned<O: CompositeType>(pub(crate) O::Object);

/// An object that was made for the response, or null.
pub(crate) struct OwnedOption<O: CompositeType>(pub(crate) Option<O::Object>);

/// A list of objects that were made for the response.
pub(crate) struct OwnedList<O: CompositeType>(pub(crate) Vec<O::Object>);

/// An object that is shared with the cache, or null.
pub(crate) struct Shared<O: CompositeType>(pub(crate) Option<Arc<O::Object>>);

/// Objects of a field that is null if it fails.
pub(crate) struct Nullable<Q>(pub(crate) Q);

impl<O: CompositeType> FieldObjects for Owned<O> {
    fn type_info(registry: &mut Registry) -> String {
        format!("{}!", O::register(registry))
    }
}

impl<O: CompositeType> FieldObjects for OwnedOption<O> {
    fn type_info(registry: &mut Registry) -> String {
        O::register(registry).to_owned()
    }
}

impl<O: CompositeType> FieldObjects for OwnedList<O> {
    fn type_info(registry: &mut Registry) -> String {
        format!("[{}!]!", O::register(registry))
    }
}

impl<O: CompositeType> FieldObjects for Shared<O> {
    fn type_info(registry: &mut Registry) -> String {
        O::register(registry).to_owned()
    }
}

impl<Q: FieldObjects> FieldObjects for Nullable<Q> {
    fn type_info(registry: &mut Registry) -> String {
        nullable(Q::type_info(registry))
    }
}

/// Makes a field of values that the answers hold.
pub(crate) fn found<T, Q, V, N>(
    call: Call<T, Q>,
    value: fn(Q) -> Option<V>,
    pick: Pick<V, N>,
    selection: SelectionOf<N>,
) -> Objects<ReadContext, V, N, OwnedSource<ReadContext, T, V>>
where
    T: Send + Sync + 'static,
    Q: Send + 'static,
    V: Send + Sync + 'static,
    N: Send + Sync + 'static,
{
    Objects::found(
        Box::new(move |context, parents| {
            let results = call(context, parents);
            async move {
                let results = results.await.into_iter();
                let values: Values<V, Error> = results.map(|result| result.map(value)).collect();
                Ok(values)
            }
            .boxed()
        }),
        pick,
        selection,
    )
}

impl<T: Send + Sync + 'static, O: CompositeType> ObjectsOf<T> for Owned<O> {
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<O>()?;
        Some(FieldResolver::objects(found(
            call,
            |it: Self| Some(it.0),
            Pick::itself(),
            selection,
        )))
    }
}

impl<T: Send + Sync + 'static, O: CompositeType> ObjectsOf<T> for OwnedOption<O> {
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<O>()?;
        Some(FieldResolver::objects(found(
            call,
            |it: Self| it.0,
            Pick::itself(),
            selection,
        )))
    }
}

impl<T: Send + Sync + 'static, O: CompositeType> ObjectsOf<T> for OwnedList<O> {
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<O>()?;
        Some(FieldResolver::objects(found(
            call,
            |it: Self| Some(it.0),
            Pick::items(),
            selection,
        )))
    }
}

impl<T: Send + Sync + 'static, O: CompositeType> ObjectsOf<T> for Shared<O> {
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<O>()?;
        let objects = Objects::shared(
            Box::new(move |context, parents| {
                let results = call(context, parents);
                async move {
                    let results = results.await.into_iter();
                    Ok(results.map(|result| result.map(|it| it.0)).collect())
                }
                .boxed()
            }),
            Pick::itself(),
            selection,
        );
        Some(FieldResolver::objects(objects))
    }
}

impl<T: Send + Sync + 'static, Q: ObjectsOf<T> + 'static> ObjectsOf<T> for Nullable<Q> {
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        // Whether a field is nullable is marked in the plan.
        let call: Call<T, Q> = Box::new(move |context, parents| {
            let results = call(context, parents);
            async move {
                let results = results.await.into_iter();
                results.map(|result| result.map(|it| it.0)).collect()
            }
            .boxed()
        });
        Q::resolver(selected, call)
    }
}
