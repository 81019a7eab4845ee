//! The plan that the engine runs: one operation, with everything decided that does not depend on data.
//!
//! Planning inlines fragments, evaluates `@skip` and `@include`, and merges fields with the same response
//! key, so that each is resolved once, in the order of first appearance. Arguments whose variables were
//! not provided are removed. This is `CollectFields` of the specification (§6.3.2), done in advance. The
//! engine's own version resolves a field as often as it is written, and does not support fragments on
//! unions below other types.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use apollo_compiler::ast::{self, OperationType};
use apollo_compiler::collections::{HashMap, IndexMap};
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::{ExtendedType, Implementers};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};
use async_graphql::{Pos, Positioned, Value as ConstValue};
use async_graphql_parser::types as engine;
use async_graphql_value::{Name as EngineName, Number, Value as EngineValue};

use super::bounds::LimitExceeded;
use super::error_path::FieldGuard;
use super::{Pipeline, introspection, position, weight};
use crate::cache_hint;
use crate::error::Error;
use crate::limit::Limits;

/// The operation for the engine, and its cost.
pub(super) struct Plan {
    pub(super) operation: engine::OperationDefinition,
    pub(super) position: Pos,
    pub(super) cost: u64,
    /// The shortest time that any selected field allows the answer to be cached.
    pub(super) max_age: Option<Duration>,
    /// The number of selections.
    pub(super) selections: u64,
    /// Whether the plan holds for all requests that agree on the deciding variables. The cost of
    /// introspection depends on other variables as well.
    pub(super) is_reusable: bool,
}

/// The inputs and the running totals of a plan.
pub(super) struct Planner<'a> {
    schema: &'a Valid<Schema>,
    implementers: &'a HashMap<Name, Implementers>,
    limits: &'a Limits,
    document: &'a ExecutableDocument,
    variables: &'a JsonMap,
    /// The selections written so far. Fragments on abstract types are written once for each of their
    /// possible types, so this number is checked against the limit again.
    written: u64,
    /// The size of the introspection answers so far.
    introspected: introspection::Size,
    /// The shortest cache time of the fields so far.
    max_age: Option<Duration>,
    /// The marks of nullable and non-null fields.
    nullable: engine::Directive,
    required: engine::Directive,
}

/// The merged selections of one set, and their cost.
#[derive(Default)]
struct Merged {
    items: Vec<Positioned<engine::Selection>>,
    cost: u64,
}

/// One place in a set: fields with the same response key, or selections for a single object type.
enum Place<'a> {
    Fields(Vec<&'a Node<Field>>),
    OnType(&'a Name, &'a SelectionSet, Pos),
}

/// Whether this is the name of an introspection field at the root of a query.
fn is_introspection(name: &str) -> bool {
    matches!(name, "__schema" | "__type")
}

fn directive(mark: FieldGuard) -> engine::Directive {
    engine::Directive {
        name: Positioned::new(EngineName::new(mark.name()), Pos::default()),
        arguments: Vec::new(),
    }
}

/// The context of a selection set, as far as the cost depends on it.
#[derive(Clone, Copy)]
struct Around {
    /// The page size of the connection that this set belongs to.
    page: Option<u64>,
    /// Whether that connection is filtered.
    filtered: bool,
    /// Whether the set is part of introspection, which reads the schema rather than stored data and has
    /// a limit of its own.
    introspection: bool,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        gate: &'a Pipeline,
        document: &'a ExecutableDocument,
        variables: &'a JsonMap,
    ) -> Self {
        Self {
            schema: &gate.schema,
            implementers: &gate.implementers,
            limits: &gate.limits,
            document,
            variables,
            written: 0,
            introspected: introspection::Size::default(),
            max_age: None,
            nullable: directive(FieldGuard::Nullable),
            required: directive(FieldGuard::Required),
        }
    }

    pub(super) fn plan(&mut self, operation: &'a Node<Operation>) -> Result<Plan, LimitExceeded> {
        let around = Around {
            page: None,
            filtered: false,
            introspection: false,
        };
        let merged = self.set(operation.object_type(), &[&operation.selection_set], around)?;
        self.limits.complexity().check(merged.cost)?;
        let position = position::of(operation.location());
        let variable_definitions = operation.variables.iter().filter_map(variable).collect();
        Ok(Plan {
            operation: engine::OperationDefinition {
                ty: match operation.operation_type {
                    OperationType::Query => engine::OperationType::Query,
                    OperationType::Mutation => engine::OperationType::Mutation,
                    OperationType::Subscription => engine::OperationType::Subscription,
                },
                variable_definitions,
                directives: Vec::new(),
                selection_set: Positioned::new(
                    engine::SelectionSet {
                        items: merged.items,
                    },
                    position,
                ),
            },
            position,
            cost: merged.cost,
            max_age: self.max_age,
            selections: self.written,
            is_reusable: self.introspected.fields == 0,
        })
    }

    /// Merges selection sets that apply to the same value. The type of the value is `parent` or, if that is
    /// abstract, one of its possible types.
    fn set(
        &mut self,
        parent: &'a Name,
        sets: &[&'a SelectionSet],
        around: Around,
    ) -> Result<Merged, LimitExceeded> {
        let mut places = Vec::new();
        let mut keys = IndexMap::default();
        let mut spread = HashSet::new();
        for set in sets {
            self.gather(parent, set, &mut places, &mut keys, &mut spread)?;
        }
        let mut merged = Merged::default();
        // A value has a single type, so selections for several types cost as much as the most expensive one.
        let mut dearest: BTreeMap<&Name, u64> = BTreeMap::new();
        for place in places {
            match place {
                Place::Fields(fields) => {
                    self.max_age =
                        cache_hint::shorter(self.max_age, cache_hint::of(parent, &fields[0].name));
                    let (field, cost) = self.field(parent, &fields, around)?;
                    merged.items.push(field);
                    merged.cost = merged.cost.saturating_add(cost);
                }
                Place::OnType(ty, set, pos) => {
                    let inner = self.set(ty, &[set], around)?;
                    if inner.items.is_empty() {
                        continue;
                    }
                    let cost = dearest.entry(ty).or_default();
                    *cost = cost.saturating_add(inner.cost);
                    merged.items.push(on_type(ty, inner.items, pos));
                    self.write()?;
                }
            }
        }
        let dearest = dearest.into_values().max().unwrap_or(0);
        merged.cost = merged.cost.saturating_add(dearest);
        Ok(merged)
    }

    fn gather(
        &mut self,
        parent: &'a Name,
        set: &'a SelectionSet,
        places: &mut Vec<Place<'a>>,
        keys: &mut IndexMap<&'a Name, usize>,
        spread_here: &mut HashSet<&'a Name>,
    ) -> Result<(), LimitExceeded> {
        for selection in &set.selections {
            if !self.is_included(selection.directives())? {
                continue;
            }
            match selection {
                Selection::Field(field) => {
                    let at = *keys.entry(field.response_key()).or_insert_with(|| {
                        places.push(Place::Fields(Vec::new()));
                        places.len() - 1
                    });
                    if let Place::Fields(fields) = &mut places[at] {
                        fields.push(field);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.type_condition.as_ref();
                    let at = position::of(inline.location());
                    self.fragment(
                        parent,
                        (on, &inline.selection_set, at),
                        places,
                        keys,
                        spread_here,
                    )?;
                }
                Selection::FragmentSpread(spread) => {
                    let document = self.document;
                    if spread_here.insert(&spread.fragment_name)
                        && let Some(fragment) = document.fragments.get(&spread.fragment_name)
                    {
                        let on = Some(fragment.type_condition());
                        let at = position::of(spread.location());
                        self.fragment(
                            parent,
                            (on, &fragment.selection_set, at),
                            places,
                            keys,
                            spread_here,
                        )?;
                    }
                }
            }
        }
        Ok(())
    }

    fn fragment(
        &mut self,
        parent: &'a Name,
        (on, set, at): (Option<&'a Name>, &'a SelectionSet, Pos),
        places: &mut Vec<Place<'a>>,
        keys: &mut IndexMap<&'a Name, usize>,
        spread_here: &mut HashSet<&'a Name>,
    ) -> Result<(), LimitExceeded> {
        match on {
            Some(on) if on != parent && !self.schema.is_subtype(on, parent) => {
                let schema: &'a Schema = self.schema;
                let implementers: &'a HashMap<_, _> = self.implementers;
                for ty in possible(schema, implementers, on) {
                    if schema.is_subtype(parent, ty) {
                        places.push(Place::OnType(ty, set, at));
                    }
                }
                Ok(())
            }
            // The fragment applies to every possible type of the parent.
            _ => self.gather(parent, set, places, keys, spread_here),
        }
    }

    fn field(
        &mut self,
        parent: &Name,
        fields: &[&'a Node<Field>],
        around: Around,
    ) -> Result<(Positioned<engine::Selection>, u64), LimitExceeded> {
        self.write()?;
        let field = fields[0];
        let ty = &field.definition.ty;
        let introspection = around.introspection || is_introspection(&field.name);
        let page = if introspection {
            None
        } else {
            self.page_of(field)
        };
        let times = if introspection || !ty.is_list() {
            1
        } else {
            page.or(around.page).unwrap_or(self.limits.assumed_items)
        };
        let below = Around {
            page: if ty.is_list() { None } else { page },
            filtered: page.is_some() && self.is_filtered(field),
            introspection,
        };
        let sets: Vec<_> = fields.iter().map(|field| &field.selection_set).collect();
        let inner = self.set(ty.inner_named_type(), &sets, below)?;
        let weight = weight::of(parent, &field.name, around.filtered);
        let cost = weight.saturating_add(times.saturating_mul(inner.cost));

        let pos = position::of(field.location());
        let mut arguments = Vec::with_capacity(field.arguments.len());
        for argument in &field.arguments {
            if self.is_left_out(&argument.value) {
                continue;
            }
            arguments.push((
                positioned_name(&argument.name),
                Positioned::new(
                    engine_value(&argument.value),
                    position::of(argument.value.location()),
                ),
            ));
        }
        let is_bare = field.definition.arguments.is_empty() && inner.items.is_empty();
        let mark = if introspection {
            None
        } else if !ty.is_non_null() {
            Some(&self.nullable)
        } else {
            // The reasons are given in `error_path.rs`.
            (!is_bare).then_some(&self.required)
        };
        let engine_field = engine::Field {
            alias: field.alias.as_ref().map(positioned_name),
            name: positioned_name(&field.name),
            arguments,
            directives: mark
                .map(|mark| Positioned::new(mark.clone(), pos))
                .into_iter()
                .collect(),
            selection_set: Positioned::new(engine::SelectionSet { items: inner.items }, pos),
        };
        let cost = if is_introspection(&field.name) {
            self.introspection(&engine_field)?
        } else {
            cost
        };
        let selection = engine::Selection::Field(Positioned::new(engine_field, pos));
        Ok((Positioned::new(selection, pos), cost))
    }

    /// Computes the cost of an introspection field at the root.
    fn introspection(&mut self, field: &engine::Field) -> Result<u64, LimitExceeded> {
        let counter = introspection::Counter {
            schema: self.schema,
            implementers: self.implementers,
            variables: self.variables,
            most: introspection::Size {
                fields: self.limits.complexity,
                bytes: self.limits.response_bytes,
            },
            size: self.introspected,
        };
        let before = self.introspected.fields;
        self.introspected = counter.add(field);
        self.limits
            .response_bytes()
            .check(self.introspected.bytes)?;
        Ok(self.introspected.fields - before)
    }

    /// Whether a connection has an argument that filters its items, beyond those that select a page.
    fn is_filtered(&self, field: &Field) -> bool {
        field.arguments.iter().any(|argument| {
            weight::is_condition(&argument.name)
                && !argument.value.is_null()
                && !self.is_left_out(&argument.value)
        })
    }

    /// Returns the page size if this field has `first` or `last`: the value that is given, or else the
    /// assumed number of items. `None` if the field is not paginated.
    fn page_of(&self, field: &Field) -> Option<u64> {
        let mut is_page = false;
        for definition in &field.definition.arguments {
            if !matches!(definition.name.as_str(), "first" | "last") {
                continue;
            }
            is_page = true;
            let size = match field
                .specified_argument_by_name(&definition.name)
                .map(AsRef::as_ref)
            {
                Some(ast::Value::Int(number)) => number.try_to_i32().ok().map(i64::from),
                Some(ast::Value::Variable(name)) => self
                    .variables
                    .get(name.as_str())
                    .and_then(JsonValue::as_i64),
                _ => None,
            };
            if let Some(size) = size {
                return Some(u64::try_from(size).unwrap_or(0));
            }
        }
        is_page.then_some(self.limits.assumed_items)
    }

    /// Whether an argument counts as omitted because its variable was not provided.
    fn is_left_out(&self, value: &ast::Value) -> bool {
        value
            .as_variable()
            .is_some_and(|name| !self.variables.contains_key(name.as_str()))
    }

    fn is_included(&self, directives: &ast::DirectiveList) -> Result<bool, LimitExceeded> {
        for directive in directives {
            let wanted = match directive.name.as_str() {
                "include" => true,
                "skip" => false,
                _ => continue,
            };
            let Some(condition) = directive.specified_argument_by_name("if") else {
                continue;
            };
            let value = match condition.as_ref() {
                ast::Value::Variable(name) => self
                    .variables
                    .get(name.as_str())
                    .and_then(JsonValue::as_bool),
                other => other.to_bool(),
            };
            let value = value.ok_or_else(|| LimitExceeded {
                error: Error::bad_input(format!(
                    "The argument `if` of `@{}` must be true or false, not null.",
                    directive.name
                )),
                offset: position::offset(condition.location()),
            })?;
            if value != wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&mut self) -> Result<(), Error> {
        self.written += 1;
        self.limits.selections().check(self.written)
    }
}

/// Returns the possible object types of a type.
fn possible<'a>(
    schema: &'a Schema,
    implementers: &'a HashMap<Name, Implementers>,
    name: &'a Name,
) -> Vec<&'a Name> {
    match schema.types.get(name) {
        Some(ExtendedType::Object(_)) => vec![name],
        Some(ExtendedType::Interface(_)) => implementers
            .get(name)
            .map(|types| types.objects.iter().collect())
            .unwrap_or_default(),
        Some(ExtendedType::Union(union)) => {
            union.members.iter().map(|member| &member.name).collect()
        }
        _ => Vec::new(),
    }
}

fn on_type(
    ty: &Name,
    items: Vec<Positioned<engine::Selection>>,
    pos: Pos,
) -> Positioned<engine::Selection> {
    let inline = engine::InlineFragment {
        type_condition: Some(Positioned::new(
            engine::TypeCondition {
                on: Positioned::new(EngineName::new(ty), pos),
            },
            pos,
        )),
        directives: Vec::new(),
        selection_set: Positioned::new(engine::SelectionSet { items }, pos),
    };
    Positioned::new(
        engine::Selection::InlineFragment(Positioned::new(inline, pos)),
        pos,
    )
}

fn variable(
    definition: &Node<ast::VariableDefinition>,
) -> Option<Positioned<engine::VariableDefinition>> {
    let pos = position::of(definition.location());
    // Default values are already included in the variables.
    Some(Positioned::new(
        engine::VariableDefinition {
            name: positioned_name(&definition.name),
            var_type: Positioned::new(engine::Type::new(&definition.ty.to_string())?, pos),
            directives: Vec::new(),
            default_value: None::<Positioned<ConstValue>>,
        },
        pos,
    ))
}

fn positioned_name(name: &Name) -> Positioned<EngineName> {
    Positioned::new(EngineName::new(name), position::of(name.location()))
}

/// Converts a literal into the representation of the engine.
fn engine_value(value: &ast::Value) -> EngineValue {
    match value {
        ast::Value::Null => EngineValue::Null,
        ast::Value::Enum(name) => EngineValue::Enum(EngineName::new(name)),
        ast::Value::Variable(name) => EngineValue::Variable(EngineName::new(name)),
        ast::Value::String(text) => EngineValue::String(text.clone()),
        ast::Value::Boolean(value) => EngineValue::Boolean(*value),
        ast::Value::Int(number) => number_value(number.as_str()),
        ast::Value::Float(number) => number_value(number.as_str()),
        ast::Value::List(items) => {
            EngineValue::List(items.iter().map(|item| engine_value(item)).collect())
        }
        ast::Value::Object(members) => EngineValue::Object(
            members
                .iter()
                .map(|(name, value)| (EngineName::new(name), engine_value(value)))
                .collect(),
        ),
    }
}

/// Converts a number. Numbers that JSON cannot represent occur only in custom scalars, which receive the
/// digits as a string.
fn number_value(text: &str) -> EngineValue {
    text.parse::<Number>().map_or_else(
        |_| EngineValue::String(text.to_owned()),
        EngineValue::Number,
    )
}
