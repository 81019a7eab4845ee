//! One test for each incorrect response of async-graphql itself. They decide whether an upgrade is
//! possible.

use std::sync::atomic::Ordering;

use khabar_graphql::document::OperationRequest;
use khabar_graphql::limit::Limits;
use khabar_graphql::response::Data;
use serde_json::{Value, json};

use crate::sample_schema;

/// Returns the response as text, without `extensions`.
pub(crate) async fn ask(query: &str, variables: &str) -> String {
    let api = sample_schema::api(Limits::default());
    let mut incoming = OperationRequest::new(query);
    incoming.variables = serde_json::from_str(variables).unwrap();
    let text = api
        .execute_request(&incoming, Data::default())
        .await
        .to_json();
    let text = String::from_utf8(text).unwrap();
    match text.rfind(r#","extensions":{"cost":"#) {
        Some(at) => format!("{}}}", &text[..at]),
        None => text,
    }
}

async fn answers(query: &str, variables: &str, expected: &str) {
    assert_eq!(ask(query, variables).await, expected, "{query} {variables}");
}

#[tokio::test]
async fn response_keys_are_in_selection_order() {
    answers(
        "{ late soon z: hello a: hello }",
        "{}",
        r#"{"data":{"late":1,"soon":2,"z":"hello reader","a":"hello reader"}}"#,
    )
    .await;
    answers(
        "{ ...F late } fragment F on Query { soon article { label id } late }",
        "{}",
        r#"{"data":{"soon":2,"article":{"label":"مقال 1","id":"a1"},"late":1}}"#,
    )
    .await;
}

#[tokio::test]
async fn a_failing_non_null_field_nulls_its_parent() {
    answers("{ soon article { id broken } }", "{}",
        r#"{"errors":[{"message":"There is no such text.","locations":[{"line":1,"column":21}],"path":["article","broken"],"extensions":{"code":"NOT_FOUND"}}],"data":{"soon":2,"article":null}}"#).await;
    answers("{ article { id torn } }", "{}",
        r#"{"errors":[{"message":"There is no such text.","locations":[{"line":1,"column":16}],"path":["article","torn"],"extensions":{"code":"NOT_FOUND"}}],"data":{"article":{"id":"a1","torn":null}}}"#).await;
    // No field between the error and the root is nullable, so `data` is present and null.
    answers("{ soon\n  requiredArticle {\n    broken } }", "{}",
        r#"{"errors":[{"message":"There is no such text.","locations":[{"line":3,"column":5}],"path":["requiredArticle","broken"],"extensions":{"code":"NOT_FOUND"}}],"data":null}"#).await;
}

/// Returns the path of each error, and the data.
async fn paths(query: &str) -> (Vec<Value>, Value) {
    let answer: Value = serde_json::from_str(&ask(query, "{}").await).unwrap();
    let errors = answer["errors"].as_array().unwrap().iter();
    let paths = errors.map(|error| error["path"].clone()).collect();
    (paths, answer["data"].clone())
}

#[tokio::test]
async fn an_error_path_leads_to_the_failing_field() {
    // A nullable field in a list: the list remains.
    let (found, data) = paths("{ articles(first: 2) { id torn } }").await;
    let torn = |at: u32| json!(["articles", at, "torn"]);
    assert_eq!(found, [torn(0), torn(1)]);
    assert_eq!(data["articles"][1], json!({"id": "a1", "torn": null}));
    // A non-null field in a list, in a nullable object.
    let (found, data) = paths("{ soon article { related(first: 2) { id sibling { id } } } }").await;
    assert_eq!(found, [json!(["article", "related", 1, "sibling"])]);
    assert_eq!(data, json!({"soon": 2, "article": null}));
    // Paths use aliases, in nested lists and for every kind of resolver.
    let nested = "{ article { a: articles(first: 2) { b: nodes { c: related(first: 3) {
        d: FIELD { id } } } } } }";
    for field in ["sibling", "mate"] {
        let (found, _) = paths(&nested.replace("FIELD", field)).await;
        assert_eq!(found, [json!(["article", "a", "b", 0, "c", 1, "d"])]);
    }
    // An invalid argument reported by the engine.
    let (found, _) =
        paths("{ article { articles { nodes { sibling(after: -1) { id } } } } }").await;
    let sibling = json!(["article", "articles", "nodes", 0, "sibling"]);
    assert_eq!(found, [sibling]);
    // Two errors in one response, each with its own path.
    let (found, data) = paths(
        "{ one: article { related(first: 2) { sibling { id } } } soon
           two: article { articles(first: 2) { nodes { torn mate { id } } } } }",
    )
    .await;
    assert_eq!(found[0], json!(["one", "related", 1, "sibling"]));
    let mate = json!(["two", "articles", "nodes", 1, "mate"]);
    assert_eq!(found.last(), Some(&mate), "{found:?}");
    assert_eq!(data, json!({"one": null, "soon": 2, "two": null}));
    // An error in the result of a mutation.
    let (found, data) = paths("mutation { write { w: written { mate { id } } } }").await;
    assert_eq!(found, [json!(["write", "w", 1, "mate"])]);
    assert_eq!(data, Value::Null);
}

#[tokio::test]
async fn an_object_with_all_fields_skipped_is_empty() {
    answers(
        "{ article { id @skip(if: true) } soon }",
        "{}",
        r#"{"data":{"article":{},"soon":2}}"#,
    )
    .await;
    answers(
        "{ articles(first: 2) { ... @include(if: false) { id } } }",
        "{}",
        r#"{"data":{"articles":[{},{}]}}"#,
    )
    .await;
    answers("{ soon @skip(if: true) }", "{}", r#"{"data":{}}"#).await;
}

#[tokio::test]
async fn skip_and_include_use_the_defaults_of_variables() {
    let query = "query ($on: Boolean! = true, $off: Boolean = false) {
        a: soon @skip(if: $on) b: soon @include(if: $on) c: soon @skip(if: $off)
        ...F @include(if: $off) ... @include(if: $on) @skip(if: $off) { d: soon }
    } fragment F on Query { e: soon }";
    answers(query, "{}", r#"{"data":{"b":2,"c":2,"d":2}}"#).await;
    answers(
        query,
        r#"{"on": false, "off": true}"#,
        r#"{"data":{"a":2,"e":2}}"#,
    )
    .await;
}

#[tokio::test]
async fn an_omitted_argument_is_not_null() {
    let query = "query ($v: Int) { probe(value: $v) }";
    answers(query, "{}", r#"{"data":{"probe":"undefined"}}"#).await;
    answers(query, r#"{"v": null}"#, r#"{"data":{"probe":"null"}}"#).await;
    answers(query, r#"{"v": 3}"#, r#"{"data":{"probe":"3"}}"#).await;
    // If the variable for an argument is not provided, the argument's default applies.
    answers(
        "query ($n: String) { hello(name: $n) }",
        "{}",
        r#"{"data":{"hello":"hello reader"}}"#,
    )
    .await;
    let query = "query ($w: [String!], $d: Int) { tell(filter: {words: $w, days: $d}) }";
    answers(query, "{}", r#"{"data":{"tell":"(none 7 undefined)"}}"#).await;
    answers(
        query,
        r#"{"w": null, "d": 2}"#,
        r#"{"data":{"tell":"(none 2 null)"}}"#,
    )
    .await;
    answers(
        "query ($f: Filter) { tell(filter: $f) }",
        "{}",
        r#"{"data":{"tell":null}}"#,
    )
    .await;
}

#[tokio::test]
async fn variables_are_coerced_to_their_types() {
    answers(
        "query ($f: Filter) { tell(filter: $f) }",
        r#"{"f": {"words": "one", "mood": "BREAKING", "inner": {"words": ["a", "b"]}}}"#,
        r#"{"data":{"tell":"(breaking 7 one(none 7 a+b))"}}"#,
    )
    .await;
    answers(
        "query ($n: [Int!]! = 4) { sum(numbers: $n) }",
        "{}",
        r#"{"data":{"sum":4}}"#,
    )
    .await;
    answers(
        "query ($f: Float!) { half(of: $f) }",
        r#"{"f": 5}"#,
        r#"{"data":{"half":2.5}}"#,
    )
    .await;
}

#[tokio::test]
async fn escaped_strings_are_decoded_to_unicode() {
    for name in [r"\uD83D\uDE00", r"\u{1F600}", "😀"] {
        answers(
            &format!("{{ hello(name: \"{name}\") }}"),
            "{}",
            r#"{"data":{"hello":"hello 😀"}}"#,
        )
        .await;
    }
    answers(
        "{ hello(name: \"\"\"\n    خبر\n      عاجل\n  \"\"\") }",
        "{}",
        r#"{"data":{"hello":"hello خبر\n  عاجل"}}"#,
    )
    .await;
    for name in [
        r"\uD83D",
        r"\uDE00\uD83D",
        r"\u{D83D}",
        r"\u{110000}",
        r"\x",
    ] {
        let answer = ask(&format!("{{ hello(name: \"{name}\") }}"), "{}").await;
        assert!(
            answer.contains("GRAPHQL_PARSE_FAILED") && !answer.contains("data"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn integers_have_32_bits() {
    answers("{ largest }", "{}", r#"{"data":{"largest":2147483647}}"#).await;
    answers(
        "{ sum(numbers: [-2147483648]) }",
        "{}",
        r#"{"data":{"sum":-2147483648}}"#,
    )
    .await;
    for number in ["2147483648", "9007199254740993", "1.5", "\"1\"", "1e3"] {
        let answer = ask(&format!("{{ sum(numbers: {number}) }}"), "{}").await;
        assert!(
            answer.contains("GRAPHQL_VALIDATION_FAILED"),
            "{number}: {answer}"
        );
        let variables = format!(r#"{{"n": [{number}]}}"#);
        let answer = ask("query ($n: [Int!]!) { sum(numbers: $n) }", &variables).await;
        assert!(answer.contains("BAD_USER_INPUT"), "{number}: {answer}");
        assert!(!answer.contains("data"), "{answer}");
    }
}

#[tokio::test]
async fn fields_with_one_response_key_are_merged() {
    let handle = sample_schema::Handle::default();
    let api = sample_schema::api_with(Limits::default(), handle.clone());
    let query = "{ counted { story { id } } ...F counted { label } }
        fragment F on Query { counted { id story { label lead { id } } } }";
    let answer = api
        .execute_request(&OperationRequest::new(query), Data::default())
        .await
        .to_json();
    assert!(String::from_utf8(answer).unwrap().starts_with(
        r#"{"data":{"counted":{"story":{"id":"s0","label":"قصة 0","lead":{"id":"a0"}},"id":"a0","label":"مقال 0"}}"#));
    assert_eq!(handle.counted.load(Ordering::Relaxed), 1);

    // A mutation selected twice is executed once.
    let query = "mutation { bump(by: 5) ... on Mutation { bump(by: 5) } other: bump }";
    let answer = api
        .execute_request(&OperationRequest::new(query), Data::default())
        .await
        .to_json();
    assert!(
        String::from_utf8(answer)
            .unwrap()
            .starts_with(r#"{"data":{"bump":6,"other":7}"#)
    );
}

#[tokio::test]
async fn fragments_apply_to_every_possible_type() {
    answers(r#"{ node(id: "a1") { __typename id ... on Story { lead { id } } ... on Article { label } } }"#, "{}",
        r#"{"data":{"node":{"__typename":"Article","id":"a1","label":"مقال 1"}}}"#).await;
    // A fragment on a union, nested in an interface and in an object.
    answers(
        r#"{ node(id: "a1") { ... on Block { ... on Article { id } } } }"#,
        "{}",
        r#"{"data":{"node":{"id":"a1"}}}"#,
    )
    .await;
    answers(
        "{ article { ... on Block { __typename ... on Node { id } } } }",
        "{}",
        r#"{"data":{"article":{"__typename":"Article","id":"a1"}}}"#,
    )
    .await;
    answers("{ blocks { kind: __typename ... on Quote { by text } ...P ... on Node { id } } }
        fragment P on Paragraph { text }", "{}",
        r#"{"data":{"blocks":[{"kind":"Paragraph","text":"فقرة"},{"kind":"Quote","by":null,"text":"اقتباس"},{"kind":"Article","id":"a4"}]}}"#).await;
}

#[tokio::test]
async fn internal_error_messages_are_not_disclosed() {
    answers("{ leaky }", "{}",
        r#"{"errors":[{"message":"An internal error occurred.","locations":[{"line":1,"column":3}],"path":["leaky"],"extensions":{"code":"INTERNAL"}}],"data":null}"#).await;
}

#[tokio::test]
async fn introspection_reports_one_of_inputs() {
    answers(r#"{ by: __type(name: "By") { isOneOf } filter: __type(name: "Filter") { isOneOf } query: __type(name: "Query") { isOneOf } }"#, "{}",
        r#"{"data":{"by":{"isOneOf":true},"filter":{"isOneOf":false},"query":{"isOneOf":null}}}"#).await;
}
