//! Tests that documents that break a validation rule of the GraphQL specification are rejected before
//! execution.

use crate::golden::ask;

async fn refused(query: &str, message: &str) {
    let response = ask(query, "{}").await;
    assert!(
        response.contains("GRAPHQL_VALIDATION_FAILED"),
        "{query}\n{response}"
    );
    assert!(response.contains(message), "{query}\n{response}");
    assert!(
        response.contains("\"locations\":[{\"line\":"),
        "{query}\n{response}"
    );
    assert!(!response.contains("\"data\""), "{query}\n{response}");
}

#[tokio::test]
async fn typename_is_an_ordinary_field() {
    refused("{ __typename { id } }", "__typename").await;
    refused("{ __typename(a: 1) }", "a").await;
    refused("{ __typename @nope }", "nope").await;
    refused("{ soon: __typename soon }", "soon").await;
}

#[tokio::test]
async fn fields_with_one_response_key_can_be_merged_at_every_depth() {
    refused("{ a: soon a: late }", "conflict").await;
    refused(
        "{ article { story { x: id } } article { story { x: label } } }",
        "conflict",
    )
    .await;
    refused("{ article { related(first: 1) { id } } ...F } fragment F on Query { article { related(first: 2) { id } } }", "conflict").await;
    refused(
        "{ blocks { ... on Quote { text } ... on Article { text: story { id } } } }",
        "conflict",
    )
    .await;
    refused(
        "{ blocks { ... on Paragraph { x: text } ... on Quote { x: by } } }",
        "conflict",
    )
    .await;
}

#[tokio::test]
async fn input_object_fields_are_unique() {
    refused(
        "{ tell(filter: {days: 1, days: 2}) }",
        "There can be only one input field named \\\"days\\\".",
    )
    .await;
    refused(
        "{ tell(filter: {inner: {days: 1, days: 1}}) }",
        "only one input field",
    )
    .await;
    refused(
        "query ($f: Filter = {days: 1, days: 1}) { tell(filter: $f) }",
        "only one input field",
    )
    .await;
}

#[tokio::test]
async fn variable_types_are_checked_inside_lists_and_objects() {
    refused(
        "query ($n: Int) { sum(numbers: [1, $n]) }",
        "expecting type \\\"Int!\\\"",
    )
    .await;
    refused(
        "query ($n: [Int!]!) { sum(numbers: [$n]) }",
        "expecting type \\\"Int!\\\"",
    )
    .await;
    refused(
        "query ($w: [String]) { tell(filter: {words: $w}) }",
        "expecting type",
    )
    .await;
    refused(
        "query ($s: String) { find(by: {slug: $s}) }",
        "must be non-null",
    )
    .await;
    refused("{ tell(filter: {days: $d}) }", "not defined").await;
}

#[tokio::test]
async fn a_one_of_input_has_exactly_one_field() {
    refused("{ find(by: {}) }", "exactly one key").await;
    refused("{ find(by: {id: 1, slug: \"a\"}) }", "exactly one key").await;
    refused("{ find(by: {id: null}) }", "non-null").await;
    assert_eq!(
        ask("{ find(by: {id: 1}) }", "{}").await,
        r#"{"data":{"find":"id 1"}}"#
    );
    let query = "query ($by: By!) { find(by: $by) }";
    assert_eq!(
        ask(query, r#"{"by": {"slug": "a"}}"#).await,
        r#"{"data":{"find":"slug a"}}"#
    );
    for by in [r#"{"id": "1", "slug": "a"}"#, "{}", r#"{"id": null}"#] {
        let response = ask(query, &format!(r#"{{"by": {by}}}"#)).await;
        assert!(
            response.contains("BAD_USER_INPUT") && response.contains("exactly one"),
            "{response}"
        );
    }
}

#[tokio::test]
async fn the_remaining_validation_rules_apply() {
    for (query, message) in [
        ("{ nope }", "nope"),
        ("{ soon { id } }", "soon"),
        ("{ article }", "article"),
        ("{ article { id(x: 1) } }", "x"),
        ("{ hello(name: 1) }", "String"),
        ("{ hello(name: null) }", "String"),
        ("{ sum }", "numbers"),
        ("{ hello(name: \"a\", name: \"b\") }", "name"),
        ("{ ...Missing }", "Missing"),
        ("{ soon } fragment Unused on Query { soon }", "Unused"),
        ("{ ...F } fragment F on Nope { soon }", "Nope"),
        ("{ ...F } fragment F on Mood { soon }", "F"),
        ("{ article { ... on Story { id } } }", "Story"),
        ("{ soon @include }", "if"),
        ("{ soon @skip(if: true) @skip(if: false) }", "skip"),
        ("query @skip(if: true) { soon }", "skip"),
        ("query ($a: Int) { soon }", "a"),
        ("query ($a: Article) { soon }", "Article"),
        ("query ($a: Int, $a: Int) { probe(value: $a) }", "a"),
        ("{ probe(value: $a) }", "a"),
        ("query ($a: String) { probe(value: $a) }", "String"),
        ("query ($a: [Int]!) { sum(numbers: $a) }", "Int"),
        ("query ($a: Int = \"x\") { probe(value: $a) }", "Int"),
        ("{ tell(filter: {nope: 1}) }", "nope"),
        ("{ tell(filter: {mood: NOPE}) }", "NOPE"),
        ("{ tell(filter: {mood: \"CALM\"}) }", "Mood"),
        ("query A { soon } query A { late }", "A"),
        ("{ soon } query B { late }", "anonymous"),
        ("{ soon } type Extra { a: Int }", "Extra"),
        ("subscription { soon }", "subscription"),
    ] {
        refused(query, message).await;
    }
}

#[tokio::test]
async fn the_named_operation_is_executed() {
    let response = ask("query A { soon } query B { late }", "{}").await;
    assert!(
        response.contains("OPERATION_RESOLUTION_FAILURE"),
        "{response}"
    );
    let response = ask("fragment F on Query { soon }", "{}").await;
    assert!(!response.contains("data"), "{response}");
    for empty in ["", "  # nothing", "\u{feff}"] {
        let response = ask(empty, "{}").await;
        assert!(
            response.contains("GRAPHQL_PARSE_FAILED"),
            "{empty:?} {response}"
        );
    }
}
