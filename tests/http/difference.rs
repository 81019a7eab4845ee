//! Compares our GraphQL endpoint with async-graphql-axum's own handler. For ordinary operations, both
//! return identical responses: `data` is equal to the byte, and each error has an equal message,
//! location and path.
//!
//! `ordinary/` holds the operations. A first line `# variables: {…}` gives their variables. Intended
//! differences are listed in [`DIFFERENCES`], each with the rule of the specification that decides.

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use khabar_graphql::limit::Limits;
use khabar_server::graphql::Settings;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{sample_schema, sample_service};

/// The part of a response that must be equal. Excludes `extensions`, which hold our codes and costs.
#[derive(Debug, Deserialize, PartialEq)]
struct ComparedResponse {
    data: Option<Text>,
    #[serde(default)]
    errors: Vec<ComparedError>,
}

/// JSON text exactly as received, so that the order of keys matters.
#[derive(Debug, Deserialize)]
struct Text(Box<RawValue>);

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct ComparedError {
    message: String,
    #[serde(default)]
    locations: Value,
    #[serde(default)]
    path: Value,
}

/// An operation read from a case file.
pub(crate) struct Case {
    pub(crate) name: String,
    query: String,
    variables: Value,
}

/// Reads the case files in a folder and its subfolders, in order of their paths.
pub(crate) fn cases(folder: &Path) -> Vec<Case> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "graphql")
            {
                let query = std::fs::read_to_string(&path).unwrap();
                let variables = query
                    .lines()
                    .next()
                    .and_then(|line| line.strip_prefix("# variables: "))
                    .map_or(json!({}), |text| serde_json::from_str(text).unwrap());
                found.insert(path, (query, variables));
            }
        }
    }
    found
        .into_iter()
        .map(|(path, (query, variables))| Case {
            name: path.display().to_string(),
            query,
            variables,
        })
        .collect()
}

/// Serves a router for the rest of the test and returns its URL.
async fn address(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/graphql", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Returns the response of the server at this address to an operation.
async fn send_query(address: &str, query: &str, variables: &Value) -> String {
    let body = json!({"query": query, "variables": variables});
    let response = reqwest::Client::new()
        .post(address)
        .header("accept", "application/json")
        .json(&body)
        .send()
        .await
        .unwrap();
    response.text().await.unwrap()
}

/// Starts both endpoints and returns their URLs: ours, then the stock handler's.
async fn both() -> (String, String) {
    let api = sample_schema::api(Limits::default());
    let ours = sample_service::routes(api, Settings::default());
    let stock = Router::new().route_service(
        "/graphql",
        async_graphql_axum::GraphQL::new(sample_schema::stock()),
    );
    (address(ours).await, address(stock).await)
}

#[tokio::test]
async fn ordinary_operations_match_the_plain_engine() {
    let (ours, stock) = both().await;
    let cases = cases(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/http/ordinary"
    )));
    assert!(cases.len() >= 10, "only {} cases were found", cases.len());
    for case in cases {
        let ours = send_query(&ours, &case.query, &case.variables).await;
        let stock = send_query(&stock, &case.query, &case.variables).await;
        let ours_said: ComparedResponse = serde_json::from_str(&ours).unwrap();
        let stock_said: ComparedResponse = serde_json::from_str(&stock).unwrap();
        assert_eq!(
            ours_said, stock_said,
            "{}\nours:  {ours}\nstock: {stock}",
            case.name
        );
        for send_query in [ours, stock] {
            assert!(
                send_query.contains(r#""data":"#),
                "{}: {send_query}",
                case.name
            );
        }
    }
}

/// Intended differences: a rule of the specification (September 2025), an operation that depends on it,
/// its variables, and the start of our response. The stock handler's response starts differently.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "§6.4.1: an argument whose variable is not given has its default",
        "query ($n: String) { hello(name: $n) }",
        "{}",
        r#"{"data":{"hello":"hello reader"}"#,
    ),
    (
        "§6.1.2: a variable that is not given has its default, in `@skip` and `@include` too",
        "query ($on: Boolean = true) { a: soon @skip(if: $on) b: soon }",
        "{}",
        r#"{"data":{"b":2}"#,
    ),
    (
        "§2.9.4: two escapes of surrogates are one character",
        r#"{ hello(name: "\uD83D\uDE00") }"#,
        "{}",
        r#"{"data":{"hello":"hello 😀"}"#,
    ),
    (
        "§5.3.2: fields of one key agree at every depth",
        "{ article { story { x: id } } article { story { x: label } } }",
        "{}",
        r#"{"errors":[{"message":"Fields"#,
    ),
    (
        "§5.4.1: `__typename` takes no arguments",
        "{ __typename(a: 1) }",
        "{}",
        r#"{"errors":[{"message":"Unknown argument"#,
    ),
    (
        "§5.6.3: members of an input object are unique",
        "{ tell(filter: {days: 1, days: 2}) }",
        "{}",
        r#"{"errors":[{"message":"There can be only one input field named"#,
    ),
    (
        "§6.4.4: a field that may be null, and fails, is null itself",
        "{ article { id torn } }",
        "{}",
        r#"{"errors":[{"message":"There is no such text.","locations":[{"line":1,"column":16}],"path":["article","torn"],"extensions":{"code":"NOT_FOUND"}}],"data":{"article":{"id":"a1","torn":null}}"#,
    ),
    (
        "§6.3.2: a field that is selected twice is executed once",
        "mutation { bump(by: 5) bump(by: 5) other: bump(by: 0) }",
        "{}",
        r#"{"data":{"bump":5,"other":5}"#,
    ),
    (
        "§6.3.2: a fragment on a union holds for the union's members",
        "{ article { ... on Block { ... on Article { id } } } }",
        "{}",
        r#"{"data":{"article":{"id":"a1"}}"#,
    ),
];

#[tokio::test]
async fn differences_from_the_engine_follow_the_specification() {
    let (ours, stock) = both().await;
    for (rule, query, variables, start) in DIFFERENCES {
        let variables = serde_json::from_str(variables).unwrap();
        let ours = send_query(&ours, query, &variables).await;
        let stock = send_query(&stock, query, &variables).await;
        assert!(ours.starts_with(start), "{rule}\nours: {ours}");
        assert!(
            !stock.starts_with(start),
            "{rule}: no difference any more\n{stock}"
        );
    }
}
