//! The declaration of types for the schema that the engine publishes.

use async_graphql::indexmap::{IndexMap, IndexSet};
use async_graphql::registry::{
    MetaField, MetaInputValue, MetaType, MetaTypeId, ObjectBuilder, Registry,
};

use super::{EngineObject, Object};

/// The declaration of a field.
pub(crate) struct FieldDeclaration {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) arguments: Vec<ArgumentDeclaration>,
    /// Adds the type of the field to the schema, and returns its name.
    pub(crate) type_info: fn(&mut Registry) -> String,
}

/// The declaration of an argument.
pub(crate) struct ArgumentDeclaration {
    pub(crate) name: &'static str,
    pub(crate) description: Option<&'static str>,
    /// Adds the type of the argument to the schema, and returns its name.
    pub(crate) type_info: fn(&mut Registry) -> String,
}

/// Adds an object type to the schema.
pub(crate) fn register_object<O: Object>(registry: &mut Registry) {
    registry.create_output_type::<EngineObject<O>, _>(MetaTypeId::Object, |registry| {
        ObjectBuilder::new(O::NAME, fields(registry, O::declarations()))
            .description(Some(O::DESCRIPTION.to_owned()))
            .rust_typename(std::any::type_name::<EngineObject<O>>())
            .build()
    });
}

/// The functions that add object types to the schema, and return their names.
type Types = [fn(&mut Registry) -> &'static str];

/// Adds an interface to the schema, and its object types.
pub(crate) fn register_interface(
    registry: &mut Registry,
    name: &'static str,
    description: &str,
    declarations: fn() -> Vec<FieldDeclaration>,
    types: &Types,
) {
    register(registry, name, |registry, is_complete| {
        let types = if is_complete { types } else { &[] };
        let possible_types = possible_types(registry, types);
        for object in &possible_types {
            registry.add_implements(object, name);
        }
        MetaType::Interface {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            fields: fields(registry, declarations()),
            possible_types,
            extends: false,
            keys: None,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            rust_typename: None,
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        }
    });
}

/// Adds a union to the schema, and its object types.
pub(crate) fn register_union(
    registry: &mut Registry,
    name: &'static str,
    description: &str,
    types: &Types,
) {
    register(registry, name, |registry, is_complete| MetaType::Union {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        possible_types: possible_types(registry, if is_complete { types } else { &[] }),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: None,
        directive_invocations: Vec::new(),
    });
}

/// Adds a type to the schema once: first without the types that it refers to, which may refer to it.
fn register(
    registry: &mut Registry,
    name: &'static str,
    make: impl Fn(&mut Registry, bool) -> MetaType,
) {
    if registry.types.contains_key(name) {
        return;
    }
    for is_complete in [false, true] {
        let ty = make(registry, is_complete);
        registry.types.insert(name.to_owned(), ty);
    }
}

fn possible_types(registry: &mut Registry, types: &Types) -> IndexSet<String> {
    types
        .iter()
        .map(|register| register(registry).to_owned())
        .collect()
}

fn fields(
    registry: &mut Registry,
    declarations: Vec<FieldDeclaration>,
) -> IndexMap<String, MetaField> {
    let fields = declarations.into_iter().map(|declaration| {
        let mut field = MetaField::new(declaration.name, (declaration.type_info)(registry));
        field.description = Some(declaration.description.to_owned());
        for argument in declaration.arguments {
            let mut value = MetaInputValue::new(argument.name, (argument.type_info)(registry));
            value.description = argument.description.map(str::to_owned);
            field.args.insert(argument.name.to_owned(), value);
        }
        (declaration.name.to_owned(), field)
    });
    fields.collect()
}
