//! The canonical form of a field's arguments: JSON text with the members of each object sorted.
//!
//! The form does not depend on how the request was written: the order of members, and whether values are
//! literals or variables, make no difference. Nor does it depend on how this version of the server
//! represents its input. Members that the client omitted are not filled in.

use async_graphql::{Name, Value};
use sha2::{Digest as _, Sha256};

/// Returns the SHA-256 digest of the arguments in hexadecimal. Members named `without` are left out at
/// every level.
pub(crate) fn digest(arguments: &[(Name, Value)], without: &str) -> String {
    let mut text = String::new();
    let members = arguments.iter().map(|(name, value)| (name, value));
    object(members, without, &mut text);
    format!("{:x}", Sha256::digest(text))
}

fn object<'a>(
    members: impl Iterator<Item = (&'a Name, &'a Value)>,
    without: &str,
    text: &mut String,
) {
    let mut members: Vec<_> = members
        .filter(|(name, _)| name.as_str() != without)
        .collect();
    members.sort_unstable_by_key(|(name, _)| name.as_str());
    text.push('{');
    for (at, (name, value)) in members.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        string(name, text);
        text.push(':');
        write(value, without, text);
    }
    text.push('}');
}

fn write(value: &Value, without: &str, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(words) => string(words, text),
        // Variables carry enum values as strings, so literals are written as strings too.
        Value::Enum(name) => string(name, text),
        // Requests never contain binary values.
        Value::Binary(bytes) => string(&String::from_utf8_lossy(bytes), text),
        Value::List(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, without, text);
            }
            text.push(']');
        }
        Value::Object(members) => object(members.iter(), without, text),
    }
}

fn string(words: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(words).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: serde_json::Value) -> String {
        let value = Value::from_json(json).unwrap();
        digest(&[(Name::new("input"), value)], "idempotencyKey")
    }

    #[test]
    fn the_digest_ignores_key_order_and_the_idempotency_key() {
        let one = of(serde_json::json!({"a": 1, "b": {"c": ["x", null], "d": true}}));
        let other = of(
            serde_json::json!({"idempotencyKey": "7", "b": {"d": true, "c": ["x", null]}, "a": 1}),
        );
        assert_eq!(one, other);
        // Rows written by earlier versions contain this digest, so it must not change.
        assert_eq!(
            one,
            "2a8e787053f8f480f4342f18f16a5cfb630ac171bcd6b64cccbd51bb7157b0bb"
        );
    }

    #[test]
    fn the_digest_depends_on_every_value() {
        let values = [
            serde_json::json!({}),
            serde_json::json!({"a": null}),
            serde_json::json!({"a": ""}),
            serde_json::json!({"a": []}),
            serde_json::json!({"a": {}}),
            serde_json::json!({"a": "1"}),
            serde_json::json!({"a": 1}),
            serde_json::json!({"a": "\",\"b\":\""}),
            serde_json::json!({"a": "", "b": ""}),
            serde_json::json!({"a": ["x", "y"]}),
            serde_json::json!({"a": ["y", "x"]}),
        ];
        let digests: std::collections::HashSet<_> = values.iter().cloned().map(of).collect();
        assert_eq!(digests.len(), values.len());
    }

    #[test]
    fn an_enum_has_one_digest_as_literal_and_as_variable() {
        let literal = [(Name::new("kind"), Value::Enum(Name::new("NEWS")))];
        let variable = [(Name::new("kind"), Value::String("NEWS".to_owned()))];
        assert_eq!(digest(&literal, ""), digest(&variable, ""));
    }
}
