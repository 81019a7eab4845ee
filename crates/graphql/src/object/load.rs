//! Fields that return keys: all keys of a level are loaded as one batch.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::registry::Registry;
use futures::FutureExt as _;
use khabar_executor::{Objects, Pick, SharedSource, Values};
use khabar_persistence::{BatchKey, PageKey, Slice};

use super::context::{WithIncludes, load_each};
use super::{
    Call, CompositeType, FieldObjects, FieldResolver, ObjectsOf, ReadContext, Selected, SelectionOf,
};
use crate::connection::{Connection, ConnectionItem, LoadedPage, TotalCount, refuse};
use crate::error::{Code, Error, Result};

/// An object that a key loads, or null. `None` is null, too.
pub(crate) struct LoadOne<O, K>(Option<K>, PhantomData<fn(&O)>);

/// An object that a key loads, and that the database rules out to be missing.
pub(crate) struct LoadRequired<O, K>(K, PhantomData<fn(&O)>);

/// A list of objects that a key loads. `None` is an empty list.
pub(crate) struct LoadMany<O, K>(Option<K>, PhantomData<fn(&O)>);

/// A list of objects, each of which a key loads. Those that are not found, or whose rows cannot be read, are
/// left out.
pub(crate) struct LoadEach<O, K>(Vec<K>, PhantomData<fn(&O)>);

/// A page of a list, with its total count. `None` is an empty list.
pub(crate) struct LoadPage<P: PageKey>(Option<(P, TotalCount)>);

/// An object that is made of what a key loads.
pub(crate) struct LoadInto<O: CompositeType, K: BatchKey> {
    key: K,
    make: Make<K::Value, O::Object>,
}

/// The function that makes an object of a loaded value. `None` if nothing is found.
type Make<V, N> = Box<dyn FnOnce(Option<Arc<V>>) -> N + Send>;

impl<O: CompositeType, K: BatchKey> LoadInto<O, K> {
    pub(crate) fn new(
        key: K,
        make: impl FnOnce(Option<Arc<K::Value>>) -> O::Object + Send + 'static,
    ) -> Self {
        Self {
            key,
            make: Box::new(make),
        }
    }
}

impl<O, K> LoadOne<O, K> {
    pub(crate) fn new(key: impl Into<Option<K>>) -> Self {
        Self(key.into(), PhantomData)
    }
}

impl<O, K> LoadRequired<O, K> {
    pub(crate) fn new(key: K) -> Self {
        Self(key, PhantomData)
    }
}

impl<O, K> LoadMany<O, K> {
    pub(crate) fn new(key: impl Into<Option<K>>) -> Self {
        Self(key.into(), PhantomData)
    }
}

impl<O, K: BatchKey> LoadEach<O, K> {
    /// A key that is repeated counts once.
    pub(crate) fn new(keys: impl IntoIterator<Item = K>) -> Self {
        let mut seen = HashSet::new();
        let keys = keys.into_iter().filter(|key| seen.insert(key.clone()));
        Self(keys.collect(), PhantomData)
    }
}

impl<P: PageKey> LoadPage<P> {
    pub(crate) fn new(key: P, total: TotalCount) -> Self {
        Self(Some((key, total)))
    }

    /// Returns the only page of an empty list.
    pub(crate) fn empty() -> Self {
        Self(None)
    }
}

impl<O: CompositeType, K> FieldObjects for LoadOne<O, K> {
    fn type_info(registry: &mut Registry) -> String {
        O::register(registry).to_owned()
    }
}

impl<O: CompositeType, K> FieldObjects for LoadRequired<O, K> {
    fn type_info(registry: &mut Registry) -> String {
        format!("{}!", O::register(registry))
    }
}

impl<O: CompositeType, K> FieldObjects for LoadMany<O, K> {
    fn type_info(registry: &mut Registry) -> String {
        format!("[{}!]!", O::register(registry))
    }
}

impl<O: CompositeType, K> FieldObjects for LoadEach<O, K> {
    fn type_info(registry: &mut Registry) -> String {
        format!("[{}!]!", O::register(registry))
    }
}

impl<O: CompositeType, K: BatchKey> FieldObjects for LoadInto<O, K> {
    fn type_info(registry: &mut Registry) -> String {
        format!("{}!", O::register(registry))
    }
}

impl<P: PageKey<Item: ConnectionItem>> FieldObjects for LoadPage<P> {
    fn type_info(registry: &mut Registry) -> String {
        format!("{}!", Connection::<P::Item>::register(registry))
    }
}

/// Makes a field of values that keys load.
pub(crate) fn keyed<T, Q, K, N>(
    selected: Selected<'_>,
    call: Call<T, Q>,
    key: fn(Q) -> Option<K>,
    pick: Pick<K::Value, N>,
    selection: SelectionOf<N>,
) -> Objects<ReadContext, K::Value, N, SharedSource<ReadContext, T, K::Value>>
where
    T: Send + Sync + 'static,
    Q: Send + 'static,
    K: BatchKey,
    N: Send + Sync + 'static,
{
    let includes = selected.includes();
    Objects::shared(
        Box::new(move |context, parents| {
            let results = call(context, parents);
            async move {
                let keys = results
                    .await
                    .into_iter()
                    .map(|result| Ok(key(result?).map(|key| WithIncludes(key, includes))));
                Ok(load_each(context, keys.collect()).await)
            }
            .boxed()
        }),
        pick,
        selection,
    )
}

impl<T, O, K> ObjectsOf<T> for LoadOne<O, K>
where
    T: Send + Sync + 'static,
    O: CompositeType,
    K: BatchKey<Value = O::Object>,
{
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<O>()?;
        let objects = keyed(selected, call, |it: Self| it.0, Pick::itself(), selection);
        Some(FieldResolver::objects(objects))
    }
}

impl<T, O, K> ObjectsOf<T> for LoadRequired<O, K>
where
    T: Send + Sync + 'static,
    O: CompositeType,
    K: BatchKey<Value = O::Object>,
{
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<O>()?;
        let objects = keyed(
            selected,
            call,
            |it: Self| Some(it.0),
            Pick::itself(),
            selection,
        );
        Some(FieldResolver::objects(objects.or_fail(missing::<K>)))
    }
}

impl<T, O, K> ObjectsOf<T> for LoadMany<O, K>
where
    T: Send + Sync + 'static,
    O: CompositeType,
    K: BatchKey<Value = Vec<O::Object>>,
{
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<O>()?;
        let objects = keyed(selected, call, |it: Self| it.0, Pick::items(), selection);
        Some(FieldResolver::objects(objects))
    }
}

impl<T, O, K> ObjectsOf<T> for LoadEach<O, K>
where
    T: Send + Sync + 'static,
    O: CompositeType,
    K: BatchKey<Value = O::Object>,
{
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let includes = selected.includes();
        let objects = Objects::found(
            Box::new(move |context, parents| {
                let results = call(context, parents);
                async move {
                    // All keys of the level, each with the number of its parent.
                    let (mut keys, mut parents) = (Vec::new(), Vec::new());
                    let mut lists: Values<Vec<_>, Error> = Vec::new();
                    for (number, answer) in results.await.into_iter().enumerate() {
                        lists.push(match answer {
                            Ok(each) => {
                                parents.resize(parents.len() + each.0.len(), number);
                                let each = each.0.into_iter();
                                keys.extend(each.map(|key| Ok(Some(WithIncludes(key, includes)))));
                                Ok(Some(Vec::new()))
                            }
                            Err(error) => Err(error),
                        });
                    }
                    let loaded = load_each(context, keys).await;
                    for (number, loaded) in parents.into_iter().zip(loaded) {
                        match (&mut lists[number], loaded) {
                            (Ok(Some(list)), Ok(found)) => list.extend(found),
                            (Ok(_), Err(error)) if error.code() == Code::BrokenRow => {}
                            (Ok(_), Err(error)) => lists[number] = Err(error),
                            _ => {}
                        }
                    }
                    Ok(lists)
                }
                .boxed()
            }),
            Pick::Many(|list: &Vec<Arc<O::Object>>, each| {
                for object in list {
                    each(&**object);
                }
            }),
            selected.select::<O>()?,
        );
        Some(FieldResolver::objects(objects))
    }
}

impl<T, O, K> ObjectsOf<T> for LoadInto<O, K>
where
    T: Send + Sync + 'static,
    O: CompositeType,
    K: BatchKey,
{
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<O>()?;
        Some(made(selected, selection, call, |answer: Self| {
            Ok((Some(answer.key), answer.make))
        }))
    }
}

impl<T, P> ObjectsOf<T> for LoadPage<P>
where
    T: Send + Sync + 'static,
    P: PageKey<Value = Slice<<P as PageKey>::Item>>,
    P::Item: ConnectionItem,
{
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>> {
        let selection = selected.select::<Connection<P::Item>>()?;
        Some(made(selected, selection, call, |answer: Self| {
            let (key, total) = match answer.0 {
                Some((key, total)) => (Some(key), total),
                None => (None, TotalCount::Empty),
            };
            if let Some(key) = &key {
                key.check().map_err(refuse)?;
            }
            Ok((key, |slice| LoadedPage::new(slice, total)))
        }))
    }
}

/// Makes a field of objects that are made of what keys load. `split` returns the key of an answer and the
/// function that makes the object.
fn made<T, Q, K, N, M>(
    selected: Selected<'_>,
    selection: SelectionOf<N>,
    call: Call<T, Q>,
    split: fn(Q) -> Result<(Option<K>, M)>,
) -> FieldResolver<T>
where
    T: Send + Sync + 'static,
    Q: Send + 'static,
    K: BatchKey,
    N: Send + Sync + 'static,
    M: FnOnce(Option<Arc<K::Value>>) -> N + Send + 'static,
{
    let includes = selected.includes();
    FieldResolver::objects(Objects::found(
        Box::new(move |context, parents| {
            let results = call(context, parents);
            async move {
                let (mut keys, mut makes) = (Vec::new(), Vec::new());
                for result in results.await {
                    let (key, make) = match result.and_then(split) {
                        Ok((key, make)) => (Ok(key), Some(make)),
                        Err(error) => (Err(error), None),
                    };
                    keys.push(key.map(|key| key.map(|key| WithIncludes(key, includes))));
                    makes.push(make);
                }
                let loaded = load_each(context, keys).await.into_iter();
                let made = loaded.zip(makes).map(|(loaded, make)| {
                    let loaded = loaded?;
                    Ok(make.map(|make| make(loaded)))
                });
                Ok(made.collect())
            }
            .boxed()
        }),
        Pick::itself(),
        selection,
    ))
}

/// The error for an object that the database rules out to be missing.
fn missing<K>() -> Error {
    tracing::error!(key = std::any::type_name::<K>(), "related_object_missing");
    Error::unexplained()
}
