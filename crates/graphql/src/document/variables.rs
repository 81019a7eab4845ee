//! Coerces the variable values that a client sends to the types that the operation declares.

use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::Operation;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use async_graphql::{Name, Value};

use super::bounds::LimitExceeded;
use super::{extra_rules, position};
use crate::error::Error;
use crate::limit::{Limits, count};

/// Coerces the variables that were sent. Fills in defaults. Variables with neither a value nor a
/// default remain absent.
pub(super) fn coerce(
    schema: &Valid<Schema>,
    operation: &Operation,
    sent: &JsonMap,
    limits: &Limits,
) -> Result<JsonMap, LimitExceeded> {
    for value in sent.values() {
        check_lists(value, limits)?;
    }
    let coerced =
        coerce_variable_values(schema, operation, sent).map_err(|refusal| LimitExceeded {
            error: Error::bad_input(sentence(&refusal.message().to_string())),
            offset: position::offset(refusal.location()),
        })?;
    for variable in &operation.variables {
        if let Some(value) = coerced.get(variable.name.as_str()) {
            check_one_of(schema, &variable.ty, value).map_err(|message| LimitExceeded {
                error: Error::bad_input(format!("Variable \"${}\": {message}", variable.name)),
                offset: position::offset(variable.location()),
            })?;
        }
    }
    Ok(coerced.into_inner())
}

/// Capitalises a message from apollo-compiler and adds the full stop that it lacks.
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

/// Checks that exactly one member of each `@oneOf` object is given, and that it is not null.
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
            if extra_rules::is_one_of(object)
                && (members.len() != 1 || members.values().any(JsonValue::is_null))
            {
                return Err(format!(
                    "exactly one field of `{}` must be specified, and it must not be null.",
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

/// Converts a JSON value to the engine's value type.
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
