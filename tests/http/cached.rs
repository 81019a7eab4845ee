//! Tests of HTTP caching: which GraphQL responses caches may store, for how long, and how they
//! revalidate.

use crate::http::{HttpResponse, send};

/// A query whose response is long enough to be compressed.
const ARTICLES: &str = "?query=%7B%20articles(first:30)%20%7B%20id%20label%20%7D%20%7D";
const PUBLIC: &str =
    "public, max-age=0, s-maxage=10, stale-while-revalidate=30, stale-if-error=600";
const NEW: &str = "accept: application/graphql-response+json";

async fn get(headers: &[&str]) -> HttpResponse {
    send("GET", ARTICLES, headers, "").await
}

#[tokio::test]
async fn an_etag_identifies_one_representation() {
    let plain = get(&[]).await;
    assert_eq!(plain.status, 200);
    let mut tags = vec![plain.header("etag").to_owned()];
    for headers in [
        [NEW, "accept-encoding: identity"],
        ["accept: application/json", "accept-encoding: gzip"],
        ["accept: application/json", "accept-encoding: br"],
        [NEW, "accept-encoding: gzip"],
    ] {
        let seen = get(&headers).await;
        // Another server returns an identical response and tag.
        let again = get(&headers).await;
        assert_eq!(seen.header("etag"), again.header("etag"));
        assert_eq!(seen.body, again.body);
        tags.push(seen.header("etag").to_owned());
    }
    for tag in &tags {
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'));
    }
    let other = send("GET", "?query=%7Bsoon%7D", &[], "").await;
    tags.push(other.header("etag").to_owned());
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count, "{tags:?}");
}

#[tokio::test]
async fn a_matching_etag_is_answered_with_304() {
    for coding in ["identity", "gzip", "br", "zstd"] {
        let accept = format!("accept-encoding: {coding}");
        let whole = get(&[&accept]).await;
        let tag = whole.header("etag").to_owned();
        for method in ["GET", "HEAD"] {
            for condition in [
                tag.clone(),
                format!("\"other\", {tag}"),
                format!("W/{tag}"),
                "*".to_owned(),
            ] {
                let asked = format!("if-none-match: {condition}");
                let seen = send(method, ARTICLES, &[&accept, &asked], "").await;
                assert_eq!(seen.status, 304, "{method} {coding} {condition}");
                assert!(seen.body.is_empty());
                assert_eq!(seen.header("etag"), tag);
                assert_eq!(seen.header("cache-control"), PUBLIC);
                assert!(!seen.header("date").is_empty());
                let vary = |seen: &HttpResponse| -> Vec<_> {
                    seen.headers.get_all("vary").iter().cloned().collect()
                };
                assert_eq!(vary(&seen), vary(&whole));
                assert_eq!(seen.header("content-type"), "");
                assert_eq!(seen.header("content-encoding"), "");
            }
        }
        // A tag for another encoding or media type does not match.
        let recoded = if coding == "gzip" { "br" } else { "gzip" };
        let recoded = format!("accept-encoding: {recoded}");
        let asked = format!("if-none-match: {tag}");
        for other in [&[recoded.as_str()][..], &[NEW, &accept]] {
            let headers = [other, &[&asked]].concat();
            assert_eq!(get(&headers).await.status, 200, "{coding} {other:?}");
        }
    }
}

#[tokio::test]
async fn only_anonymous_responses_without_errors_are_publicly_cacheable() {
    let seen = get(&[]).await;
    assert_eq!(seen.header("cache-control"), PUBLIC);
    for name in [
        "accept",
        "accept-encoding",
        "authorization",
        "khabar-position",
        "khabar-preview",
    ] {
        assert!(seen.header("vary").contains(name), "{name}");
    }

    // The toy accepts any credentials. The presence of the header decides.
    for header in ["authorization: Bearer x", "khabar-preview: x"] {
        let seen = get(&[header, "if-none-match: *"]).await;
        assert_eq!(seen.status, 200);
        assert_eq!(seen.header("cache-control"), "private, no-store");
        assert_eq!(seen.header("etag"), "");
    }

    let json = "content-type: application/json";
    for (method, query, body, status) in [
        ("POST", "", r#"{"query": "{ soon }"}"#, 200),
        // One field failed and the others succeeded.
        ("GET", "?query=%7Bsoon%20article%7Btorn%7D%7D", "", 200),
        ("GET", "?query=%7Bnope%7D", "", 200),
        ("GET", "?query=mutation%7Bbump%7D", "", 405),
        ("GET", "?query=%7Bnever%7D", "", 503),
        ("GET", "?query=%ZZ", "", 400),
        ("PUT", "", "", 405),
    ] {
        let headers: &[&str] = if method == "POST" {
            &[json, "if-none-match: *"]
        } else {
            &["if-none-match: *"]
        };
        let seen = send(method, query, headers, body).await;
        assert_eq!(seen.status, status, "{method} {query}");
        assert_eq!(seen.header("cache-control"), "no-store", "{method} {query}");
        assert_eq!(seen.header("etag"), "", "{method} {query}");
    }
}

/// A cache takes a 200 as a valid response. For a 5xx, it can serve a stale stored response instead.
#[tokio::test]
async fn a_response_without_data_after_a_server_error_is_a_5xx() {
    let json = "content-type: application/json";
    for (document, status, data) in [
        // Every field failed, whether nullable or not.
        ("{ leaky }", 500, "null"),
        ("{ lost { id } }", 500, "null"),
        ("{ a: lost { id } b: lost { id } __typename }", 500, "null"),
        ("{ never }", 503, ""),
        // Part of the request succeeded, even if the result is only that an object does not exist.
        ("{ soon lost { id } }", 200, r#"{"soon":2,"lost":null}"#),
        (
            "{ nothing: node(id: \"x\") { id } lost { id } }",
            200,
            r#"{"nothing":null,"lost":null}"#,
        ),
        (
            "{ missing { id } lost { id } }",
            200,
            r#"{"missing":null,"lost":null}"#,
        ),
        // The client requested something that does not exist.
        ("{ missing { id } }", 200, r#"{"missing":null}"#),
        ("{ requiredArticle { broken } }", 200, "null"),
    ] {
        let query = format!("?query={}", encoded(document));
        let body = serde_json::json!({ "query": document }).to_string();
        for media in ["accept: application/json", NEW] {
            for seen in [
                send("GET", &query, &[media], String::new()).await,
                send("POST", "", &[media, json], body.clone()).await,
            ] {
                let text = String::from_utf8_lossy(&seen.body);
                assert_eq!(seen.status, status, "{document} {media}: {text}");
                assert_eq!(seen.header("cache-control"), "no-store", "{document}");
                assert!(text.contains("\"errors\""), "{text}");
                let member = format!("\"data\":{data}");
                assert!(data.is_empty() || text.contains(&member), "{text}");
            }
        }
    }
}

fn encoded(document: &str) -> String {
    let mut url = reqwest::Url::parse("http://localhost").unwrap();
    url.query_pairs_mut().append_key_only(document);
    url.query().unwrap().to_owned()
}
