//! Tests of limits: each refuses with a code of its own and reports its name, the allowed value and the
//! actual value.

use std::fmt::Write as _;

use khabar_graphql::document::OperationRequest;
use khabar_graphql::limit::Limits;
use khabar_graphql::response::Data;
use serde_json::{Value, json};

use crate::sample_schema;

async fn ask(limits: Limits, query: &str, variables: Value) -> Value {
    let mut incoming = OperationRequest::new(query);
    incoming.variables = serde_json::from_value(variables).unwrap();
    let answer = sample_schema::api(limits)
        .execute_request(&incoming, Data::default())
        .await;
    serde_json::from_slice(&answer.to_json()).unwrap()
}

async fn refused(
    limits: Limits,
    query: &str,
    variables: Value,
    code: &str,
    name: &str,
    allowed: u64,
    had: u64,
) {
    let answer = ask(limits, query, variables).await;
    assert_eq!(answer.get("data"), None, "{answer}");
    let error = &answer["errors"][0];
    assert_eq!(
        error["extensions"],
        json!({"code": code, "limit": name, "allowed": allowed, "had": had}),
        "{answer}"
    );
    let message = error["message"].as_str().unwrap();
    for part in [name, &allowed.to_string(), &had.to_string()] {
        assert!(message.contains(part), "{message}");
    }
}

async fn answered(limits: Limits, query: &str) -> u64 {
    let answer = ask(limits, query, json!({})).await;
    assert_eq!(answer.get("errors"), None, "{answer}");
    answer["extensions"]["cost"].as_u64().unwrap()
}

fn nested(times: usize) -> String {
    let mut query = "article {".to_owned();
    query.push_str(&" story { lead {".repeat(times));
    query.push_str(" id ");
    query.push_str(&"} }".repeat(times));
    format!("{{ {query} }} }}")
}

#[tokio::test]
async fn the_document_size_is_limited() {
    let limits = || Limits {
        bytes: 20,
        tokens: 9,
        ..Limits::default()
    };
    refused(
        limits(),
        "{ soon }             ",
        json!({}),
        "LIMIT_BYTES",
        "bytes",
        20,
        21,
    )
    .await;
    answered(limits(), "{ soon }            ").await;
    let answer = ask(limits(), "{a a a a a a a a a}", json!({})).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "LIMIT_TOKENS",
        "{answer}"
    );
}

#[tokio::test]
async fn the_nesting_depth_is_limited() {
    let limits = || Limits {
        depth: 6,
        ..Limits::default()
    };
    answered(limits(), &nested(2)).await;
    refused(
        limits(),
        &nested(3),
        json!({}),
        "LIMIT_DEPTH",
        "depth",
        6,
        8,
    )
    .await;
    // Fragments do not add depth and do not hide it.
    refused(
        limits(),
        "{ ...A } fragment A on Query { article { ...B } }
        fragment B on Article { story { lead { story { lead { story { id } } } } } }",
        json!({}),
        "LIMIT_DEPTH",
        "depth",
        6,
        7,
    )
    .await;

    let braces = format!("{}{}", "{a".repeat(1000), "}".repeat(1000));
    let answer = ask(Limits::default(), &braces, json!({})).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "LIMIT_NESTING",
        "{answer}"
    );
    let lists = format!(
        "{{ sum(numbers: {}1{}) }}",
        "[".repeat(2000),
        "]".repeat(2000)
    );
    let answer = ask(Limits::default(), &lists, json!({})).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "LIMIT_NESTING",
        "{answer}"
    );
    // The engine's own depth count never rejects an operation that the limit allows.
    answered(
        Limits {
            depth: 41,
            ..Limits::default()
        },
        &nested(19),
    )
    .await;
}

#[tokio::test]
async fn aliases_directives_and_root_fields_are_limited() {
    let limits = || Limits {
        aliases: 3,
        directives: 2,
        root_fields: 4,
        ..Limits::default()
    };
    refused(
        limits(),
        "{ a: soon b: soon ...F } fragment F on Query { article { c: id d: id } }",
        json!({}),
        "LIMIT_ALIASES",
        "aliases",
        3,
        4,
    )
    .await;
    refused(limits(), "query { soon @skip(if: false) ...F @skip(if: false) late @skip(if: false) } fragment F on Query { soon }",
        json!({}), "LIMIT_DIRECTIVES", "directives", 2, 3).await;
    refused(
        limits(),
        "{ soon late ...F ...F } fragment F on Query { hello largest }",
        json!({}),
        "LIMIT_ROOT_FIELDS",
        "root_fields",
        4,
        6,
    )
    .await;
}

#[tokio::test]
async fn the_length_of_input_lists_is_limited() {
    let limits = || Limits {
        list_items: 3,
        ..Limits::default()
    };
    answered(limits(), "{ sum(numbers: [1, 2, 3]) }").await;
    refused(
        limits(),
        "{ sum(numbers: [1, 2, 3, 4]) }",
        json!({}),
        "LIMIT_LIST",
        "list_items",
        3,
        4,
    )
    .await;
    refused(
        limits(),
        "query ($n: [Int!]!) { sum(numbers: $n) }",
        json!({"n": [1, 2, 3, 4, 5]}),
        "LIMIT_LIST",
        "list_items",
        3,
        5,
    )
    .await;
    refused(
        limits(),
        "query ($n: [Int!]! = [1,2,3,4]) { sum(numbers: $n) }",
        json!({}),
        "LIMIT_LIST",
        "list_items",
        3,
        4,
    )
    .await;
    refused(
        limits(),
        "query ($f: Filter) { tell(filter: $f) }",
        json!({"f": {"inner": {"words": ["a", "b", "c", "d"]}}}),
        "LIMIT_LIST",
        "list_items",
        3,
        4,
    )
    .await;
}

/// The cost of an unfiltered `totalCount`.
const COUNT: u64 = 20;
/// The cost of a filtered `totalCount`.
const FILTERED_COUNT: u64 = 1_000;

#[tokio::test]
async fn the_response_size_is_limited() {
    let limits = |response_bytes| Limits {
        response_bytes,
        // The responses here are long because of their field names.
        name_bytes: 4_000,
        ..Limits::default()
    };
    let word = "كلمة".repeat(100);
    let long = "a".repeat(2_000);
    let texts = |times: usize| {
        let fields = (0..times).map(|n| format!("t{n}: tell(filter: {{words: [\"{word}\"]}})"));
        format!("{{ {} }}", fields.collect::<Vec<_>>().join(" "))
    };
    for (case, query) in [
        ("texts", texts(10)),
        (
            "blocks",
            format!(
                "{{ blocks {{ ... on Paragraph {{ {long}: text }} ... on Quote {{ {long}: text }} }} }}"
            ),
        ),
        (
            "names",
            format!("{{ articles(first: 10) {{ {long}: id }} }}"),
        ),
        (
            "errors",
            format!("{{ articles(first: 10) {{ {long}: torn }} }}"),
        ),
        (
            "lists",
            format!("{{ articles(first: 10) {{ {long}: related(first: 1) {{ id }} }} }}"),
        ),
        (
            "introspection",
            format!("{{ __type(name: \"Query\") {{ fields {{ {long}: name }} }} }}"),
        ),
        (
            "a mutation",
            format!("mutation {{ write {{ written {{ {long}: id b{long}: id }} }} }}"),
        ),
    ] {
        let answer = ask(limits(4_000), &query, json!({})).await;
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{case}");
        assert_eq!(answer["data"], Value::Null, "{case}");
        let error = &answer["errors"][0];
        assert_eq!(
            error["extensions"]["code"], "LIMIT_RESPONSE_BYTES",
            "{case}: {answer}"
        );
        assert_eq!(error["extensions"]["limit"], "response_bytes", "{case}");
        assert_eq!(error["extensions"]["allowed"], 4_000, "{case}");
        assert!(
            error["extensions"]["had"].as_u64().unwrap() > 4_000,
            "{case}"
        );
        let stays = error["message"]
            .as_str()
            .unwrap()
            .contains("have been saved");
        assert_eq!(stays, case == "a mutation", "{case}: {answer}");
        let answer = ask(limits(100_000), &query, json!({})).await;
        assert_ne!(answer["data"], Value::Null, "{case}");
    }
    // Execution stops as soon as the limit is exceeded: no more than two of these texts are produced.
    let answer = ask(limits(1_000), &texts(40), json!({})).await;
    let had = answer["errors"][0]["extensions"]["had"].as_u64().unwrap();
    assert!((1_001..2_000).contains(&had), "{answer}");
}

#[tokio::test]
async fn the_cost_is_the_maximum_number_of_fields() {
    let cost = async |query| answered(Limits::default(), query).await;
    assert_eq!(cost("{ soon }").await, 1);
    assert_eq!(cost("{ __typename }").await, 1);
    assert_eq!(cost("{ article { id __typename story { id } } }").await, 5);
    // A list without a page size is assumed to have the default size.
    assert_eq!(cost("{ articles { id label } }").await, 1 + 20 * 2);
    assert_eq!(cost("{ articles(first: 3) { id label } }").await, 1 + 3 * 2);
    // A connection's page size multiplies its nodes once.
    assert_eq!(
        cost("{ article { articles(first: 5) { totalCount nodes { id } } } }").await,
        1 + 1 + COUNT + 1 + 5
    );
    assert_eq!(
        cost("{ article { articles(last: 6) { nodes { id related(first: 2) { id } } } } }").await,
        1 + 1 + 1 + 6 * (1 + 1 + 2)
    );
    // Each block has one type, so only the most expensive fragment counts.
    assert_eq!(
        cost("{ blocks { __typename ... on Quote { by text } ... on Paragraph { text } } }").await,
        1 + 20 * (1 + 2)
    );
    // A field selected twice costs once.
    assert_eq!(
        cost("{ article { id } ...F ...F } fragment F on Query { article { id } }").await,
        2
    );
    assert_eq!(cost("{ soon @skip(if: true) late }").await, 1);
    // A filtered count costs more than an unfiltered one.
    assert_eq!(
        cost("{ article { articles(mood: CALM) { totalCount } } }").await,
        1 + 1 + FILTERED_COUNT
    );
    // The cost of introspection is the size of its result.
    assert_eq!(
        cost("{ __type(name: \"Mood\") { enumValues { name } } }").await,
        1 + 1 + 2
    );
    let whole = cost("{ __schema { types { name fields { name } } } }").await;
    assert!((50..500).contains(&whole), "{whole}");

    let limits = Limits {
        complexity: 1000,
        ..Limits::default()
    };
    refused(
        limits.clone(),
        "query ($n: Int) { articles(first: $n) { id related { id } } }",
        json!({"n": 100}),
        "LIMIT_COMPLEXITY",
        "complexity",
        1000,
        1 + 100 * (1 + 1 + 20),
    )
    .await;
    refused(limits, "{ articles(first: 2147483647) { articles(first: 2147483647) { nodes { articles(first: 2147483647) { nodes { id } } } } } }",
        json!({}), "LIMIT_COMPLEXITY", "complexity", 1000, u64::MAX).await;
}

#[tokio::test]
async fn introspection_is_limited_and_can_be_disabled() {
    let deep =
        "{ __schema { types { fields { type { fields { type { possibleTypes { name } } } } } } } }";
    refused(
        Limits::default(),
        deep,
        json!({}),
        "LIMIT_INTROSPECTION",
        "introspection_lists",
        2,
        3,
    )
    .await;

    let off = || Limits {
        introspection: false,
        ..Limits::default()
    };
    for query in [
        "{ __schema { types { name } } }",
        "{ x: __type(name: \"Query\") { name } }",
        "{ ... { ...F } } fragment F on Query { __schema { types { name } } }",
    ] {
        let answer = ask(off(), query, json!({})).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "INTROSPECTION_DISABLED",
            "{answer}"
        );
        assert_eq!(answer.get("data"), None);
    }
    answered(off(), "{ __typename }").await;
}

#[tokio::test]
async fn fragment_bombs_are_rejected() {
    let mut doubling = String::from("{ article { ...F0 } }");
    for n in 0..28 {
        write!(
            doubling,
            " fragment F{n} on Article {{ ...F{0} ...F{0} }}",
            n + 1
        )
        .unwrap();
    }
    doubling.push_str(" fragment F28 on Article { id }");
    assert!(doubling.len() < 2048);

    let mut fanned = String::from("{ article { ...F0 } }");
    for n in 0..4 {
        write!(fanned, " fragment F{n} on Article {{").unwrap();
        for k in 0..40 {
            write!(fanned, " x{k}: story {{ lead {{ ...F{} }} }}", n + 1).unwrap();
        }
        fanned.push('}');
    }
    fanned.push_str(" fragment F4 on Article { id }");

    for bomb in [doubling, fanned] {
        let answer = ask(Limits::default(), &bomb, json!({})).await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "LIMIT_SELECTIONS",
            "{answer}"
        );
        assert_eq!(answer.get("data"), None);
    }
}

#[tokio::test]
async fn expanded_fragments_on_abstract_types_are_limited() {
    // The document is small, but it doubles at each level if it is expanded for each possible type.
    let mut query = String::from("{ node(id: \"a1\") {");
    query.push_str(&" ... on Block { ... on Node {".repeat(16));
    query.push_str(" id ");
    query.push_str(&"} }".repeat(16));
    query.push_str("} }");
    let answer = ask(
        Limits {
            selections: 40,
            ..Limits::default()
        },
        &query,
        json!({}),
    )
    .await;
    assert_eq!(answer["data"]["node"]["id"], "a1", "{answer}");
}
