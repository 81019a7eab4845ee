//! An incoming GraphQL request, independent of its transport: a document with its parameters.

use apollo_compiler::response::{JsonMap, JsonValue};
use async_graphql::ServerError;
use khabar_domain::unicode::without_byte_order_mark;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::error::{Code, Error};

/// A request as a client sent it.
#[derive(Clone, Debug, Default)]
pub struct OperationRequest {
    /// The text of the document. `None` if the request only names the document.
    pub query: Option<String>,
    /// The name of the persisted document, if the request has one.
    pub named: Option<DocumentId>,
    /// The name of the operation to execute.
    pub operation_name: Option<String>,
    /// The values of the operation's variables.
    pub variables: JsonMap,
    /// Additional parameters for the server, as opposed to the document.
    pub extensions: JsonMap,
}

/// The name of a persisted document, which the client sends in place of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentId {
    /// An identifier chosen when the client was built: the `documentId` in the appendix on persisted
    /// documents of GraphQL over HTTP.
    Id(String),
    /// The SHA-256 hash of the text in lower-case hexadecimal, as Apollo clients send it
    /// (`extensions.persistedQuery`). The manifests of these clients may contain another kind of identifier.
    Hash(String),
}

impl DocumentId {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(name) | Self::Hash(name) => name,
        }
    }
}

/// The only version of Apollo's persisted query protocol.
const VERSION: u64 = 1;

/// The members of a request, not yet parsed. A duplicate member is refused, because its meaning would be
/// ambiguous.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    #[serde(borrow)]
    query: Option<&'a RawValue>,
    #[serde(borrow)]
    document_id: Option<&'a RawValue>,
    #[serde(borrow)]
    operation_name: Option<&'a RawValue>,
    #[serde(borrow)]
    variables: Option<&'a RawValue>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
}

impl OperationRequest {
    /// Creates a request that consists only of this document.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: Some(query.into()),
            ..Self::default()
        }
    }

    /// Returns a digest of everything that determines the answer. Requests with equal digests are equal.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let query = self.query.as_deref().unwrap_or_default();
        hash.update(query.len().to_le_bytes());
        hash.update(query);
        if let Some(name) = &self.operation_name {
            hash.update(name.len().to_le_bytes());
            hash.update(name);
        }
        digest_variables(&mut hash, &self.variables);
        hash.finalize().into()
    }

    /// Parses a request from a JSON object.
    pub fn from_json(json: &[u8]) -> Result<Self, ServerError> {
        let text = std::str::from_utf8(json)
            .map_err(|_| bad("The request is not valid UTF-8.".to_owned()))?;
        let text = without_byte_order_mark(text);
        match text.trim_start().as_bytes().first() {
            Some(b'{') => {}
            Some(b'[') => {
                return Err(bad(
                    "The request must be a single JSON object. Batches in an array are not supported."
                        .to_owned(),
                ));
            }
            None => return Err(bad("The request has no body.".to_owned())),
            Some(_) => return Err(bad("The request is not a JSON object.".to_owned())),
        }
        let members: Members<'_> = serde_json::from_str(text)
            .map_err(|error| bad(format!("The request could not be parsed: {error}.")))?;
        let string = |name, value: Option<&RawValue>| {
            member::<String>(name, "a string", value.map(RawValue::get))
        };
        let query = string("query", members.query)?;
        let document_id = string("documentId", members.document_id)?;
        let extensions = object("extensions", members.extensions.map(RawValue::get))?;
        let operation_name = string("operationName", members.operation_name)?;
        Ok(Self {
            named: named(query.as_deref(), document_id, &extensions)?,
            query,
            operation_name: checked("operationName", operation_name)?,
            variables: object("variables", members.variables.map(RawValue::get))?,
            extensions,
        })
    }

    /// Parses a request from the decoded parameters of a URL.
    pub fn from_parameters<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ServerError> {
        let (mut query, mut document_id, mut operation_name) = (None, None, None);
        let (mut variables, mut extensions) = (None, None);
        for (name, value) in parameters {
            let parameter = match name {
                "query" => &mut query,
                "documentId" => &mut document_id,
                "operationName" => &mut operation_name,
                "variables" => &mut variables,
                "extensions" => &mut extensions,
                _ => continue,
            };
            if parameter.replace(value).is_some() {
                return Err(bad(format!("`{name}` is specified more than once.")));
            }
        }
        // Clients send an empty parameter if they have no value for it.
        let given = |value: Option<&'a str>| value.filter(|value| !value.is_empty());
        let query = given(query);
        let document_id = given(document_id).map(str::to_owned);
        let extensions = object("extensions", given(extensions))?;
        Ok(Self {
            named: named(query, document_id, &extensions)?,
            query: query.map(str::to_owned),
            operation_name: checked("operationName", given(operation_name).map(str::to_owned))?,
            variables: object("variables", given(variables))?,
            extensions,
        })
    }
}

/// Adds variables to a digest as JSON, which delimits each value.
pub(super) fn digest_variables(hash: &mut Sha256, variables: &JsonMap) {
    /// A writer that feeds JSON into the digest.
    struct Into<'a>(&'a mut Sha256);

    impl std::io::Write for Into<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    // Values that were read from JSON can be written as JSON, and a digest accepts all bytes.
    let _ = serde_json::to_writer(Into(hash), variables);
}

/// Determines the name of the document. Returns an error if the request identifies no document, or
/// identifies one in two ways. A text with its hash is allowed: the client may send the hash alone from
/// then on.
fn named(
    query: Option<&str>,
    document_id: Option<String>,
    extensions: &JsonMap,
) -> Result<Option<DocumentId>, ServerError> {
    let hash = checked("extensions.persistedQuery.sha256Hash", hash(extensions)?)?;
    let document_id = checked("documentId", document_id)?;
    match (query, document_id, hash) {
        (None, None, None) => Err(missing().into()),
        (Some(_), Some(_), _) => Err(bad(
            "Specify either `query` or `documentId`, not both.".to_owned()
        )),
        (_, Some(_), Some(_)) => Err(bad(
            "Specify either `documentId` or `extensions.persistedQuery`, not both.".to_owned(),
        )),
        (None, Some(id), None) => Ok(Some(DocumentId::Id(id))),
        (_, None, hash) => Ok(hash.map(DocumentId::Hash)),
    }
}

/// The maximum length of a name in bytes. A hash in hexadecimal has 64.
const MOST_NAME: usize = 256;

/// Refuses a name that is too long or contains control characters, and so could not be looked up or
/// logged as it is.
fn checked(what: &str, name: Option<String>) -> Result<Option<String>, ServerError> {
    let Some(text) = &name else { return Ok(None) };
    let length = text.len();
    if length > MOST_NAME {
        let problem = format!("`{what}` is {length} bytes long; at most {MOST_NAME} are allowed.");
        return Err(bad(problem));
    }
    if text.chars().any(char::is_control) {
        return Err(bad(format!("`{what}` contains a control character.")));
    }
    Ok(name)
}

/// Returns the hash that Apollo clients send as the name of a document.
fn hash(extensions: &JsonMap) -> Result<Option<String>, ServerError> {
    let persisted = match extensions.get("persistedQuery") {
        None | Some(JsonValue::Null) => return Ok(None),
        Some(persisted) => persisted,
    };
    let version = persisted.get("version").and_then(JsonValue::as_u64);
    let hash = persisted.get("sha256Hash").and_then(JsonValue::as_str);
    match (version, hash) {
        (Some(VERSION), Some(hash)) => Ok(Some(hash.to_owned())),
        _ => Err(bad(format!(
            "`extensions.persistedQuery` must be {{\"version\": {VERSION}, \"sha256Hash\": \"…\"}}."
        ))),
    }
}

/// Creates the error for a request that neither sends nor names a document.
pub(super) fn missing() -> Error {
    Error::new(
        Code::BadRequest,
        "`query` is missing. It must contain the GraphQL document to run.",
    )
}

fn object(name: &str, text: Option<&str>) -> Result<JsonMap, ServerError> {
    Ok(member(name, "an object", text)?.unwrap_or_default())
}

/// Parses one member. `null` is treated as absent.
fn member<'a, T: Deserialize<'a>>(
    name: &str,
    kind: &str,
    text: Option<&'a str>,
) -> Result<Option<T>, ServerError> {
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(text).map_err(|error| {
        bad(if error.is_data() {
            format!("`{name}` must be {kind}.")
        } else {
            format!("`{name}` could not be parsed: {error}.")
        })
    })
}

fn bad(message: String) -> ServerError {
    Error::new(Code::BadRequest, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        OperationRequest::from_json(json.as_bytes())
            .unwrap_err()
            .message
    }

    #[test]
    fn what_is_left_out_and_what_is_null_are_the_same() {
        for json in [
            r#"{"query": "{ a }"}"#,
            r#" {"query": "{ a }", "operationName": null, "variables": null, "extensions": null}"#,
        ] {
            let incoming = OperationRequest::from_json(json.as_bytes()).unwrap();
            assert_eq!(incoming.query.as_deref(), Some("{ a }"));
            assert_eq!(incoming.named, None);
            assert_eq!(incoming.operation_name, None);
            assert!(incoming.variables.is_empty() && incoming.extensions.is_empty());
        }
    }

    #[test]
    fn a_wrong_member_is_named() {
        assert_eq!(refusal(r#"{"query": 7}"#), "`query` must be a string.");
        assert_eq!(
            refusal(r#"{"query": "{ a }", "operationName": {}}"#),
            "`operationName` must be a string."
        );
        assert_eq!(
            refusal(r#"{"query": "{ a }", "variables": []}"#),
            "`variables` must be an object."
        );
        assert_eq!(
            refusal(r#"{"query": "{ a }", "extensions": 0}"#),
            "`extensions` must be an object."
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(refusal(""), "The request has no body.");
        assert_eq!(refusal("7"), "The request is not a JSON object.");
        assert!(refusal(r#"[{"query": "{ a }"}]"#).contains("array"));
        assert!(refusal(r#"{"query": null}"#).contains("missing"));
        assert!(refusal("{}").contains("missing"));
        assert!(refusal(r#"{"query": "{ a }", "query": "{ b }"}"#).contains("duplicate"));
        assert!(refusal(r#"{"query": "{ a }""#).contains("could not be parsed"));
        assert!(refusal(r#"{"query": "\ud800"}"#).contains("could not be parsed"));
        assert!(OperationRequest::from_json(b"{\"query\": \"\xff\"}").is_err());
    }

    #[test]
    fn a_document_is_sent_or_named() {
        let read = |json: &str| OperationRequest::from_json(json.as_bytes()).unwrap();
        let incoming = read(r#"{"documentId": "sha256:abc"}"#);
        assert_eq!(
            incoming.named,
            Some(DocumentId::Id("sha256:abc".to_owned()))
        );
        assert_eq!(incoming.query, None);
        let persisted = r#""extensions": {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}"#;
        let hash = Some(DocumentId::Hash("abc".to_owned()));
        assert_eq!(read(&format!("{{{persisted}}}")).named, hash);
        let both = read(&format!(r#"{{"query": "{{ a }}", {persisted}}}"#));
        assert_eq!((both.named, both.query.as_deref()), (hash, Some("{ a }")));
        let none = read(r#"{"query": "{ a }", "extensions": {"persistedQuery": null}}"#);
        assert_eq!(none.named, None);

        let twice = format!(r#"{{"documentId": "a", {persisted}}}"#);
        assert!(refusal(&twice).contains("`documentId` or `extensions.persistedQuery`"));
        let both = r#"{"documentId": "a", "query": "{ a }"}"#;
        assert!(refusal(both).contains("`query` or `documentId`"));
        for persisted in [
            "7",
            "{}",
            r#"{"version": 2, "sha256Hash": "a"}"#,
            r#"{"version": 1, "sha256Hash": 1}"#,
            r#"{"version": "1", "sha256Hash": "a"}"#,
        ] {
            let json = format!(
                r#"{{"query": "{{ a }}", "extensions": {{"persistedQuery": {persisted}}}}}"#
            );
            assert!(refusal(&json).contains("persistedQuery"), "{persisted}");
        }
        assert!(refusal(r#"{"documentId": 7}"#).contains("a string"));
    }

    #[test]
    fn names_have_a_length_and_no_control_characters() {
        let request = |name: &str| {
            let hash = format!(
                r#"{{"extensions": {{"persistedQuery": {{"version": 1, "sha256Hash": "{name}"}}}}}}"#
            );
            [
                ("documentId", format!(r#"{{"documentId": "{name}"}}"#)),
                (
                    "operationName",
                    format!(r#"{{"query": "{{ a }}", "operationName": "{name}"}}"#),
                ),
                ("sha256Hash", hash),
            ]
        };
        for (what, json) in request(&"a".repeat(256)) {
            assert!(
                OperationRequest::from_json(json.as_bytes()).is_ok(),
                "{what}"
            );
        }
        for name in ["a".repeat(257), "a\\u0000b".to_owned(), "a\\nb".to_owned()] {
            for (what, json) in request(&name) {
                assert!(refusal(&json).contains(what), "{json}");
            }
        }
        for parameter in ["documentId", "operationName"] {
            let query = (
                "query",
                if parameter == "documentId" {
                    ""
                } else {
                    "{ a }"
                },
            );
            let refused = OperationRequest::from_parameters([query, (parameter, "a\0b")]);
            assert!(refused.unwrap_err().message.contains(parameter));
        }
    }

    #[test]
    fn parameters_say_the_same() {
        let incoming = OperationRequest::from_parameters([
            ("query", "{ a }"),
            ("operationName", ""),
            ("variables", r#"{"a": 1}"#),
            ("other", "x"),
        ])
        .unwrap();
        assert_eq!(incoming.variables.len(), 1);
        let incoming =
            OperationRequest::from_parameters([("documentId", "a"), ("query", "")]).unwrap();
        assert_eq!(incoming.named, Some(DocumentId::Id("a".to_owned())));
        let apollo = r#"{"persistedQuery": {"version": 1, "sha256Hash": "b"}}"#;
        let incoming = OperationRequest::from_parameters([("extensions", apollo)]).unwrap();
        assert_eq!(incoming.named, Some(DocumentId::Hash("b".to_owned())));
        assert!(
            OperationRequest::from_parameters([("documentId", "a"), ("documentId", "a")]).is_err()
        );
        assert!(
            OperationRequest::from_parameters([("query", "{ a }"), ("query", "{ b }")]).is_err()
        );
        assert!(
            OperationRequest::from_parameters([("query", "{ a }"), ("variables", "{")]).is_err()
        );
    }
}
