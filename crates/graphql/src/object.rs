//! Object types: how each is declared, compiled from a query, and resolved a level at a time.
//!
//! [`macro@object`] declares a type once. The schema is made of its [`declarations`](Object::declarations), and
//! a planned query is compiled to selection sets of its [`resolver`](Object::resolver)s ([`compile`]), which
//! the executor resolves.
//!
//! | module | |
//! |---|---|
//! | `arguments` | the arguments of a selected field |
//! | `context` | the context of one request, and the execution of a query |
//! | `declaration` | the schema that the engine publishes |
//! | `engine` | objects of payloads, which the engine leads to |
//! | `load` | fields that return keys |
//! | `nested` | fields whose objects are part of the parent |
//! | `owned` | fields whose objects an `async fn` has made or found |
//! | `value` | scalars, enums and lists of them |

mod arguments;
mod context;
mod declaration;
mod engine;
mod load;
mod nested;
mod owned;
mod value;

use async_graphql::Positioned;
use async_graphql::registry::Registry;
use async_graphql_parser::types::{
    Field as PlannedField, OperationDefinition, Selection, SelectionSet,
};
use futures::future::BoxFuture;
use khabar_executor::{ByType, Field, Location, Resolver, json};
use khabar_persistence::Includes;

use crate::document::FieldGuard;
use crate::error::Result;
use crate::query::Query;

pub(crate) use khabar_macros::object;

pub(crate) use self::arguments::{Arguments, page_arguments};
pub(crate) use self::context::{BEGINNING, Executed, ReadContext, execute};
pub(crate) use self::declaration::{
    ArgumentDeclaration, FieldDeclaration, register_interface, register_object, register_union,
};
pub(crate) use self::engine::{EngineList, EngineObject, EngineQuery, RootFields};
pub(crate) use self::load::{LoadEach, LoadInto, LoadMany, LoadOne, LoadPage, LoadRequired, keyed};
pub(crate) use self::nested::{Nested, NestedList, NestedOption, nested, nested_list};
pub(crate) use self::owned::{Nullable, Owned, OwnedList, OwnedOption, Shared, found};
pub(crate) use self::value::{FieldValue, OrDefault, async_value, enums, value, write_enum};

/// The selection set of objects of type `T`.
pub(crate) type Fields<T> = khabar_executor::SelectionSet<ReadContext, T>;
/// The resolver of a field of objects of type `T`.
pub(crate) type FieldResolver<T> = Resolver<ReadContext, T>;
/// The selection of objects of type `T`.
pub(crate) type SelectionOf<T> = khabar_executor::Selection<ReadContext, T>;
/// The results of a field for all objects of a level.
pub(crate) type FieldResults<'a, Q> = BoxFuture<'a, Vec<Result<Q>>>;
/// The function that calls a field for all objects of a level.
pub(crate) type Call<T, Q> =
    Box<dyn for<'a> Fn(&'a ReadContext, &'a [&'a T]) -> FieldResults<'a, Q> + Send + Sync>;

/// An object type of the schema. Declared with [`macro@object`].
pub(crate) trait Object: 'static {
    /// The type of its objects.
    type Object: Send + Sync + 'static;
    /// The name in the schema.
    const NAME: &'static str;
    /// The description in the schema.
    const DESCRIPTION: &'static str;

    /// Returns the fields, in the order of their declaration.
    fn declarations() -> Vec<FieldDeclaration>;

    /// Returns the resolver of a field. `None` if there is no field of this name.
    fn resolver(selected: Selected<'_>) -> Option<FieldResolver<Self::Object>>;

    /// Returns what tells its objects apart, if they may appear many times in a response.
    fn identity() -> Option<fn(&Self::Object) -> u128> {
        None
    }
}

/// A type with fields: an object type, an interface or a union.
pub(crate) trait CompositeType: 'static {
    /// The type of its objects.
    type Object: Send + Sync + 'static;

    /// Adds the type to the schema, and returns its name.
    fn register(registry: &mut Registry) -> &'static str;

    /// Compiles what a query selects of its objects.
    fn select(selection_set: &SelectionSet) -> Option<SelectionOf<Self::Object>>;
}

impl<O: Object> CompositeType for O {
    type Object = O::Object;

    fn register(registry: &mut Registry) -> &'static str {
        register_object::<O>(registry);
        O::NAME
    }

    fn select(selection_set: &SelectionSet) -> Option<SelectionOf<O::Object>> {
        Some(SelectionOf::Object(compile_set::<O>(selection_set)?))
    }
}

/// The type of a field that leads to objects, as the schema has it.
pub(crate) trait FieldObjects {
    /// Adds the type to the schema, and returns its name with `!` if it is non-null.
    fn type_info(registry: &mut Registry) -> String;
}

/// The objects that a field of `T` leads to.
pub(crate) trait ObjectsOf<T: Send + Sync + 'static>: FieldObjects + Sized {
    /// Returns the resolver of a selected field. `call` calls it for all objects of a level.
    fn resolver(selected: Selected<'_>, call: Call<T, Self>) -> Option<FieldResolver<T>>;
}

/// A field that a query selects.
#[derive(Clone, Copy)]
pub(crate) struct Selected<'a> {
    field: &'a PlannedField,
}

/// A compiled query.
pub(crate) struct CompiledQuery(Fields<Query>);

/// The function that compiles a planned query.
pub(crate) type Compile = fn(&OperationDefinition) -> Option<CompiledQuery>;

/// Compiles a planned query. Returns `None` if it selects introspection, which the engine executes.
pub(crate) fn compile(operation: &OperationDefinition) -> Option<CompiledQuery> {
    compile_set::<Query>(&operation.selection_set.node).map(CompiledQuery)
}

impl<'a> Selected<'a> {
    pub(crate) fn name(self) -> &'a str {
        self.field.name.node.as_str()
    }

    /// Compiles what the field selects of the objects that it leads to.
    pub(crate) fn select<O: CompositeType>(self) -> Option<SelectionOf<O::Object>> {
        O::select(&self.field.selection_set.node)
    }

    /// Returns which related objects the field selects of those that it leads to.
    pub(crate) fn includes(self) -> Includes {
        includes(&self.field.selection_set.node)
    }
}

fn compile_set<O: Object>(set: &SelectionSet) -> Option<Fields<O::Object>> {
    let fields = set.items.iter().map(|item| match &item.node {
        Selection::Field(field) => compile_field::<O>(field),
        // The plan has fragments on interfaces and unions only.
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => None,
    });
    let fields = Fields::new(fields.collect::<Option<Vec<_>>>()?);
    Some(match O::identity() {
        Some(identity) => fields.with_identity(identity),
        None => fields,
    })
}

/// Adds a type to the selection of an interface or a union.
pub(crate) fn with_type<N: Send + Sync + 'static, O: Object>(
    types: ByType<ReadContext, N>,
    set: &SelectionSet,
    project: for<'v> fn(&'v N) -> Option<&'v O::Object>,
) -> Option<ByType<ReadContext, N>> {
    let mut items = Vec::new();
    merge(&mut items, &set.items, Some(O::NAME));
    let set = SelectionSet { items };
    Some(types.with_type(project, compile_set::<O>(&set)?))
}

/// Adds selections to those of one object type. Fields with the same response key are merged (§5.3.2 of the
/// specification makes sure that they can be), fragments on `ty` are inlined, and others are left out. Without
/// `ty`, fragments are kept as they are.
fn merge(items: &mut Vec<Positioned<Selection>>, more: &[Positioned<Selection>], ty: Option<&str>) {
    for item in more {
        match &item.node {
            Selection::Field(field) => {
                let key = field.node.response_key();
                let same = items.iter_mut().find_map(|item| match &mut item.node {
                    Selection::Field(other) if other.node.response_key().node == key.node => {
                        Some(&mut other.node.selection_set.node.items)
                    }
                    _ => None,
                });
                match same {
                    Some(below) => merge(below, &field.node.selection_set.node.items, None),
                    None => items.push(item.clone()),
                }
            }
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref();
                let on = on.map(|condition| condition.node.on.node.as_str());
                match ty {
                    Some(ty) if on.is_none_or(|on| on == ty) => {
                        merge(items, &fragment.node.selection_set.node.items, Some(ty));
                    }
                    Some(_) => {}
                    None => items.push(item.clone()),
                }
            }
            Selection::FragmentSpread(_) => items.push(item.clone()),
        }
    }
}

fn compile_field<O: Object>(
    field: &Positioned<PlannedField>,
) -> Option<Field<ReadContext, O::Object>> {
    let selected = Selected { field: &field.node };
    let resolver = match selected.name() {
        "__typename" => FieldResolver::value(|_, _, text| {
            json::string(O::NAME, text);
            Ok(())
        }),
        _ => O::resolver(selected)?,
    };
    let mut directives = field.node.directives.iter();
    let nullable = FieldGuard::Nullable.name();
    Some(Field::new(
        field.node.response_key().node.as_str(),
        Location {
            line: field.pos.line,
            column: field.pos.column,
        },
        directives.any(|it| it.node.name.node == nullable),
        resolver,
    ))
}

/// Returns which related objects a selection includes: of an object, of a list or of a connection.
fn includes(set: &SelectionSet) -> Includes {
    let fields = set.items.iter().filter_map(|item| match &item.node {
        Selection::Field(field) => Some(&field.node),
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => None,
    });
    fields
        .map(field_includes)
        .fold(Includes::NOTHING, Includes::and)
}

fn field_includes(field: &PlannedField) -> Includes {
    let below = &field.selection_set.node;
    let with_pictures = |these: Includes, pictures| {
        if includes(below).has(Includes::PICTURE) {
            these.and(pictures)
        } else {
            these
        }
    };
    match field.name.node.as_str() {
        "hero" | "image" | "portrait" => Includes::PICTURE,
        "authors" => with_pictures(Includes::AUTHORS, Includes::PORTRAITS),
        "topics" => Includes::TOPICS,
        "stories" => with_pictures(Includes::STORIES, Includes::IMAGES),
        "body" | "bodyHtml" | "bodyText" => Includes::BODY,
        // The levels between a connection, or a timeline, and its items.
        "nodes" | "edges" | "node" => includes(below),
        "days" => {
            let lists = below.items.iter().filter_map(|item| match &item.node {
                Selection::Field(field) if field.node.name.node == "articles" => {
                    Some(includes(&field.node.selection_set.node))
                }
                _ => None,
            });
            lists.fold(Includes::NOTHING, Includes::and)
        }
        _ => Includes::NOTHING,
    }
}
