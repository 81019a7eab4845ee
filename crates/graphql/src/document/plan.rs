//! What the engine is given to run: one operation, with everything decided that does not need data.
//!
//! Fragments are written out, `@skip` and `@include` carried out, fields of one response key merged
//! (so each is resolved once, in the order of first appearance), and arguments left out whose
//! variables were. It is the specification's `CollectFields` (§6.3.2) done ahead: the engine's own
//! runs a field as often as it is written, and knows no fragments on unions below other types.

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

use super::failure::Mark;
use super::size::Refusal;
use super::{Gate, introspection, position, weight};
use crate::error::Error;
use crate::hold;
use crate::limit::Limits;

/// The operation for the engine, and what it could cost.
pub(super) struct Plan {
    pub(super) operation: engine::OperationDefinition,
    pub(super) position: Pos,
    pub(super) cost: u64,
    /// The shortest hold of the fields in it.
    pub(super) hold: Option<Duration>,
}

/// What a plan is made from.
pub(super) struct Planner<'a> {
    schema: &'a Valid<Schema>,
    implementers: &'a HashMap<Name, Implementers>,
    limits: &'a Limits,
    document: &'a ExecutableDocument,
    variables: &'a JsonMap,
    /// Selections written so far: fragments on abstract types are written once for each of their
    /// types, so this is held against the limit again.
    written: u64,
    /// What introspection answers, so far.
    introspected: introspection::Size,
    /// The shortest hold of the fields so far.
    hold: Option<Duration>,
    /// The mark of fields that may be null, and of those that may not.
    nullable: engine::Directive,
    required: engine::Directive,
}

/// The merged selections of one set, and their cost.
#[derive(Default)]
struct Merged {
    items: Vec<Positioned<engine::Selection>>,
    cost: u64,
}

/// One place in a set: fields of one response key, or what holds for some types only.
enum Place<'a> {
    Fields(Vec<&'a Node<Field>>),
    OnType(&'a Name, &'a SelectionSet, Pos),
}

/// The names of introspection's own fields at the root of a query.
fn is_introspection(name: &str) -> bool {
    matches!(name, "__schema" | "__type")
}

fn directive(mark: Mark) -> engine::Directive {
    engine::Directive {
        name: Positioned::new(EngineName::new(mark.name()), Pos::default()),
        arguments: Vec::new(),
    }
}

/// How the lists around a field repeat it.
#[derive(Clone, Copy)]
struct Around {
    /// The size of the page whose connection this set belongs to.
    page: Option<u64>,
    /// Whether that connection was asked for under conditions.
    filtered: bool,
    /// Introspection reads the schema, not the newsroom; it has a limit of its own.
    introspection: bool,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        gate: &'a Gate,
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
            hold: None,
            nullable: directive(Mark::Nullable),
            required: directive(Mark::Required),
        }
    }

    pub(super) fn plan(&mut self, operation: &'a Node<Operation>) -> Result<Plan, Refusal> {
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
            hold: self.hold,
        })
    }

    /// Merges sets that are selected of one value, whose type is `parent` or, if that is abstract,
    /// one of its types.
    fn set(
        &mut self,
        parent: &'a Name,
        sets: &[&'a SelectionSet],
        around: Around,
    ) -> Result<Merged, Refusal> {
        let mut places = Vec::new();
        let mut keys = IndexMap::default();
        let mut spread = HashSet::new();
        for set in sets {
            self.gather(parent, set, &mut places, &mut keys, &mut spread)?;
        }
        let mut merged = Merged::default();
        // A value is of one type, so what holds for some types costs as much as the dearest.
        let mut dearest: BTreeMap<&Name, u64> = BTreeMap::new();
        for place in places {
            match place {
                Place::Fields(fields) => {
                    self.hold = hold::shorter(self.hold, hold::of(parent, &fields[0].name));
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
    ) -> Result<(), Refusal> {
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
    ) -> Result<(), Refusal> {
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
            // It holds for whatever the parent turns out to be.
            _ => self.gather(parent, set, places, keys, spread_here),
        }
    }

    fn field(
        &mut self,
        parent: &Name,
        fields: &[&'a Node<Field>],
        around: Around,
    ) -> Result<(Positioned<engine::Selection>, u64), Refusal> {
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
            // See `failure.rs`.
            (!is_bare || weight::is_text(&field.name)).then_some(&self.required)
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

    /// What a field of introspection at the root costs.
    fn introspection(&mut self, field: &engine::Field) -> Result<u64, Refusal> {
        let counter = introspection::Counter {
            schema: self.schema,
            implementers: self.implementers,
            variables: self.variables,
            most: introspection::Size {
                fields: self.limits.complexity,
                bytes: self.limits.answer_bytes,
            },
            size: self.introspected,
        };
        let before = self.introspected.fields;
        self.introspected = counter.add(field);
        self.limits.answer_bytes().check(self.introspected.bytes)?;
        Ok(self.introspected.fields - before)
    }

    /// Whether a connection is asked for with more than a page of it.
    fn is_filtered(&self, field: &Field) -> bool {
        field.arguments.iter().any(|argument| {
            weight::is_condition(&argument.name)
                && !argument.value.is_null()
                && !self.is_left_out(&argument.value)
        })
    }

    /// How many items this field asks for, if it is a page: what `first` or `last` say.
    fn page_of(&self, field: &Field) -> Option<u64> {
        let mut is_page = false;
        for definition in &field.definition.arguments {
            if !matches!(definition.name.as_str(), "first" | "last") {
                continue;
            }
            is_page = true;
            let asked = match field
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
            if let Some(asked) = asked {
                return Some(u64::try_from(asked).unwrap_or(0));
            }
        }
        is_page.then_some(self.limits.assumed_items)
    }

    /// Whether an argument is as good as not written, because its variable was not given.
    fn is_left_out(&self, value: &ast::Value) -> bool {
        value
            .as_variable()
            .is_some_and(|name| !self.variables.contains_key(name.as_str()))
    }

    fn is_included(&self, directives: &ast::DirectiveList) -> Result<bool, Refusal> {
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
            let value = value.ok_or_else(|| Refusal {
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

/// The object types that a value of this type can be of.
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
    // Defaults are already among the values.
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

/// A literal as the engine takes it.
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

/// Numbers that JSON cannot hold reach only custom scalars; they get the digits to judge.
fn number_value(text: &str) -> EngineValue {
    text.parse::<Number>().map_or_else(
        |_| EngineValue::String(text.to_owned()),
        EngineValue::Number,
    )
}
