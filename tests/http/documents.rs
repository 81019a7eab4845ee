//! Tests of persisted documents, which clients request by hash: Apollo's automatic persisted queries.

use khabar_server::graphql::Settings;
use khabar_server::http::Settings as Http;
use khabar_service::persisted_documents::{self, Mode};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::http::{Server, start};
use crate::sample_schema;

const QUERY: &str = "query Numbers($numbers: [Int!]!) { sum(numbers: $numbers) }";

async fn server(settings: persisted_documents::Settings) -> Server {
    let settings = Settings {
        persisted_documents: settings,
        ..Settings::default()
    };
    start(settings, Http::default(), sample_schema::Handle::default()).await
}

fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

fn persisted(hash: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash}})
}

struct HttpResponse {
    status: u16,
    cache: String,
    json: Value,
}

impl HttpResponse {
    async fn of(response: Response) -> Self {
        let cache = response.headers()["cache-control"].to_str().unwrap();
        Self {
            status: response.status().as_u16(),
            cache: cache.to_owned(),
            json: response.json().await.unwrap(),
        }
    }

    /// Returns the code and the message of the only error.
    fn error(&self) -> (&str, &str) {
        let errors = self.json["errors"].as_array().unwrap();
        assert_eq!((errors.len(), self.json.get("data")), (1, None));
        assert_eq!(self.cache, "no-store");
        let code = errors[0]["extensions"]["code"].as_str().unwrap();
        (code, errors[0]["message"].as_str().unwrap())
    }

    fn sum(&self) -> Option<i64> {
        assert_eq!(self.json.get("errors"), None, "{}", self.json);
        self.json["data"]["sum"].as_i64()
    }
}

async fn post(server: &Server, body: Value) -> HttpResponse {
    let url = format!("http://{}/graphql", server.address);
    HttpResponse::of(Client::new().post(url).json(&body).send().await.unwrap()).await
}

/// Sends a GET request with the parameters encoded as Apollo's client encodes them.
async fn get(server: &Server, accept: &str, parameters: &[(&str, Value)]) -> HttpResponse {
    let mut url = reqwest::Url::parse(&format!("http://{}/graphql", server.address)).unwrap();
    for (name, value) in parameters {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        url.query_pairs_mut().append_pair(name, &value);
    }
    let request = Client::new().get(url).header("accept", accept);
    HttpResponse::of(request.send().await.unwrap()).await
}

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

#[tokio::test]
async fn apq_registers_a_hash_with_its_text() {
    let server = server(persisted_documents::Settings::default()).await;
    let hash = hash(QUERY);
    let by_hash = [
        ("extensions", persisted(&hash)),
        ("variables", json!({"numbers": [1, 2]})),
    ];
    // Apollo's protocol requires this error, so that the client sends the text.
    for (accept, status) in [(JSON, 200), (GRAPHQL, 400)] {
        let seen = get(&server, accept, &by_hash).await;
        assert_eq!(
            seen.error(),
            ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        );
        assert_eq!(seen.status, status);
    }
    let both =
        json!({"query": QUERY, "extensions": persisted(&hash), "variables": {"numbers": [3]}});
    assert_eq!(post(&server, both).await.sum(), Some(3));
    // By GET, so that caches can store the response, and by `documentId`, as in the specification's
    // appendix.
    let seen = get(&server, JSON, &by_hash).await;
    assert_eq!(seen.sum(), Some(3));
    assert!(seen.cache.starts_with("public"), "{}", seen.cache);
    let by_id = [
        ("documentId", json!(format!("sha256:{hash}"))),
        ("variables", json!({"numbers": [4]})),
    ];
    assert_eq!(get(&server, GRAPHQL, &by_id).await.sum(), Some(4));
    let body = json!({"extensions": persisted(&hash), "variables": {"numbers": [5]}});
    assert_eq!(post(&server, body).await.sum(), Some(5));
}

#[tokio::test]
async fn apq_registration_works_by_get() {
    let server = server(persisted_documents::Settings::default()).await;
    let query = "{ soon }";
    let hash = persisted(&hash(query));
    let both = [("query", json!(query)), ("extensions", hash.clone())];
    let seen = get(&server, JSON, &both).await;
    assert_eq!(seen.json["data"]["soon"], 2);
    let seen = get(&server, JSON, &[("extensions", hash)]).await;
    assert_eq!(seen.json["data"]["soon"], 2);
}

#[tokio::test]
async fn apq_registers_only_valid_documents_with_matching_hashes() {
    let server = server(persisted_documents::Settings::default()).await;
    let other = hash("{ soon }");
    let wrong =
        json!({"query": QUERY, "extensions": persisted(&other), "variables": {"numbers": [1]}});
    let seen = post(&server, wrong).await;
    assert_eq!(seen.error().0, "PERSISTED_QUERY_HASH_MISMATCH");
    let loud = hash(QUERY).to_uppercase();
    let wrong =
        json!({"query": QUERY, "extensions": persisted(&loud), "variables": {"numbers": [1]}});
    let seen = post(&server, wrong).await;
    assert_eq!(seen.error().0, "PERSISTED_QUERY_HASH_MISMATCH");

    let broken = "{ nope }";
    let body = json!({"query": broken, "extensions": persisted(&hash(broken))});
    assert_eq!(
        post(&server, body).await.error().0,
        "GRAPHQL_VALIDATION_FAILED"
    );
    for hash in [hash(broken), other, hash(QUERY)] {
        let seen = post(&server, json!({"extensions": persisted(&hash)})).await;
        assert_eq!(seen.error().0, "PERSISTED_QUERY_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_mutation_by_hash_requires_post() {
    let server = server(persisted_documents::Settings::default()).await;
    let query = "mutation { bump }";
    let hash = persisted(&hash(query));
    let seen = post(&server, json!({"query": query, "extensions": hash})).await;
    assert_eq!(seen.json["data"]["bump"], 1);
    let seen = get(&server, JSON, &[("extensions", hash.clone())]).await;
    assert_eq!((seen.status, seen.error().0), (405, "METHOD_NOT_ALLOWED"));
    let seen = post(&server, json!({"extensions": hash})).await;
    assert_eq!(seen.json["data"]["bump"], 2);
}

#[tokio::test]
async fn the_apq_cache_is_bounded() {
    let server = server(persisted_documents::Settings {
        apq_cache_bytes: 4_096,
        ..persisted_documents::Settings::default()
    })
    .await;
    let mut found = 0;
    for number in 0..40 {
        let query = format!("query Q{number} {{ soon }}");
        let body = json!({"query": query, "extensions": persisted(&hash(&query))});
        post(&server, body).await;
    }
    for number in 0..40 {
        let hash = hash(&format!("query Q{number} {{ soon }}"));
        let seen = post(&server, json!({"extensions": persisted(&hash)})).await;
        found += usize::from(seen.json["data"]["soon"] == 2);
    }
    assert!((1..=16).contains(&found), "{found} of 40 were remembered");
}

#[tokio::test]
async fn a_disabled_apq_cache_is_reported_to_clients() {
    let server = server(persisted_documents::Settings {
        apq_cache_bytes: 0,
        ..persisted_documents::Settings::default()
    })
    .await;
    let hash = persisted(&hash(QUERY));
    let both = json!({"query": QUERY, "extensions": hash, "variables": {"numbers": [3]}});
    assert_eq!(post(&server, both).await.sum(), Some(3));
    let seen = post(&server, json!({"extensions": hash})).await;
    assert_eq!(
        seen.error(),
        (
            "PERSISTED_QUERY_NOT_SUPPORTED",
            "PersistedQueryNotSupported"
        )
    );
}

#[tokio::test]
async fn trusted_mode_rejects_document_texts() {
    let server = server(persisted_documents::Settings {
        mode: Mode::Trusted,
        ..persisted_documents::Settings::default()
    })
    .await;
    let hash = persisted(&hash("{ soon }"));
    for body in [
        json!({"query": "{ soon }"}),
        json!({"query": "{ soon }", "extensions": hash}),
        json!({"query": "{ nonsense"}),
    ] {
        let seen = post(&server, body).await;
        assert_eq!(seen.error().0, "DOCUMENT_NOT_TRUSTED");
    }
    let seen = post(&server, json!({"extensions": hash})).await;
    assert_eq!(seen.error().0, "PERSISTED_QUERY_NOT_FOUND");
    let seen = post(&server, json!({"documentId": "a"})).await;
    assert_eq!(seen.error().0, "PERSISTED_QUERY_NOT_FOUND");
}
