//! Tests of GraphQL over HTTP: content negotiation, methods, status codes and refused requests.

use khabar_graphql::limit::Limits;
use khabar_server::graphql::Settings;
use khabar_server::http::{RequestIds, Settings as Http, logged, serve};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::connection::said;
use crate::{sample_schema, sample_service};

/// A server of the toy schema on a port of its own.
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<std::io::Result<()>>,
}

pub(crate) async fn start(
    settings: Settings,
    timeouts: Http,
    handle: sample_schema::Handle,
) -> Server {
    let api = sample_schema::api_with(Limits::default(), handle);
    let router = logged(
        sample_service::routes(api, settings),
        RequestIds::new(0xfeed),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve(listener, router, timeouts, async {
        let _ = stopped.await;
    }));
    Server {
        address,
        stop,
        ended,
    }
}

pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl HttpResponse {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        let json = self.json();
        assert_eq!(json.get("data"), None, "{json}");
        json["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends one request to a fresh server. Headers are given as `name: value`.
pub(crate) async fn send(
    method: &str,
    query: &str,
    headers: &[&str],
    body: impl Into<reqwest::Body>,
) -> HttpResponse {
    let settings = Settings {
        body_bytes: 600,
        request_timeout_ms: 50,
        ..Settings::default()
    };
    let server = start(settings, Http::default(), sample_schema::Handle::default()).await;
    let url = format!("http://{}/graphql{query}", server.address);
    let mut sent = HeaderMap::new();
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        let name: HeaderName = name.parse().unwrap();
        sent.append(name, HeaderValue::from_str(value).unwrap());
    }
    let response = Client::new()
        .request(Method::from_bytes(method.as_bytes()).unwrap(), url)
        .headers(sent)
        .body(body)
        .send()
        .await
        .unwrap();
    let seen = HttpResponse {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    };
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
    seen
}

const JSON: &str = "content-type: application/json";
const NEW: &str = "accept: application/graphql-response+json";
const OLD: &str = "accept: application/json";

async fn post(headers: &[&str], body: &'static str) -> HttpResponse {
    send("POST", "", headers, body).await
}

#[tokio::test]
async fn the_status_depends_on_the_media_type() {
    for (body, new, old, code) in [
        (r#"{"query": "{ soon }"}"#, 200, 200, None),
        // An execution error is part of a successful response.
        (
            r#"{"query": "{ requiredArticle { broken } }"}"#,
            200,
            200,
            None,
        ),
        (
            r#"{"query": "{ soon"}"#,
            400,
            200,
            Some("GRAPHQL_PARSE_FAILED"),
        ),
        (r#"{"query": ""}"#, 400, 200, Some("GRAPHQL_PARSE_FAILED")),
        (
            r#"{"query": "{ nope }"}"#,
            400,
            200,
            Some("GRAPHQL_VALIDATION_FAILED"),
        ),
        (
            r#"{"query": "{ soon }", "operationName": "A"}"#,
            400,
            200,
            Some("OPERATION_RESOLUTION_FAILURE"),
        ),
        (
            r#"{"query": "query ($n: [Int!]!) { sum(numbers: $n) }", "variables": {"n": "x"}}"#,
            400,
            200,
            Some("BAD_USER_INPUT"),
        ),
        (r#"{"query": "{ soon }""#, 400, 400, Some("BAD_REQUEST")),
        (r#"[{"query": "{ soon }"}]"#, 400, 400, Some("BAD_REQUEST")),
        (r#"{"query": 1}"#, 400, 400, Some("BAD_REQUEST")),
        (
            r#"{"query": "{ soon }", "variables": "{}"}"#,
            400,
            400,
            Some("BAD_REQUEST"),
        ),
        ("", 400, 400, Some("BAD_REQUEST")),
        (
            r#"{"query": "{ never }"}"#,
            503,
            503,
            Some("REQUEST_TIMEOUT"),
        ),
    ] {
        for (accept, status, media) in [
            (NEW, new, "application/graphql-response+json; charset=utf-8"),
            (OLD, old, "application/json; charset=utf-8"),
        ] {
            let seen = post(&[JSON, accept], body).await;
            assert_eq!(seen.status, status, "{accept} {body}");
            assert_eq!(seen.header("content-type"), media);
            assert_eq!(seen.header("x-content-type-options"), "nosniff");
            assert!(seen.header("vary").contains("accept"));
            match code {
                Some(code) => assert_eq!(seen.code(), code, "{body}"),
                None => assert!(seen.json().get("data").is_some(), "{body}"),
            }
        }
    }
}

#[tokio::test]
async fn the_accept_header_is_negotiated() {
    let seen = post(&[JSON], r#"{"query": "{ late soon }"}"#).await;
    assert_eq!(
        seen.header("content-type"),
        "application/json; charset=utf-8"
    );
    assert!(seen.body.starts_with(br#"{"data":{"late":1,"soon":2}"#));
    let seen = post(&[JSON, "accept: text/html"], r#"{"query": "{ soon }"}"#).await;
    assert_eq!((seen.status, seen.code().as_str()), (406, "NOT_ACCEPTABLE"));
    // Repeated headers are combined into one list.
    let seen = post(
        &[JSON, "accept: application/json;q=0.1", NEW],
        r#"{"query": "{ soon }"}"#,
    )
    .await;
    assert_eq!(
        seen.header("content-type"),
        "application/graphql-response+json; charset=utf-8"
    );
}

#[tokio::test]
async fn cors_safelisted_content_types_are_rejected() {
    let mutation = r#"{"query": "mutation { bump }"}"#;
    for kind in [
        "content-type: text/plain",
        "content-type: application/x-www-form-urlencoded",
        "content-type: multipart/form-data; boundary=x",
        "content-type: application/graphql",
        "content-type: application/json; charset=utf-16",
        "content-type: application/jsonp",
    ] {
        let seen = post(&[kind], mutation).await;
        assert_eq!(
            (seen.status, seen.code().as_str()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{kind}"
        );
    }
    let seen = post(&[], mutation).await;
    assert_eq!(seen.status, 415);
    let seen = post(&[JSON, "content-type: text/plain"], mutation).await;
    assert_eq!(seen.status, 415);
    let seen = post(&[JSON, "content-encoding: gzip"], mutation).await;
    assert_eq!(seen.status, 415);
    let seen = post(
        &["content-type: Application/JSON; charset=\"UTF-8\""],
        mutation,
    )
    .await;
    assert_eq!(seen.json()["data"]["bump"], 1);

    let seen = send("GET", "?query=mutation%7Bbump%7D", &[OLD], "").await;
    assert_eq!(
        (seen.status, seen.code().as_str()),
        (405, "METHOD_NOT_ALLOWED")
    );
    assert_eq!(seen.header("allow"), "POST");
}

#[tokio::test]
async fn queries_can_be_sent_by_get() {
    let seen = send("GET", "?query=query+A($n:String){hello(name:$n)}query+B{soon}&operationName=A&variables=%7B%22n%22:%22%D8%AE%D8%A8%D8%B1%22%7D", &[NEW], "").await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.json()["data"]["hello"], "hello خبر");
    for bad in [
        "",
        "?query=",
        "?query=%7Bsoon%7D&query=%7Blate%7D",
        "?query=%FF",
        "?query={soon}&variables=%5B%5D",
        "?query={soon}&variables=%7B",
    ] {
        let seen = send("GET", bad, &[OLD], "").await;
        assert_eq!(
            (seen.status, seen.code().as_str()),
            (400, "BAD_REQUEST"),
            "{bad}"
        );
    }
    let seen = send("HEAD", "?query={soon}", &[], "").await;
    assert_eq!((seen.status, seen.body.len()), (200, 0));
}

#[tokio::test]
async fn other_methods_are_rejected_with_an_allow_header() {
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let seen = send(method, "", &[JSON], r#"{"query": "{ soon }"}"#).await;
        assert_eq!(
            (seen.status, seen.code().as_str()),
            (405, "METHOD_NOT_ALLOWED"),
            "{method}"
        );
        assert_eq!(seen.header("allow"), "GET, HEAD, POST");
    }
}

#[tokio::test]
async fn the_body_size_is_limited_with_and_without_content_length() {
    let long = format!(r#"{{"query": "{{ soon }}", "x": "{}"}}"#, "x".repeat(600));
    let seen = send("POST", "", &[JSON], long).await;
    assert_eq!(
        (seen.status, seen.code().as_str()),
        (413, "PAYLOAD_TOO_LARGE")
    );

    // With chunked encoding, the size is not known in advance.
    let server = start(
        Settings {
            body_bytes: 600,
            ..Settings::default()
        },
        Http::default(),
        sample_schema::Handle::default(),
    )
    .await;
    let mut chunked = String::from(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n",
    );
    for _ in 0..7 {
        chunked.push_str("64\r\n");
        chunked.push_str(&" ".repeat(100));
        chunked.push_str("\r\n");
    }
    let answer = said(&server, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("PAYLOAD_TOO_LARGE"), "{answer}");
}

#[tokio::test]
async fn invalid_utf_8_is_rejected() {
    let seen = send(
        "POST",
        "",
        &[JSON],
        b"{\"query\": \"{ hello(name: \\\"\xff\\\") }\"}".to_vec(),
    )
    .await;
    assert_eq!((seen.status, seen.code().as_str()), (400, "BAD_REQUEST"));
}

#[tokio::test]
async fn responses_are_compressed_on_request() {
    let body = r#"{"query": "{ articles(first: 30) { id label } }"}"#;
    for encoding in ["gzip", "br", "zstd"] {
        let seen = post(&[JSON, &format!("accept-encoding: {encoding}")], body).await;
        assert_eq!(seen.header("content-encoding"), encoding);
        let vary = seen.headers.get_all("vary");
        let vary = vary.iter().map(|vary| vary.to_str().unwrap());
        let named = vary.flat_map(|vary| vary.split(", "));
        assert_eq!(named.filter(|name| *name == "accept-encoding").count(), 1);
    }
    let seen = post(&[JSON], body).await;
    assert_eq!(seen.header("content-encoding"), "");
    assert_eq!(
        seen.json()["data"]["articles"].as_array().unwrap().len(),
        30
    );
}

#[tokio::test]
async fn every_response_has_a_request_id() {
    let seen = post(&[JSON], r#"{"query": "{ soon }"}"#).await;
    assert_eq!(seen.header("x-request-id"), "000000000000feed-1");
    let seen = post(&[JSON, "x-request-id: edge-42"], r#"{"query": "{ soon }"}"#).await;
    assert_eq!(seen.header("x-request-id"), "edge-42");
}
