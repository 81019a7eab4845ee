//! Fields whose objects are part of the parent.

use async_graphql::registry::Registry;
use khabar_executor::{Objects, Pick, PickMany};

use super::{CompositeType, FieldObjects, FieldResolver, Selected};

/// An object that is part of the parent.
pub(crate) struct Nested<'v, O: CompositeType>(pub(crate) &'v O::Object);

/// An object that is part of the parent, or null.
pub(crate) struct NestedOption<'v, O: CompositeType>(pub(crate) Option<&'v O::Object>);

/// A list of objects that are part of the parent.
pub(crate) struct NestedList<'v, O: CompositeType>(
    Box<dyn Iterator<Item = &'v <O as CompositeType>::Object> + 'v>,
);

impl<'v, O: CompositeType> Nested<'v, O> {
    /// Returns the object as one that may be null.
    pub(crate) fn optional(self) -> NestedOption<'v, O> {
        NestedOption(Some(self.0))
    }
}

impl<O: CompositeType> NestedOption<'_, O> {
    pub(crate) fn optional(self) -> Self {
        self
    }
}

impl<'v, O: CompositeType> NestedList<'v, O> {
    pub(crate) fn new(objects: impl Iterator<Item = &'v O::Object> + 'v) -> Self {
        Self(Box::new(objects))
    }

    pub(crate) fn for_each(self, each: &mut dyn FnMut(&'v O::Object)) {
        self.0.for_each(each);
    }
}

impl<O: CompositeType> FieldObjects for Nested<'_, O> {
    fn type_info(registry: &mut Registry) -> String {
        format!("{}!", O::register(registry))
    }
}

impl<O: CompositeType> FieldObjects for NestedOption<'_, O> {
    fn type_info(registry: &mut Registry) -> String {
        O::register(registry).to_owned()
    }
}

impl<O: CompositeType> FieldObjects for NestedList<'_, O> {
    fn type_info(registry: &mut Registry) -> String {
        format!("[{}!]!", O::register(registry))
    }
}

/// Returns the resolver of a field whose object is part of the parent.
pub(crate) fn nested<O: CompositeType, T: Send + Sync + 'static>(
    selected: Selected<'_>,
    pick: for<'v> fn(&'v T) -> Option<&'v O::Object>,
) -> Option<FieldResolver<T>> {
    part::<O, T>(selected, Pick::One(pick))
}

/// Returns the resolver of a field whose objects are part of the parent.
pub(crate) fn nested_list<O: CompositeType, T: Send + Sync + 'static>(
    selected: Selected<'_>,
    pick: PickMany<T, O::Object>,
) -> Option<FieldResolver<T>> {
    part::<O, T>(selected, Pick::Many(pick))
}

fn part<O: CompositeType, T: Send + Sync + 'static>(
    selected: Selected<'_>,
    pick: Pick<T, O::Object>,
) -> Option<FieldResolver<T>> {
    let selection = selected.select::<O>()?;
    let objects = Objects::part(|parent: &T| parent, pick, selection);
    Some(FieldResolver::objects(objects))
}
