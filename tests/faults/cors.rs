//! CORS: the origins that may use the API, as reported to browsers.

use anyhow::ensure;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::client::{Client, HttpResponse};
use crate::newsroom;
use crate::server::{Launch, Server};

const EDITIONS: &str = "{ editions { name } }";
const NEWS: &str = "https://news.example";

async fn preflight(client: &Client, origin: &str) -> anyhow::Result<HttpResponse> {
    client
        .request(Method::OPTIONS, "/graphql", |request: RequestBuilder| {
            request
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header(
                    "access-control-request-headers",
                    "authorization,content-type,khabar-position",
                )
        })
        .await
}

async fn get(server: &Server, origin: &str) -> anyhow::Result<HttpResponse> {
    server
        .client
        .get_with(&[("origin", origin)], EDITIONS)
        .await
}

fn varies(response: &HttpResponse) -> bool {
    let lines = response.headers.get_all("vary").iter();
    let mut names = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    names.any(|name| name.trim().eq_ignore_ascii_case("origin"))
}

const ALLOWED: &str = "access-control-allow-origin";

#[tokio::test]
async fn cors_is_disabled_by_default() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url()).start().await?;
    let response = preflight(&server.client, "http://localhost:3000").await?;
    ensure!(response.status == 405, "{response:?}");
    for response in [response, get(&server, "http://localhost:3000").await?] {
        let header = response
            .headers
            .keys()
            .find(|name| name.as_str().starts_with("access-control-"));
        ensure!(header.is_none(), "{response:?}");
    }
    server.kill().await
}

#[tokio::test]
async fn only_configured_origins_are_allowed() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let origins = format!("{NEWS},loopback");
    let launch = Launch::over(db.url())
        .set("http.cors.origins", &origins)
        .set("http.cors.credentials", true)
        .set("http.cors.max_age_s", 60);
    let server = launch.start().await?;

    for origin in [NEWS, "http://localhost:3000", "http://[::1]:1"] {
        let response = preflight(&server.client, origin).await?;
        ensure!(response.header(ALLOWED) == origin, "{response:?}");
        for (name, value) in [
            ("access-control-allow-methods", "GET,HEAD,POST"),
            (
                "access-control-allow-headers",
                "authorization,content-type,khabar-position",
            ),
            ("access-control-allow-credentials", "true"),
            ("access-control-max-age", "60"),
        ] {
            ensure!(response.header(name) == value, "{name}: {response:?}");
        }
    }
    for stranger in [
        "https://news.example.evil.example",
        "http://news.example",
        "https://news.example:8443",
        "http://localhost.evil.example",
        "null",
        "",
    ] {
        for response in [
            preflight(&server.client, stranger).await?,
            get(&server, stranger).await?,
        ] {
            ensure!(
                response.header(ALLOWED).is_empty(),
                "{stranger}: {response:?}"
            );
            // A shared cache must not serve a disallowed origin's response to an allowed page.
            ensure!(varies(&response), "{stranger}: {response:?}");
        }
    }

    // An allowed page may read every response, including 304 and errors.
    let response = get(&server, NEWS).await?;
    ensure!(response.header(ALLOWED) == NEWS && varies(&response));
    ensure!(response.header("cache-control").starts_with("public"));
    let exposed = response.header("access-control-expose-headers");
    for name in [
        "etag",
        "khabar-position",
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
    ] {
        ensure!(
            exposed.split(',').any(|one| one == name),
            "{name}: {exposed}"
        );
    }
    let tag = response.header("etag").to_owned();
    let headers = [("origin", NEWS), ("if-none-match", tag.as_str())];
    let same = server.client.get_with(&headers, EDITIONS).await?;
    ensure!(
        same.status == 304 && same.header(ALLOWED) == NEWS,
        "{same:?}"
    );
    ensure!(varies(&same), "{same:?}");
    let refused = server.client.with_token("nonsense");
    let refused = refused
        .post_with(&[("origin", NEWS)], EDITIONS, json!({}))
        .await?;
    ensure!(refused.status == 401 && refused.header(ALLOWED) == NEWS);
    // A request without an origin may come through a shared cache, which stores the response.
    let response = server.client.get(EDITIONS).await?;
    ensure!(varies(&response) && response.header(ALLOWED).is_empty());
    server.kill().await
}

#[tokio::test]
async fn a_wildcard_origin_does_not_vary_the_response() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .set("http.cors.origins", "*")
        .start()
        .await?;
    for response in [
        get(&server, NEWS).await?,
        get(&server, "null").await?,
        server.client.get(EDITIONS).await?,
    ] {
        ensure!(
            response.header(ALLOWED) == "*" && !varies(&response),
            "{response:?}"
        );
        let credentials = "access-control-allow-credentials";
        ensure!(!response.headers.contains_key(credentials), "{response:?}");
    }
    server.kill().await
}

#[tokio::test]
async fn unsafe_or_useless_cors_settings_are_rejected() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let open = Launch::over(db.url())
        .set("http.cors.origins", "*")
        .set("http.cors.credentials", true);
    let (ok, _, error) = open.run(&["serve"]).await?;
    ensure!(!ok && error.contains("name the origins"), "{error}");
    for (origin, says) in [
        ("https://news.example/", "write \"https://news.example\""),
        ("null", "sandboxed"),
        ("https://*.example", "no origin"),
    ] {
        let launch = Launch::over(db.url()).set("http.cors.origins", origin);
        let (ok, _, error) = launch.run(&["serve"]).await?;
        ensure!(!ok && error.contains(says), "{origin}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn the_demo_allows_local_origins() -> anyhow::Result<()> {
    let server = Launch::demo().start().await?;
    let page = "http://127.0.0.1:5173";
    let response = preflight(&server.client, page).await?;
    ensure!(response.header(ALLOWED) == page, "{response:?}");
    let response = preflight(&server.client, NEWS).await?;
    ensure!(response.header(ALLOWED).is_empty(), "{response:?}");
    server.kill().await
}
