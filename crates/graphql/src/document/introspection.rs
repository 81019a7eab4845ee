//! The cost of introspection: the number of fields in its answer.
//!
//! The schema is known, so nothing has to be estimated. The selections are walked as the engine would
//! resolve them, but the answer is only counted, not built. The walk stops at the limit, so its duration
//! is limited too.

use apollo_compiler::ast::{self, Type};
use apollo_compiler::collections::{HashMap, IndexMap};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::{
    Component, DirectiveDefinition, EnumValueDefinition, ExtendedType, FieldDefinition,
    Implementers, InputValueDefinition,
};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Node, Schema};
use async_graphql_parser::types as engine;
use async_graphql_value::Value as EngineValue;

use crate::limit::count;

/// The size of an answer: the number of fields, and the bytes of their names and values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) fields: u64,
    pub(super) bytes: u64,
}

/// A counter for the size of an introspection answer.
pub(super) struct Counter<'a> {
    pub(super) schema: &'a Valid<Schema>,
    pub(super) implementers: &'a HashMap<Name, Implementers>,
    pub(super) variables: &'a JsonMap,
    /// The size at which counting stops.
    pub(super) most: Size,
    pub(super) size: Size,
}

/// An object in the introspection schema.
#[derive(Clone, Copy)]
enum Thing<'a> {
    Schema,
    /// A list or non-null type, and whether its non-null wrapper was removed already.
    Wrapped(&'a Type, bool),
    Named(&'a Name, &'a ExtendedType),
    Field(&'a FieldDefinition),
    Input(&'a InputValueDefinition),
    Value(&'a EnumValueDefinition),
    Directive(&'a DirectiveDefinition),
}

/// The value of an introspection field.
enum Answer<'a> {
    /// Null or a scalar value, with its size in bytes.
    Word(usize),
    One(Thing<'a>),
    Many(Vec<Thing<'a>>),
}

/// The signal that counting has stopped because the answer exceeds the limit.
struct Full;

impl<'a> Counter<'a> {
    /// Adds the answer of a root field of a query, and returns the new size.
    pub(super) fn add(mut self, field: &engine::Field) -> Size {
        // An excess shows in the size, so the error can be ignored.
        let _ = self.root(field);
        self.size
    }

    fn root(&mut self, field: &engine::Field) -> Result<(), Full> {
        let thing = match field.name.node.as_str() {
            "__schema" => Some(Thing::Schema),
            _ => match argument(field, "name") {
                Some(EngineValue::String(name)) => self.named(name),
                Some(EngineValue::Variable(name)) => self
                    .variables
                    .get(name.as_str())
                    .and_then(JsonValue::as_str)
                    .and_then(|name| self.named(name)),
                _ => None,
            },
        };
        let answer = thing.map_or(Answer::Word(4), Answer::One);
        self.field(field, answer)
    }

    fn field(&mut self, field: &engine::Field, answer: Answer<'a>) -> Result<(), Full> {
        let key = field.alias.as_ref().unwrap_or(&field.name);
        // The response key with its quotes, a colon and a comma.
        self.count(1, key.node.len() + 4)?;
        match answer {
            Answer::Word(bytes) => self.count(0, bytes),
            Answer::One(thing) => self.object(field, thing),
            Answer::Many(things) => things
                .into_iter()
                .try_for_each(|thing| self.object(field, thing)),
        }
    }

    fn object(&mut self, field: &engine::Field, thing: Thing<'a>) -> Result<(), Full> {
        self.count(0, 3)?;
        self.set(&field.selection_set.node, thing)
    }

    fn set(&mut self, set: &engine::SelectionSet, thing: Thing<'a>) -> Result<(), Full> {
        for item in &set.items {
            match &item.node {
                engine::Selection::Field(field) => {
                    let answer = self.answer(&field.node, thing);
                    self.field(&field.node, answer)?;
                }
                engine::Selection::InlineFragment(inline) => {
                    self.set(&inline.node.selection_set.node, thing)?;
                }
                engine::Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn count(&mut self, fields: u64, bytes: usize) -> Result<(), Full> {
        self.size.fields += fields;
        self.size.bytes += count(bytes);
        let is_full = self.size.fields > self.most.fields || self.size.bytes > self.most.bytes;
        if is_full { Err(Full) } else { Ok(()) }
    }

    fn answer(&self, field: &engine::Field, thing: Thing<'a>) -> Answer<'a> {
        let old = || self.with_deprecated(field);
        let name = field.name.node.as_str();
        match thing {
            Thing::Schema => self.of_schema(name),
            Thing::Wrapped(ty, is_open) => match name {
                "ofType" if !is_open && ty.is_non_null() => self.reference(ty, true),
                "ofType" => self.reference(ty.item_type(), false),
                _ => Answer::Word(10),
            },
            Thing::Named(name, ty) => self.of_type(field, name, ty),
            Thing::Field(it) => match name {
                "args" => inputs(it.arguments.iter(), old()),
                "type" => self.reference(&it.ty, false),
                _ => described(name, &it.name, it.description.as_deref(), &it.directives),
            },
            Thing::Input(it) => match name {
                "type" => self.reference(&it.ty, false),
                "defaultValue" => Answer::Word(match &it.default_value {
                    Some(value) => value.to_string().len() + 2,
                    None => 4,
                }),
                _ => described(name, &it.name, it.description.as_deref(), &it.directives),
            },
            Thing::Value(it) => {
                described(name, &it.value, it.description.as_deref(), &it.directives)
            }
            Thing::Directive(it) => match name {
                "args" => inputs(it.arguments.iter(), old()),
                "locations" => Answer::Word(20 * it.locations.len()),
                _ => described(name, &it.name, it.description.as_deref(), &[]),
            },
        }
    }

    fn of_schema(&self, field: &str) -> Answer<'a> {
        let root = |name: Option<&apollo_compiler::schema::ComponentName>| {
            let thing = name.and_then(|name| self.named(name.as_str()));
            thing.map_or(Answer::Word(4), Answer::One)
        };
        let definition = &self.schema.schema_definition;
        match field {
            "types" => Answer::Many(
                self.schema
                    .types
                    .iter()
                    .map(|(name, ty)| Thing::Named(name, ty))
                    .collect(),
            ),
            "queryType" => root(definition.query.as_ref()),
            "mutationType" => root(definition.mutation.as_ref()),
            "subscriptionType" => root(definition.subscription.as_ref()),
            "directives" => Answer::Many(
                self.schema
                    .directive_definitions
                    .values()
                    .map(|it| Thing::Directive(it.as_ref()))
                    .collect(),
            ),
            // The description of the schema, whose text comes from the engine.
            _ => Answer::Word(256),
        }
    }

    fn of_type(&self, field: &engine::Field, name: &'a Name, ty: &'a ExtendedType) -> Answer<'a> {
        let old = self.with_deprecated(field);
        match (field.name.node.as_str(), ty) {
            ("fields", ExtendedType::Object(it)) => fields(&it.fields, old),
            ("fields", ExtendedType::Interface(it)) => fields(&it.fields, old),
            ("interfaces", ExtendedType::Object(it)) => Answer::Many(
                it.implements_interfaces
                    .iter()
                    .filter_map(|name| self.named(name.as_str()))
                    .collect(),
            ),
            ("possibleTypes", ExtendedType::Interface(it)) => Answer::Many(
                self.implementers
                    .get(&it.name)
                    .into_iter()
                    .flat_map(|implementers| &implementers.objects)
                    .filter_map(|name| self.named(name))
                    .collect(),
            ),
            ("possibleTypes", ExtendedType::Union(it)) => Answer::Many(
                it.members
                    .iter()
                    .filter_map(|name| self.named(name.as_str()))
                    .collect(),
            ),
            ("enumValues", ExtendedType::Enum(it)) => Answer::Many(
                it.values
                    .values()
                    .filter(|value| old || !is_deprecated(&value.directives))
                    .map(|value| Thing::Value(value.node.as_ref()))
                    .collect(),
            ),
            ("inputFields", ExtendedType::InputObject(it)) => {
                inputs(it.fields.values().map(|field| &field.node), old)
            }
            ("specifiedByURL", ExtendedType::Scalar(_)) => Answer::Word(128),
            ("name", _) => Answer::Word(name.len() + 2),
            ("description", _) => Answer::Word(ty.description().map_or(4, |text| text.len() + 2)),
            _ => Answer::Word(12),
        }
    }

    /// Returns the type of a field or an argument, with its wrappers.
    fn reference(&self, ty: &'a Type, is_open: bool) -> Answer<'a> {
        if ty.is_list() || (ty.is_non_null() && !is_open) {
            return Answer::One(Thing::Wrapped(ty, is_open));
        }
        let thing = self.named(ty.inner_named_type());
        thing.map_or(Answer::Word(4), Answer::One)
    }

    fn named(&self, name: &str) -> Option<Thing<'a>> {
        let (name, ty) = self.schema.types.get_key_value(name)?;
        Some(Thing::Named(name, ty))
    }

    fn with_deprecated(&self, field: &engine::Field) -> bool {
        match argument(field, "includeDeprecated") {
            Some(EngineValue::Boolean(wanted)) => *wanted,
            Some(EngineValue::Variable(name)) => self
                .variables
                .get(name.as_str())
                .and_then(JsonValue::as_bool)
                .unwrap_or(false),
            _ => false,
        }
    }
}

fn argument<'f>(field: &'f engine::Field, name: &str) -> Option<&'f EngineValue> {
    field.get_argument(name).map(|value| &value.node)
}

fn fields(of: &IndexMap<Name, Component<FieldDefinition>>, deprecated: bool) -> Answer<'_> {
    Answer::Many(
        of.values()
            .filter(|field| deprecated || !is_deprecated(&field.directives))
            .map(|field| Thing::Field(field.node.as_ref()))
            .collect(),
    )
}

fn inputs<'a>(
    of: impl Iterator<Item = &'a Node<InputValueDefinition>>,
    deprecated: bool,
) -> Answer<'a> {
    Answer::Many(
        of.filter(|input| deprecated || !is_deprecated(&input.directives))
            .map(|input| Thing::Input(input.as_ref()))
            .collect(),
    )
}

/// Returns the value of a field that all named objects have in common.
fn described<'a>(
    field: &str,
    name: &Name,
    description: Option<&str>,
    directives: &[Node<ast::Directive>],
) -> Answer<'a> {
    let text = |text: Option<&str>| Answer::Word(text.map_or(4, |text| text.len() + 2));
    match field {
        "name" => Answer::Word(name.len() + 2),
        "description" => text(description),
        "deprecationReason" => text(
            directives
                .iter()
                .find(|directive| directive.name == DEPRECATED)
                .and_then(|directive| directive.specified_argument_by_name("reason"))
                .and_then(|reason| reason.as_str()),
        ),
        _ => Answer::Word(5),
    }
}

const DEPRECATED: &str = "deprecated";

fn is_deprecated(directives: &[Node<ast::Directive>]) -> bool {
    directives
        .iter()
        .any(|directive| directive.name == DEPRECATED)
}

#[cfg(test)]
mod tests {
    use crate::document::OperationRequest;
    use crate::limit::Limits;

    fn cost(document: &str) -> Result<u64, String> {
        cost_within(Limits::default(), document)
    }

    fn cost_within(limits: Limits, document: &str) -> Result<u64, String> {
        let api = crate::api(limits).unwrap();
        match api.admit(&OperationRequest::new(document)) {
            Ok(ready) => Ok(ready.cost()),
            Err(answer) => Err(answer.codes().collect()),
        }
    }

    /// Counts the fields of an answer.
    fn fields(value: &serde_json::Value) -> u64 {
        match value {
            serde_json::Value::Array(items) => items.iter().map(fields).sum(),
            serde_json::Value::Object(members) => {
                members.values().map(|member| 1 + fields(member)).sum()
            }
            _ => 0,
        }
    }

    #[tokio::test]
    async fn it_costs_the_fields_of_its_answer() {
        let api = crate::api(Limits::default()).unwrap();
        for document in [
            "{ __schema { queryType { name } mutationType { name } subscriptionType { name } } }",
            "{ __schema { types { name kind fields { name args { name type { kind ofType { name } } } } } } }",
            "{ __type(name: \"Article\") { interfaces { name } fields(includeDeprecated: true) { type { ofType { ofType { ofType { name kind } } } } } } }",
            "query ($name: String = \"ArticleKind\") { __type(name: $name) { enumValues { name isDeprecated } } }",
            "{ __type(name: \"Node\") { possibleTypes { name } } a: __type(name: \"Nothing\") { name } }",
            "{ __type(name: \"ArticleFilter\") { inputFields { name defaultValue } } }",
        ] {
            let incoming = OperationRequest::new(document);
            let cost = api.admit(&incoming).unwrap().cost();
            let answer = api
                .execute_request(&incoming, async_graphql::Data::default())
                .await;
            let answer: serde_json::Value = serde_json::from_slice(&answer.to_json()).unwrap();
            // The engine's description of the introspection types differs slightly from the gate's.
            let fields = fields(&answer["data"]);
            assert!(
                cost.abs_diff(fields) <= fields / 100,
                "{cost} {document}: {answer}"
            );
        }
    }

    /// The first query that tools send: that of graphql-js with all of its options, as used by GraphiQL,
    /// Apollo and other code generators.
    fn whole_schema() -> String {
        let of_type = "ofType { kind name ".repeat(9) + &"}".repeat(9);
        format!(
            "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} \
             mutationType {{ name kind }} subscriptionType {{ name kind }} types {{ ...FullType }} \
             directives {{ name description isRepeatable locations \
             args(includeDeprecated: true) {{ ...InputValue }} }} }} }} \
             fragment FullType on __Type {{ kind name description specifiedByURL isOneOf \
             fields(includeDeprecated: true) {{ name description \
             args(includeDeprecated: true) {{ ...InputValue }} type {{ ...TypeRef }} \
             isDeprecated deprecationReason }} \
             inputFields(includeDeprecated: true) {{ ...InputValue }} \
             interfaces {{ ...TypeRef }} \
             enumValues(includeDeprecated: true) {{ name description isDeprecated \
             deprecationReason }} possibleTypes {{ ...TypeRef }} }} \
             fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} \
             defaultValue isDeprecated deprecationReason }} \
             fragment TypeRef on __Type {{ kind name {of_type} }}"
        )
    }

    #[tokio::test]
    async fn the_whole_schema_can_be_asked_for() {
        let document = whole_schema();
        // The schema may grow by half before the limit has to be raised.
        let cost = cost(&document).unwrap();
        assert!(cost < Limits::default().complexity * 2 / 3, "{cost}");
        let api = crate::api(Limits::default()).unwrap();
        let incoming = OperationRequest::new(document);
        let answer = api
            .execute_request(&incoming, async_graphql::Data::default())
            .await;
        assert_eq!(answer.codes().count(), 0);
        let bytes = answer.to_json().len();
        assert!(bytes < 2 * 1024 * 1024, "{bytes}");
    }

    #[test]
    fn repeated_by_aliases_it_is_refused() {
        let aliases: Vec<_> = (0..150)
            .map(|n| format!("a{n}: fields {{ name description }}"))
            .collect();
        let aliases = aliases.join(" ");
        let document = format!("{{ __schema {{ types {{ {aliases} }} }} }}");
        assert_eq!(cost(&document), Err("LIMIT_COMPLEXITY".to_owned()));
        // An answer with few fields, but long ones.
        let long = "a".repeat(200);
        let document = format!("{{ __schema {{ types {{ fields {{ {long}: name }} }} }} }}");
        assert!(cost(&document).is_ok());
        let limits = Limits {
            response_bytes: 100_000,
            ..Limits::default()
        };
        let refused = cost_within(limits, &document);
        assert_eq!(refused, Err("LIMIT_RESPONSE_BYTES".to_owned()));
    }
}
