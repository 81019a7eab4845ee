//! The values that a client sends beside its document, as the operation's variables want them.

use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::Operation;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use async_graphql::{Name, Value};

use super::size::Refusal;
use super::{gaps, position};
use crate::error::Error;
use crate::limit::{Limits, count};

/// Coerces what was sent: defaults are filled in, and what was left out stays out.
pub(super) fn coerce(
    schema: &Valid<Schema>,
    operation: &Operation,
    sent: &JsonMap,
    limits: &Limits,
) -> Result<JsonMap, Refusal> {
    for value in sent.values() {
        check_lists(value, limits)?;
    }
    let coerced = coerce_variable_values(schema, operation, sent).map_err(|refusal| Refusal {
        error: Error::bad_input(sentence(&refusal.message().to_string())),
        offset: position::offset(refusal.location()),
    })?;
    for variable in &operation.variables {
        if let Some(value) = coerced.get(variable.name.as_str()) {
            check_one_of(schema, &variable.ty, value).map_err(|message| Refusal {
                error: Error::bad_input(format!("Variable \"${}\": {message}", variable.name)),
                offset: position::offset(variable.location()),
            })?;
        }
    }
    Ok(coerced.into_inner())
}

/// apollo-compiler's messages begin small and end without a stop.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(char::to_uppercase);
    let mut text: String = first.into_iter().flatten().chain(characters).collect();
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

fn check_lists(value: &JsonValue, limits: &Limits) -> Result<(), Error> {
    match value {
        JsonValue::Array(items) => {
            limits.list_items().check(count(items.len()))?;
            items.iter().try_for_each(|item| check_lists(item, limits))
        }
        JsonValue::Object(members) => {
            limits.list_items().check(count(members.len()))?;
            members
                .values()
                .try_for_each(|member| check_lists(member, limits))
        }
        _ => Ok(()),
    }
}

/// Exactly one member of a `@oneOf` object is given, and it is not null.
fn check_one_of(schema: &Schema, ty: &Type, value: &JsonValue) -> Result<(), String> {
    match value {
        JsonValue::Array(items) if ty.is_list() => items
            .iter()
            .try_for_each(|item| check_one_of(schema, ty.item_type(), item)),
        JsonValue::Object(members) => {
            let Some(ExtendedType::InputObject(object)) = schema.types.get(ty.inner_named_type())
            else {
                return Ok(());
            };
            if gaps::is_one_of(object)
                && (members.len() != 1 || members.values().any(JsonValue::is_null))
            {
                return Err(format!(
                    "exactly one member of `{}` must be given, and it must not be null.",
                    object.name
                ));
            }
            members
                .iter()
                .try_for_each(|(name, member)| match object.fields.get(name.as_str()) {
                    Some(field) => check_one_of(schema, &field.ty, member),
                    None => Ok(()),
                })
        }
        _ => Ok(()),
    }
}

/// A JSON value as the engine takes it.
pub(super) fn engine_value(value: &JsonValue) -> Value {
    match value {
        JsonValue::Null => Value::Null,
        JsonValue::Bool(value) => Value::Boolean(*value),
        JsonValue::Number(number) => Value::Number(number.clone()),
        JsonValue::String(text) => Value::String(text.as_str().to_owned()),
        JsonValue::Array(items) => Value::List(items.iter().map(engine_value).collect()),
        JsonValue::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (Name::new(name.as_str()), engine_value(member)))
                .collect(),
        ),
    }
}
