//! Validation rules of the GraphQL specification that apollo-compiler does not check:
//!
//! - The fields of an input object are unique (§5.6.3).
//! - A `@oneOf` object has exactly one field, which is not null (§5.6.5).
//! - Variables are defined and have a fitting type, even inside lists, objects and custom scalars (§5.8.3,
//!   §5.8.5).

use std::collections::HashSet;

use apollo_compiler::ast::{Argument, Type, Value, VariableDefinition};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};

/// A violation of a rule, and its location.
pub(super) struct Violation {
    pub(super) message: String,
    pub(super) location: Option<SourceSpan>,
}

/// The position of a value: the expected type, if it is known, and whether there is a default for an
/// omitted value.
#[derive(Clone, Copy)]
struct Place<'a> {
    ty: Option<&'a Type>,
    has_default: bool,
}

/// A position without a known type. Only the scalar can judge a value inside a custom scalar, but the
/// variables there are still checked.
const ANYWHERE: Place<'static> = Place {
    ty: None,
    has_default: false,
};

struct Checker<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    variables: &'a [Node<VariableDefinition>],
    /// The fragments already visited in this operation.
    walked: HashSet<&'a Name>,
    breaches: Vec<Violation>,
}

/// Returns every violation in a document that is otherwise valid.
pub(super) fn check(schema: &Valid<Schema>, document: &ExecutableDocument) -> Vec<Violation> {
    let mut breaches = Vec::new();
    for operation in document.operations.iter() {
        let mut checker = Checker {
            schema,
            document,
            variables: &operation.variables,
            walked: HashSet::new(),
            breaches: Vec::new(),
        };
        checker.operation(operation);
        breaches.append(&mut checker.breaches);
    }
    breaches
}

impl<'a> Checker<'a> {
    fn operation(&mut self, operation: &'a Operation) {
        for variable in &operation.variables {
            if let Some(value) = &variable.default_value {
                let place = Place {
                    ty: Some(&variable.ty),
                    has_default: false,
                };
                self.value(value, place);
            }
        }
        self.set(&operation.selection_set);
    }

    fn set(&mut self, set: &'a SelectionSet) {
        for selection in &set.selections {
            for directive in selection.directives() {
                if let Some(definition) = self.schema.directive_definitions.get(&directive.name) {
                    self.arguments(&directive.arguments, &definition.arguments);
                }
            }
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.arguments, &field.definition.arguments);
                    self.set(&field.selection_set);
                }
                Selection::InlineFragment(inline) => self.set(&inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    if self.walked.insert(&spread.fragment_name)
                        && let Some(fragment) = spread.fragment_def(self.document)
                    {
                        self.set(&fragment.selection_set);
                    }
                }
            }
        }
    }

    fn arguments(
        &mut self,
        arguments: &'a [Node<Argument>],
        definitions: &'a [Node<apollo_compiler::ast::InputValueDefinition>],
    ) {
        for argument in arguments {
            let definition = definitions
                .iter()
                .find(|definition| definition.name == argument.name);
            if let Some(definition) = definition {
                let place = Place {
                    ty: Some(&definition.ty),
                    has_default: definition.default_value.is_some(),
                };
                self.value(&argument.value, place);
            }
        }
    }

    fn value(&mut self, value: &'a Node<Value>, place: Place<'a>) {
        match value.as_ref() {
            Value::Variable(name) => self.variable(name, value.location(), place),
            Value::List(items) => {
                let item = match place.ty {
                    Some(ty) if ty.is_list() => Place {
                        ty: Some(ty.item_type()),
                        has_default: false,
                    },
                    _ => ANYWHERE,
                };
                for value in items {
                    self.value(value, item);
                }
            }
            Value::Object(members) => self.object(members, value.location(), place),
            _ => {}
        }
    }

    fn object(
        &mut self,
        members: &'a [(Name, Node<Value>)],
        location: Option<SourceSpan>,
        place: Place<'a>,
    ) {
        let mut seen = HashSet::new();
        for (name, value) in members {
            if !seen.insert(name) {
                self.breach(
                    format!("There can be only one input field named \"{name}\"."),
                    name.location().or_else(|| value.location()),
                );
            }
        }
        let object = place
            .ty
            .and_then(|ty| self.schema.types.get(ty.inner_named_type()))
            .and_then(ExtendedType::as_input_object);
        if let Some(object) = object
            && is_one_of(object)
        {
            self.one_of(object, members, location);
        }
        for (name, value) in members {
            let place =
                object
                    .and_then(|object| object.fields.get(name))
                    .map_or(ANYWHERE, |field| Place {
                        ty: Some(&field.ty),
                        has_default: field.default_value.is_some(),
                    });
            self.value(value, place);
        }
    }

    fn one_of(
        &mut self,
        object: &InputObjectType,
        members: &[(Name, Node<Value>)],
        location: Option<SourceSpan>,
    ) {
        let [(name, value)] = members else {
            self.breach(
                format!(
                    "OneOf Input Object \"{}\" must specify exactly one key.",
                    object.name
                ),
                location,
            );
            return;
        };
        let nullable = match value.as_ref() {
            Value::Null => true,
            Value::Variable(variable) => self
                .definition(variable)
                .is_some_and(|definition| !definition.ty.is_non_null()),
            _ => false,
        };
        if nullable {
            self.breach(
                format!("Field \"{}.{name}\" must be non-null.", object.name),
                value.location(),
            );
        }
    }

    fn variable(&mut self, name: &Name, location: Option<SourceSpan>, place: Place<'_>) {
        let Some(definition) = self.definition(name) else {
            self.breach(format!("Variable \"${name}\" is not defined."), location);
            return;
        };
        let Some(wanted) = place.ty else { return };
        let given = &definition.ty;
        let never_null = place.has_default
            || definition
                .default_value
                .as_ref()
                .is_some_and(|value| !value.is_null());
        let fits = if wanted.is_non_null() && !given.is_non_null() && never_null {
            given.is_assignable_to(&wanted.clone().nullable())
        } else {
            given.is_assignable_to(wanted)
        };
        if !fits {
            self.breach(
                format!(
                    "Variable \"${name}\" of type \"{given}\" used in position expecting type \
                     \"{wanted}\"."
                ),
                location,
            );
        }
    }

    fn definition(&self, name: &Name) -> Option<&'a Node<VariableDefinition>> {
        self.variables
            .iter()
            .find(|definition| definition.name == *name)
    }

    fn breach(&mut self, message: String, location: Option<SourceSpan>) {
        self.breaches.push(Violation { message, location });
    }
}

/// Whether this input object requires exactly one field (`@oneOf`).
pub(super) fn is_one_of(object: &InputObjectType) -> bool {
    object.directives.get("oneOf").is_some()
}
