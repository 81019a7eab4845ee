//! Clients that send too much: the posting limits of comments, and HTTP rate limits.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use khabar_domain::Role;
use khabar_tests::harness::newsroom::now;
use khabar_tests::harness::{TestDb, until};
use serde_json::{Value, json};

use crate::client::{Client, HttpResponse};
use crate::newsroom;
use crate::server::{Launch, Server};

const EDITIONS: &str = "{ editions { name } }";
const OPEN: &str = "mutation ($input: SetEditionCommentingInput!) {
  setEditionCommenting(input: $input) { userErrors { message } }
}";
const POST: &str = "mutation ($input: PostCommentInput!) {
  postComment(input: $input) { comment { id } userErrors { code } }
}";
const TOPIC: &str = "mutation ($input: CreateTopicInput!) {
  createTopic(input: $input) { topic { name } userErrors { message } }
}";

/// Allows guests to comment in the first edition, and returns the id of one of its articles.
async fn opened(db: &TestDb, server: &Server) -> anyhow::Result<String> {
    let token = newsroom::token(db, "ليلى", Role::Editor).await?;
    let editor = server.client.with_token(&token);
    let input = json!({"mode": "POST_MODERATED", "guestCommentsAllowed": true});
    let opened = editor.post(OPEN, json!({ "input": input })).await?;
    ensure!(opened.data()?["setEditionCommenting"]["userErrors"] == json!([]));
    let article = "{ articles(first: 1) { nodes { id } } }";
    let found = server.client.post(article, Value::Null).await?.data()?;
    let id = found["articles"]["nodes"][0]["id"].as_str();
    Ok(id.context("no article")?.to_owned())
}

/// Posts a comment with a forwarding header as set by a proxy. Returns the error code, or `POSTED`.
async fn post(
    client: &Client,
    article: &str,
    said: (&str, &str),
    number: usize,
) -> anyhow::Result<String> {
    let input = json!({
        "article": article,
        "name": format!("قارئ {number}"),
        "text": format!("تعليق رقم {number}"),
    });
    let response = client
        .post_with(&[said], POST, json!({ "input": input }))
        .await?;
    let payload = &response.data()?["postComment"];
    let code = payload["userErrors"][0]["code"]
        .as_str()
        .unwrap_or("POSTED");
    Ok(code.to_owned())
}

#[tokio::test]
async fn addresses_of_one_network_share_a_rate_limit() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url())
            .set("auth.trusted_proxies", "127.0.0.0/8")
            .set("comments.address_posts_per_minute", 3)
            .start()
            .await?;
        let article = opened(&db, &server).await?;
        let (client, mut number) = (&server.client, 0);
        let mut posts = async |header: &str, address: String| {
            number += 1;
            post(client, &article, (header, &address), number).await
        };
        for (header, other, same) in [
            ("x-forwarded-for", "2001:db8:1:3::1", "2001:db8:1:2"),
            ("x-forwarded-for", "[2001:db8:2:3::1]:99", "2001:db8:2:2"),
            ("forwarded", "for=\"[2001:db8:3:3::1]:99\"", "2001:db8:3:2"),
        ] {
            let mut codes = Vec::new();
            for host in 0..5 {
                // Every post uses a new address in the network.
                let address = format!("{same}:{host:x}:{host:x}:1:{host:x}");
                codes.push(match other {
                    _ if header == "forwarded" => {
                        posts(header, format!("for=\"[{address}]\"")).await?
                    }
                    _ if other.starts_with('[') => {
                        posts(header, format!("[{address}]:{host}1")).await?
                    }
                    _ => posts(header, address).await?,
                });
            }
            let expected = ["POSTED", "POSTED", "POSTED", "TOO_OFTEN", "TOO_OFTEN"];
            ensure!(codes == expected, "{header} {same}: {codes:?}");
            ensure!(posts(header, other.to_owned()).await? == "POSTED");
        }
        // Each IPv4 address has its own limit, with or without a port.
        for address in ["192.0.2.1", "192.0.2.2:80", "192.0.2.3:81"] {
            let code = posts("x-forwarded-for", address.to_owned()).await?;
            ensure!(code == "POSTED", "{address}: {code}");
        }
        server.kill().await?;
    }
    Ok(())
}

#[tokio::test]
async fn rate_limited_requests_take_no_write_connection() -> anyhow::Result<()> {
    for db in newsroom::each().await? {
        let server = Launch::over(db.url())
            .set("comments.address_posts_per_minute", 2)
            .set("http.rate_limits.mutations.address_per_minute", 0)
            .set("write_connections", 1)
            .start()
            .await?;
        let article = opened(&db, &server).await?;
        for number in 0..2 {
            let code = post(&server.client, &article, ("x-y", "z"), number).await?;
            ensure!(code == "POSTED", "{code}");
        }
        // Blocks writes: SQLite has one writer at a time, and on PostgreSQL the article's row is locked.
        let writer = db.db().writer(now()).await?;
        let id = khabar_domain::ArticleId::new(uuid(&article)?);
        khabar_persistence::article::lock(&writer, id).await?;
        let field = |number| {
            let input = format!("article: \"{article}\", name: \"قارئ\", text: \"تعليق {number}\"");
            format!("p{number}: postComment(input: {{{input}}}) {{ userErrors {{ code }} }}")
        };
        let fields: Vec<_> = (0..50).map(field).collect();
        let fields = fields.join(" ");
        let mutation = format!("mutation {{ {fields} }}");
        let refused = server.client.post(&mutation, Value::Null);
        let refused = tokio::time::timeout(Duration::from_secs(10), refused).await;
        let refused = refused.context("who is refused waits for a writer")??;
        let data = refused.data()?;
        for number in 0..50 {
            let code = &data[format!("p{number}")]["userErrors"][0]["code"];
            ensure!(code == "TOO_OFTEN", "{code}");
        }
        // Invalid comments need no write connection either.
        for (input, code) in [
            (json!({"article": article, "text": "تعليق"}), "INVALID"),
            (
                json!({"article": "x", "text": "تعليق", "name": "قارئ"}),
                "INVALID",
            ),
            (
                json!({"article": article, "text": "", "name": "قارئ"}),
                "INVALID",
            ),
        ] {
            let refused = server.client.post(POST, json!({ "input": input }));
            let refused = tokio::time::timeout(Duration::from_secs(10), refused).await;
            let response = refused.context("who is refused waits for a writer")??;
            let payload = response.json()?;
            let found = &payload["data"]["postComment"]["userErrors"][0]["code"];
            ensure!(found == code, "{response:?}");
        }
        drop(writer);
        server.kill().await?;
    }
    Ok(())
}

/// Decodes the UUID in a global id.
fn uuid(global: &str) -> anyhow::Result<uuid::Uuid> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(global)?;
    Ok(uuid::Uuid::from_slice(
        bytes.get(1..).context("too short")?,
    )?)
}

fn is_limited(response: &HttpResponse) -> anyhow::Result<()> {
    ensure!(
        response.status == 429 && response.code() == "RATE_LIMITED",
        "{response:?}"
    );
    ensure!(
        response.header("cache-control").contains("no-store"),
        "{response:?}"
    );
    let wait: u64 = response.header("retry-after").parse()?;
    ensure!((1..=60).contains(&wait), "{response:?}");
    Ok(())
}

#[tokio::test]
async fn requests_are_rate_limited_by_token_and_address() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .set("auth.trusted_proxies", "127.0.0.1")
        .set("http.rate_limits.requests.address_per_minute", 4)
        .set("http.rate_limits.requests.token_per_minute", 2)
        .start()
        .await?;
    let from = |address| [("x-forwarded-for", address)];
    for left in (0..4).rev() {
        let response = server
            .client
            .post_with(&from("192.0.2.1"), EDITIONS, Value::Null)
            .await?;
        response.data()?;
        ensure!(
            response.header("ratelimit-policy") == "\"requests\";q=4;w=60",
            "{response:?}"
        );
        let rate_limit = response.header("ratelimit");
        ensure!(
            rate_limit.starts_with(&format!("\"requests\";r={left};t=")),
            "{rate_limit}"
        );
    }
    for media in ["application/json", "application/graphql-response+json"] {
        let headers = [("x-forwarded-for", "192.0.2.1"), ("accept", media)];
        is_limited(
            &server
                .client
                .post_with(&headers, EDITIONS, Value::Null)
                .await?,
        )?;
        // Invalid documents are limited as well, and so are requests with an invalid token.
        is_limited(&server.client.get_with(&headers, "{").await?)?;
        let nobody = server.client.with_token("khb_nonsense");
        is_limited(&nobody.get_with(&headers, EDITIONS).await?)?;
    }
    // Other addresses are not limited, nor are requests with a valid token from this address.
    server
        .client
        .get_with(&from("192.0.2.2"), EDITIONS)
        .await?
        .data()?;
    for name in ["ليلى", "سامي"] {
        let token = newsroom::token(&db, name, Role::Editor).await?;
        let editor = server.client.with_token(&token);
        for _ in 0..2 {
            editor
                .get_with(&from("192.0.2.1"), EDITIONS)
                .await?
                .data()?;
        }
        is_limited(&editor.get_with(&from("192.0.2.3"), EDITIONS).await?)?;
    }
    // Responses for shared caches do not include the remaining quota of one client.
    let shared = server.client.get_with(&from("192.0.2.9"), EDITIONS).await?;
    ensure!(shared.header("cache-control").starts_with("public"));
    ensure!(shared.header("ratelimit").is_empty() && shared.header("ratelimit-policy").is_empty());
    // Health checks are not counted.
    for _ in 0..6 {
        ensure!(server.client.path("/health/ready").await?.status == 200);
    }
    server.kill().await
}

#[tokio::test]
async fn mutations_and_errors_have_separate_rate_limits() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url())
        .set("http.rate_limits.mutations.token_per_minute", 3)
        .set("http.rate_limits.mutations.address_per_minute", 3)
        .set("http.rate_limits.errors.address_per_minute", 5)
        .start()
        .await?;
    let token = newsroom::token(&db, "ليلى", Role::Editor).await?;
    let editor = server.client.with_token(&token);
    for number in 0..3 {
        let input = json!({"name": format!("موضوع {number}")});
        let response = editor.post(TOPIC, json!({ "input": input })).await?;
        ensure!(response.data()?["createTopic"]["topic"]["name"].is_string());
        ensure!(
            response
                .header("ratelimit")
                .starts_with(&format!("\"mutations\";r={}", 2 - number))
        );
    }
    let refused = editor
        .post(TOPIC, json!({"input": {"name": "موضوع"}}))
        .await?;
    is_limited(&refused)?;
    // Queries are still answered.
    editor.post(EDITIONS, Value::Null).await?.data()?;
    // Each field of a mutation counts as a write, also inside a fragment.
    let many = "mutation { ...M } fragment M on Mutation {
        a: createTopic(input: {name: \"أ\"}) { userErrors { code } }
        ... on Mutation { b: createTopic(input: {name: \"ب\"}) { userErrors { code } } }
        c: createTopic(input: {name: \"ج\"}) { userErrors { code } } }";
    let response = server.client.post(many, Value::Null).await?;
    ensure!(
        response.header("ratelimit").contains("\"mutations\";r=0"),
        "{response:?}"
    );
    is_limited(&server.client.post(many, Value::Null).await?)?;

    // One error has been counted so far, and the limit is five per minute.
    for _ in 0..4 {
        let response = server.client.get("{ nothing }").await?;
        ensure!(
            response.code() == "GRAPHQL_VALIDATION_FAILED",
            "{response:?}"
        );
    }
    for response in [
        server.client.get("{ nothing }").await?,
        server.client.get(EDITIONS).await?,
    ] {
        is_limited(&response)?;
    }
    // An editor at this address is not limited.
    editor.post(EDITIONS, Value::Null).await?.data()?;
    server.kill().await
}

#[tokio::test]
async fn reads_are_not_rate_limited_by_default() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url()).start().await?;
    for _ in 0..300 {
        server.client.get(EDITIONS).await?.data()?;
        ensure!(server.client.get("{ nothing }").await?.status == 200);
    }
    let (ok, _, error) = Launch::over(db.url())
        .set("http.rate_limits.requests.token_per_minute", 1_000_001)
        .run(&["serve"])
        .await?;
    ensure!(
        !ok && error.contains("http.rate_limits.requests.token_per_minute"),
        "{error}"
    );
    server.kill().await
}

#[tokio::test]
async fn an_untrusted_proxy_is_logged_once() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    let server = Launch::over(db.url()).start().await?;
    let words = "auth.trusted_proxies";
    server.client.get(EDITIONS).await?.data()?;
    ensure!(!server.log.says(words), "{:?}", server.log.lines());
    for header in [
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
    ] {
        for _ in 0..3 {
            server.client.get_with(&[header], EDITIONS).await?.data()?;
        }
    }
    until("it is logged", || async { Ok(server.log.says(words)) }).await?;
    let logged = server
        .log
        .lines()
        .into_iter()
        .filter(|line| line.contains(words));
    let logged: Vec<_> = logged.collect();
    ensure!(
        logged.len() == 1 && logged[0].contains("127.0.0.1"),
        "{logged:?}"
    );

    let trusting = Launch::over(db.url()).set("auth.trusted_proxies", "127.0.0.1");
    let trusting = trusting.start().await?;
    trusting
        .client
        .get_with(&[("x-forwarded-for", "192.0.2.1")], EDITIONS)
        .await?
        .data()?;
    ensure!(!trusting.log.says(words), "{:?}", trusting.log.lines());
    server.kill().await
}
