//! CORS: the origins that may use the API, as reported to browsers.

use anyhow::ensure;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::client::{Answer, Client};
use crate::newsroom;
use crate::server::{Launch, Server};

const EDITIONS: &str = "{ editions { name } }";
const NEWS: &str = "https://news.example";

async fn preflight(client: &Client, origin: &str) -> anyhow::Result<Answer> {
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

async fn get(server: &Server, origin: &str) -> anyhow::Result<Answer> {
    server
        .client
        .get_with(&[("origin", origin)], EDITIONS)
        .await
}

fn varies(answer: &Answer) -> bool {
    let lines = answer.headers.get_all("vary").iter();
    let mut names = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    names.any(|name| name.trim().eq_ignore_ascii_case("origin"))
}

const ALLOWED: &str = "access-control-allow-origin";

#[tokio::test]
async fn by_default_no_other_origin_is_told_anything() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url()).start().await?;
    let answer = preflight(&server.client, "http://localhost:3000").await?;
    ensure!(answer.status == 405, "{answer:?}");
    for answer in [answer, get(&server, "http://localhost:3000").await?] {
        let header = answer
            .headers
            .keys()
            .find(|name| name.as_str().starts_with("access-control-"));
        ensure!(header.is_none(), "{answer:?}");
    }
    server.kill().await
}

#[tokio::test]
async fn an_origin_that_is_named_is_allowed_and_no_other() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let origins = format!("{NEWS},loopback");
    let launch = Launch::over(db.url())
        .set("http.cors.origins", &origins)
        .set("http.cors.credentials", true)
        .set("http.cors.max_age_s", 60);
    let server = launch.start().await?;

    for origin in [NEWS, "http://localhost:3000", "http://[::1]:1"] {
        let answer = preflight(&server.client, origin).await?;
        ensure!(answer.header(ALLOWED) == origin, "{answer:?}");
        for (name, value) in [
            ("access-control-allow-methods", "GET,HEAD,POST"),
            (
                "access-control-allow-headers",
                "authorization,content-type,khabar-position",
            ),
            ("access-control-allow-credentials", "true"),
            ("access-control-max-age", "60"),
        ] {
            ensure!(answer.header(name) == value, "{name}: {answer:?}");
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
        for answer in [
            preflight(&server.client, stranger).await?,
            get(&server, stranger).await?,
        ] {
            ensure!(answer.header(ALLOWED).is_empty(), "{stranger}: {answer:?}");
            // A shared cache must not serve a disallowed origin's response to an allowed page.
            ensure!(varies(&answer), "{stranger}: {answer:?}");
        }
    }

    // An allowed page may read every response, including 304 and errors.
    let answer = get(&server, NEWS).await?;
    ensure!(answer.header(ALLOWED) == NEWS && varies(&answer));
    ensure!(answer.header("cache-control").starts_with("public"));
    let exposed = answer.header("access-control-expose-headers");
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
    let tag = answer.header("etag").to_owned();
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
    let answer = server.client.get(EDITIONS).await?;
    ensure!(varies(&answer) && answer.header(ALLOWED).is_empty());
    server.kill().await
}

#[tokio::test]
async fn every_origin_is_told_the_same_so_that_caches_keep_one_copy() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .set("http.cors.origins", "*")
        .start()
        .await?;
    for answer in [
        get(&server, NEWS).await?,
        get(&server, "null").await?,
        server.client.get(EDITIONS).await?,
    ] {
        ensure!(
            answer.header(ALLOWED) == "*" && !varies(&answer),
            "{answer:?}"
        );
        let credentials = "access-control-allow-credentials";
        ensure!(!answer.headers.contains_key(credentials), "{answer:?}");
    }
    server.kill().await
}

#[tokio::test]
async fn what_would_open_too_much_or_nothing_does_not_start() -> anyhow::Result<()> {
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
async fn the_demo_is_open_to_pages_of_this_machine() -> anyhow::Result<()> {
    let server = Launch::demo().start().await?;
    let page = "http://127.0.0.1:5173";
    let answer = preflight(&server.client, page).await?;
    ensure!(answer.header(ALLOWED) == page, "{answer:?}");
    let answer = preflight(&server.client, NEWS).await?;
    ensure!(answer.header(ALLOWED).is_empty(), "{answer:?}");
    server.kill().await
}
