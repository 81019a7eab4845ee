//! Fields that lead to objects.

use std::borrow::Borrow;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::error::Nulled;
use crate::level::{Level, Output, STRETCH, SelectionSet};
use crate::{BatchKey, Context, json, load_each};

/// The future of a field that is resolved for all parents of a level.
pub type LevelFuture<'a, E> = BoxFuture<'a, Result<Box<dyn ResolvedField<E> + 'a>, E>>;

/// A field that leads to objects, as it is selected by an operation.
pub trait ObjectField<C: Context, T>: Send + Sync {
    /// Resolves the field for all parents of a level. An error ends the response.
    fn resolve<'a>(&'a self, context: &'a C, parents: &'a [&'a T]) -> LevelFuture<'a, C::Error>;
}

/// A field that was resolved for all parents of a level.
pub trait ResolvedField<E>: Send + Sync {
    /// Writes the value of the field for the parent at this place of the level.
    fn write(&self, at: usize, out: &mut Output<E>) -> Result<(), Nulled>;

    /// The least number of bytes of the values of all parents, if they are large. It is charged before they
    /// are written.
    fn size_hint(&self) -> usize {
        0
    }
}

/// The function that passes on the objects of a list, in order.
pub type PickMany<V, N> = for<'v> fn(&'v V, &mut dyn FnMut(&'v N));

/// The way in which the objects of a field are found in a value `V`.
pub enum Pick<V: ?Sized, N: ?Sized> {
    /// At most one object. `None` is null.
    One(for<'v> fn(&'v V) -> Option<&'v N>),
    /// A list of objects, which are passed on in order.
    Many(PickMany<V, N>),
}

impl<T> Pick<T, T> {
    /// The value itself.
    pub fn itself() -> Self {
        Self::One(|value| Some(value))
    }
}

impl<N> Pick<Vec<N>, N> {
    /// The items of a list.
    pub fn items() -> Self {
        Self::Many(|items, each| items.iter().for_each(each))
    }
}

impl<V: ?Sized, N: ?Sized> Clone for Pick<V, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: ?Sized, N: ?Sized> Copy for Pick<V, N> {}

/// The selection of the objects of a field.
pub enum Selection<C: Context, N> {
    /// Objects of one type.
    Object(SelectionSet<C, N>),
    /// Objects of an interface or a union.
    Abstract(ByType<C, N>),
}

/// The selections of the objects of an interface or a union, one for each object type.
pub struct ByType<C: Context, N> {
    cases: Vec<Box<dyn Case<C, N>>>,
    /// Returns the error of a value that is of no type.
    failure: fn(&N) -> Option<C::Error>,
}

impl<C: Context, N: Send + Sync + 'static> Default for ByType<C, N> {
    fn default() -> Self {
        Self {
            cases: Vec::new(),
            failure: |_| None,
        }
    }
}

impl<C: Context, N: Send + Sync + 'static> ByType<C, N> {
    /// Adds a type. `project` returns the object of a value, or `None` if the value is of another type.
    #[must_use]
    pub fn with_type<M: Send + Sync + 'static>(
        mut self,
        project: for<'v> fn(&'v N) -> Option<&'v M>,
        set: SelectionSet<C, M>,
    ) -> Self {
        self.cases.push(Box::new(TypeCase { project, set }));
        self
    }

    /// Values of no type are null. Reports the errors of those for which `failure` returns one.
    #[must_use]
    pub fn with_failures(self, failure: fn(&N) -> Option<C::Error>) -> Self {
        Self { failure, ..self }
    }

    /// Returns the number of the case that a value belongs to.
    fn case_of(&self, value: &N) -> Option<usize> {
        self.cases.iter().position(|case| case.matches(value))
    }
}

/// The selection of the objects of one type, with the type erased.
trait Case<C: Context, N>: Send + Sync {
    fn matches(&self, value: &N) -> bool;

    fn is_flat(&self) -> bool;

    fn write_flat(&self, value: &N, context: &C, out: &mut Output<C::Error>) -> Result<(), Nulled>;

    /// Resolves values that all match.
    fn resolve<'a, 'c: 'a>(
        &'a self,
        context: &'c C,
        values: &'a [&'a N],
    ) -> BoxFuture<'a, Result<Level<'c, C>, C::Error>>;
}

struct TypeCase<C: Context, N, M> {
    project: for<'v> fn(&'v N) -> Option<&'v M>,
    set: SelectionSet<C, M>,
}

impl<C: Context, N: Send + Sync + 'static, M: Send + Sync + 'static> Case<C, N>
    for TypeCase<C, N, M>
{
    fn matches(&self, value: &N) -> bool {
        (self.project)(value).is_some()
    }

    fn is_flat(&self) -> bool {
        self.set.is_flat()
    }

    fn write_flat(&self, value: &N, context: &C, out: &mut Output<C::Error>) -> Result<(), Nulled> {
        match (self.project)(value) {
            Some(object) => self.set.write_flat(object, context, out),
            None => Err(Nulled),
        }
    }

    fn resolve<'a, 'c: 'a>(
        &'a self,
        context: &'c C,
        values: &'a [&'a N],
    ) -> BoxFuture<'a, Result<Level<'c, C>, C::Error>> {
        Box::pin(async move {
            let objects = values.iter().filter_map(|value| (self.project)(value));
            let objects: Vec<&M> = objects.collect();
            self.set.resolve(context, &objects).await
        })
    }
}

impl<C: Context, N: Send + Sync + 'static> Selection<C, N> {
    fn is_flat(&self) -> bool {
        match self {
            Self::Object(set) => set.is_flat(),
            Self::Abstract(types) => types.cases.iter().all(|case| case.is_flat()),
        }
    }

    fn write_flat(
        &self,
        object: &N,
        context: &C,
        out: &mut Output<C::Error>,
    ) -> Result<(), Nulled> {
        match self {
            Self::Object(set) => set.write_flat(object, context, out),
            Self::Abstract(types) => match types.case_of(object) {
                Some(number) => types.cases[number].write_flat(object, context, out),
                None => out.absent((types.failure)(object)),
            },
        }
    }

    async fn resolve<'c>(
        &self,
        context: &'c C,
        objects: &[&N],
    ) -> Result<Written<'c, C>, C::Error> {
        let types = match self {
            Self::Object(set) => return Ok(Written::Object(set.resolve(context, objects).await?)),
            Self::Abstract(types) => types,
        };
        // The objects are sorted by type, so that each type is one level.
        let mut of_type: Vec<Vec<&N>> = Vec::new();
        of_type.resize_with(types.cases.len(), Vec::new);
        let mut places = Vec::with_capacity(objects.len());
        for object in objects {
            places.push(match types.case_of(object) {
                Some(number) => {
                    of_type[number].push(object);
                    Place::Object(number, of_type[number].len() - 1)
                }
                None => Place::Absent((types.failure)(object)),
            });
        }
        let cases = types.cases.iter().zip(&of_type);
        let levels = cases.map(|(case, objects)| case.resolve(context, objects));
        let levels = futures::future::try_join_all(levels).await?;
        Ok(Written::Abstract(places, levels))
    }
}

/// The objects of a field, written.
enum Written<'a, C: Context> {
    Object(Level<'a, C>),
    /// The place of each value, and the level of each type.
    Abstract(Vec<Place<C::Error>>, Vec<Level<'a, C>>),
}

/// The place of a value of an interface or a union.
enum Place<E> {
    /// The number of its type, and its place among the objects of this type.
    Object(usize, usize),
    /// A value of no type, with its error.
    Absent(Option<E>),
}

impl<C: Context> Written<'_, C> {
    fn bytes(&self) -> usize {
        match self {
            Self::Object(level) => level.bytes(),
            Self::Abstract(_, levels) => levels.iter().map(Level::bytes).sum(),
        }
    }

    fn write(&self, at: usize, out: &mut Output<C::Error>) -> Result<(), Nulled> {
        match self {
            Self::Object(level) => level.write(at, out),
            Self::Abstract(places, levels) => match &places[at] {
                Place::Object(number, place) => levels[*number].write(*place, out),
                Place::Absent(error) => out.absent(error.clone()),
            },
        }
    }
}

/// The value of each parent: found, not found, or failed.
pub type Values<H, E> = Vec<Result<Option<H>, E>>;

/// The values of all parents, when they are found. An error ends the response.
pub type FindFuture<'a, H, E> = BoxFuture<'a, Result<Values<H, E>, E>>;

/// The function that finds the values of all parents of a level.
pub type Find<C, T, H> = Box<
    dyn for<'a> Fn(&'a C, &'a [&'a T]) -> FindFuture<'a, H, <C as Context>::Error> + Send + Sync,
>;

/// A field that leads to objects.
///
/// For each parent it finds a value: a part of the parent ([`Objects::part`]), what a key loads
/// ([`Objects::keyed`]) or anything else ([`Objects::shared`], [`Objects::found`]). `pick` finds the objects in
/// the value.
pub struct Objects<C: Context, V, N, S> {
    source: S,
    shape: Shape<C, V, N>,
}

/// The way from a value to the objects of a field. It does not depend on the parent, so that it is compiled once
/// for all parents.
struct Shape<C: Context, V, N> {
    pick: Pick<V, N>,
    selection: Selection<C, N>,
    nullable_items: bool,
    /// The error for a value that is not found. `None` if the field is null then, or an empty list.
    missing: Option<fn() -> C::Error>,
    /// Tells which errors of a list are reported while the list is empty, in place of null.
    lenient: Option<fn(&C::Error) -> bool>,
}

/// A source of values that are borrowed from their parents.
pub struct PartSource<T, V>(for<'v> fn(&'v T) -> &'v V);

/// A source of values that are loaded, and shared.
pub struct SharedSource<C: Context, T, V>(Find<C, T, Arc<V>>);

/// A source of values that are made for the response.
pub struct OwnedSource<C: Context, T, V>(Find<C, T, V>);

impl<C: Context, V, N, T> Objects<C, V, N, PartSource<T, V>> {
    /// Creates a field whose objects are parts of the parent.
    pub fn part(
        part: for<'v> fn(&'v T) -> &'v V,
        pick: Pick<V, N>,
        selection: Selection<C, N>,
    ) -> Self {
        Self::new(PartSource(part), pick, selection)
    }
}

impl<C, V, N, T> Objects<C, V, N, SharedSource<C, T, V>>
where
    C: Context,
    V: Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    /// Creates a field whose objects are loaded by a key. `key` returns `None` if there is nothing to
    /// load.
    pub fn keyed<K: BatchKey<C, Value = V>>(
        key: impl Fn(&T, &C) -> Result<Option<K>, C::Error> + Send + Sync + 'static,
        pick: Pick<V, N>,
        selection: Selection<C, N>,
    ) -> Self {
        let key = Arc::new(key);
        let find: Find<C, T, Arc<V>> = Box::new(move |context, parents| {
            let key = Arc::clone(&key);
            Box::pin(async move {
                let keys = parents.iter().map(|parent| key(parent, context));
                Ok(load_each(context, keys.collect()).await)
            })
        });
        Self::shared(find, pick, selection)
    }

    /// Creates a field whose objects are parts of shared values that `find` returns, one for each parent.
    pub fn shared(find: Find<C, T, Arc<V>>, pick: Pick<V, N>, selection: Selection<C, N>) -> Self {
        Self::new(SharedSource(find), pick, selection)
    }
}

impl<C: Context, V, N, T> Objects<C, V, N, OwnedSource<C, T, V>> {
    /// Creates a field whose objects are parts of values that `find` returns, one for each parent.
    pub fn found(find: Find<C, T, V>, pick: Pick<V, N>, selection: Selection<C, N>) -> Self {
        Self::new(OwnedSource(find), pick, selection)
    }
}

impl<C: Context, V, N, S> Objects<C, V, N, S> {
    fn new(source: S, pick: Pick<V, N>, selection: Selection<C, N>) -> Self {
        Self {
            source,
            shape: Shape {
                pick,
                selection,
                nullable_items: false,
                missing: None,
                lenient: None,
            },
        }
    }

    /// Fails with this error if nothing is found.
    #[must_use]
    pub fn or_fail(mut self, missing: fn() -> C::Error) -> Self {
        self.shape.missing = Some(missing);
        self
    }

    /// Reports the errors for which `lenient` holds, and writes an empty list in place of null.
    #[must_use]
    pub fn or_empty(mut self, lenient: fn(&C::Error) -> bool) -> Self {
        self.shape.lenient = Some(lenient);
        self
    }

    /// Lets items of the list be null.
    #[must_use]
    pub fn with_nullable_items(mut self) -> Self {
        self.shape.nullable_items = true;
        self
    }
}

impl<C, V, N> Shape<C, V, N>
where
    C: Context,
    V: Send + Sync + 'static,
    N: Send + Sync + 'static,
{
    /// Resolves the objects in the values of all parents.
    async fn resolve<'a, H: Borrow<V> + Send + Sync + 'a>(
        &'a self,
        context: &'a C,
        parents: usize,
        mut values: Values<H, C::Error>,
    ) -> Result<Box<dyn ResolvedField<C::Error> + 'a>, C::Error> {
        debug_assert_eq!(values.len(), parents, "one value for each parent");
        values.resize_with(parents, || Ok(None));
        let mut firsts = Vec::new();
        let mut written = None;
        if !self.selection.is_flat() {
            let mut objects = Vec::with_capacity(values.len());
            firsts.reserve(values.len());
            for value in &values {
                firsts.push(objects.len());
                if let Ok(Some(value)) = value {
                    match self.pick {
                        Pick::One(pick) => objects.extend(pick(value.borrow())),
                        Pick::Many(pick) => {
                            pick(value.borrow(), &mut |object| objects.push(object));
                        }
                    }
                }
            }
            written = Some(self.selection.resolve(context, &objects).await?);
        }
        Ok(Box::new(Resolved {
            shape: self,
            context,
            values,
            firsts,
            written,
        }))
    }

    /// Waits for the values of all parents, and resolves the objects in them.
    async fn resolve_found<'a, H: Borrow<V> + Send + Sync + 'a>(
        &'a self,
        context: &'a C,
        parents: usize,
        values: FindFuture<'a, H, C::Error>,
    ) -> Result<Box<dyn ResolvedField<C::Error> + 'a>, C::Error> {
        self.resolve(context, parents, values.await?).await
    }
}

impl<C, T, V, N> ObjectField<C, T> for Objects<C, V, N, PartSource<T, V>>
where
    C: Context,
    T: Send + Sync + 'static,
    V: Send + Sync + 'static,
    N: Send + Sync + 'static,
{
    fn resolve<'a>(&'a self, context: &'a C, parents: &'a [&'a T]) -> LevelFuture<'a, C::Error> {
        let part = self.source.0;
        let values: Values<&'a V, _> = parents
            .iter()
            .map(|parent| Ok(Some(part(parent))))
            .collect();
        Box::pin(self.shape.resolve(context, parents.len(), values))
    }
}

impl<C, T, V, N> ObjectField<C, T> for Objects<C, V, N, SharedSource<C, T, V>>
where
    C: Context,
    T: Send + Sync + 'static,
    V: Send + Sync + 'static,
    N: Send + Sync + 'static,
{
    fn resolve<'a>(&'a self, context: &'a C, parents: &'a [&'a T]) -> LevelFuture<'a, C::Error> {
        let values = (self.source.0)(context, parents);
        Box::pin(self.shape.resolve_found(context, parents.len(), values))
    }
}

impl<C, T, V, N> ObjectField<C, T> for Objects<C, V, N, OwnedSource<C, T, V>>
where
    C: Context,
    T: Send + Sync + 'static,
    V: Send + Sync + 'static,
    N: Send + Sync + 'static,
{
    fn resolve<'a>(&'a self, context: &'a C, parents: &'a [&'a T]) -> LevelFuture<'a, C::Error> {
        let values = (self.source.0)(context, parents);
        Box::pin(self.shape.resolve_found(context, parents.len(), values))
    }
}

/// A field with the values of all parents of a level.
struct Resolved<'a, C: Context, V, N, H> {
    shape: &'a Shape<C, V, N>,
    context: &'a C,
    values: Values<H, C::Error>,
    /// The place of each parent's first object in the level below.
    firsts: Vec<usize>,
    /// The level below. `None` if its objects are written straight from the values.
    written: Option<Written<'a, C>>,
}

impl<C, V, N, H> Resolved<'_, C, V, N, H>
where
    C: Context,
    N: Send + Sync + 'static,
{
    fn object(
        &self,
        parent: usize,
        number: usize,
        object: &N,
        out: &mut Output<C::Error>,
    ) -> Result<(), Nulled> {
        match &self.written {
            Some(written) => written.write(self.firsts[parent] + number, out),
            None => self.shape.selection.write_flat(object, self.context, out),
        }
    }
}

impl<C, V, N, H> ResolvedField<C::Error> for Resolved<'_, C, V, N, H>
where
    C: Context,
    V: Send + Sync + 'static,
    N: Send + Sync + 'static,
    H: Borrow<V> + Send + Sync,
{
    fn size_hint(&self) -> usize {
        self.written.as_ref().map_or(0, Written::bytes)
    }

    fn write(&self, at: usize, out: &mut Output<C::Error>) -> Result<(), Nulled> {
        let value = match &self.values[at] {
            Ok(Some(value)) => Some(value.borrow()),
            Ok(None) => match self.shape.missing {
                Some(missing) => return out.fail(missing()),
                None => None,
            },
            Err(error) if self.shape.lenient.is_some_and(|is| is(error)) => {
                out.report(error.clone());
                None
            }
            Err(error) => return out.fail(error.clone()),
        };
        match self.shape.pick {
            Pick::One(pick) => match value.and_then(pick) {
                Some(object) => self.object(at, 0, object, out)?,
                None => json::null(out.text()),
            },
            Pick::Many(pick) => {
                out.text().push(b'[');
                let before = out.errors();
                let (mut number, mut written) = (0, Ok(()));
                if let Some(value) = value {
                    pick(value, &mut |object| {
                        if written.is_err() {
                            return;
                        }
                        if number > 0 {
                            out.text().push(b',');
                        }
                        let errors = out.errors();
                        written = out.item(number, self.shape.nullable_items, |out| {
                            self.object(at, number, object, out)
                        });
                        if written.is_err() {
                            out.discard(before..errors);
                        } else {
                            // One object may be repeated in a list.
                            written = out.charge(self.context, STRETCH);
                        }
                        number += 1;
                    });
                }
                written?;
                out.text().push(b']');
            }
        }
        Ok(())
    }
}
