//! Manifests: files in which an app's build lists its operations. The format is detected from the
//! content.
//!
//! - Relay's persisted queries are an object: `{"<id>": "<document>", …}`.
//! - Apollo's manifest declares its format:
//!   `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": […]}`.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use khabar_domain::unicode::without_byte_order_mark;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// An operation in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Operation {
    /// The ID by which the app requests the operation.
    pub(super) id: String,
    /// The operation name, if the manifest has one.
    pub(super) name: Option<String>,
    /// The text of the GraphQL document.
    #[serde(rename = "body")]
    pub(super) text: String,
}

/// Maximum size of a manifest, in bytes: 64 MiB, enough for about a thousand operations of the largest
/// size.
const MOST_BYTES: u64 = 64 << 20;

/// The value of `format` in Apollo's manifests.
const APOLLO: &str = "apollo-persisted-query-manifest";
/// The supported version of Apollo's manifests.
const APOLLO_VERSION: u64 = 1;

/// Reads the operations of a manifest. Fails if the file is too large, malformed or has no operations.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<Operation>> {
    let name = file.display();
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text))
        .with_context(|| format!("could not read {name}"))?;
    ensure!(
        text.len() as u64 <= MOST_BYTES,
        "{name} is larger than {MOST_BYTES} bytes"
    );
    let operations = parse(&text).with_context(|| format!("could not use the manifest {name}"))?;
    ensure!(
        !operations.is_empty(),
        "the manifest {name} has no operations"
    );
    Ok(operations)
}

fn parse(text: &str) -> anyhow::Result<Vec<Operation>> {
    let text = without_byte_order_mark(text);
    let Members(members) = serde_json::from_str(text)
        .context("it is not a JSON object, unlike manifests of Relay and Apollo")?;
    let member = |name: &str| members.iter().find(|(known, _)| known == name);
    if member("format").is_some_and(|(_, format)| format == APOLLO) {
        let version = member("version").and_then(|(_, version)| version.as_u64());
        ensure!(
            version == Some(APOLLO_VERSION),
            "it is not of version {APOLLO_VERSION} of Apollo's manifests"
        );
        let (_, operations) = member("operations").context("it has no `operations`")?;
        let Value::Array(operations) = operations else {
            bail!("its `operations` are not a list");
        };
        let operations = operations.iter().enumerate().map(|(at, operation)| {
            Operation::deserialize(operation).with_context(|| format!("operation {}", at + 1))
        });
        return operations.collect();
    }
    let operations = members.into_iter().map(|(id, text)| match text {
        Value::String(text) => Ok(Operation {
            id,
            name: None,
            text,
        }),
        _ => bail!(
            "it is neither Relay's, where each member is a document (`{id}` is none), nor Apollo's, \
             whose `format` is {APOLLO}"
        ),
    });
    operations.collect()
}

/// The members of a JSON object in document order, including those with duplicate names.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn relay_and_apollo_manifests_are_detected() {
        let relay = parse(r#"{"a1": "query A { a }", "a2": "query B { b }"}"#).unwrap();
        let ids: Vec<_> = relay
            .iter()
            .map(|operation| operation.id.as_str())
            .collect();
        assert_eq!(ids, ["a1", "a2"]);
        assert_eq!(relay[1].text, "query B { b }");
        let apollo = parse(
            r#"{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
                {"id": "x", "name": "A", "type": "query", "body": "query A { a }"}]}"#,
        )
        .unwrap();
        let expected = Operation {
            id: "x".to_owned(),
            name: Some("A".to_owned()),
            text: "query A { a }".to_owned(),
        };
        assert_eq!(apollo, [expected]);
        // In Relay's format, a document may have any ID.
        assert_eq!(parse(r#"{"format": "{ a }"}"#).unwrap()[0].id, "format");
    }

    #[test]
    fn a_duplicate_name_is_read_twice() {
        assert_eq!(parse(r#"{"a": "{ a }", "a": "{ b }"}"#).unwrap().len(), 2);
    }

    #[test]
    fn malformed_manifests_are_rejected() {
        assert!(problem("[]").contains("not a JSON object"));
        assert!(problem(r#"{"a": "{ a }""#).contains("EOF"));
        assert!(problem(r#"{"a": 7}"#).contains("`a`"));
        let apollo = |rest: &str| format!(r#"{{"format": "{APOLLO}", {rest}}}"#);
        assert!(problem(&apollo(r#""version": 2, "operations": []"#)).contains("version 1"));
        assert!(problem(&apollo(r#""version": 1"#)).contains("no `operations`"));
        assert!(problem(&apollo(r#""version": 1, "operations": {}"#)).contains("not a list"));
        let nameless = apollo(r#""version": 1, "operations": [{"body": "{ a }"}]"#);
        assert!(problem(&nameless).contains("operation 1: missing field `id`"));
    }
}
