//! Previews: access to a single article before publication.

use chrono::TimeDelta;
use khabar_domain::article::Status;
use khabar_domain::{Right, Rights, Role};
use khabar_server::config::Settings;
use serde_json::{Value, json};

use super::Hidden;
use crate::Server;

const CREATE: &str = "mutation ($article: ID!, $expiresIn: Int) {
    createPreview(input: {article: $article, expiresIn: $expiresIn}) {
    preview { token expiresAt article { id headline } } userErrors { field code message } } }";
const READ: &str = "query ($id: ID!, $slug: Slug!, $url: Url!) {
    id: article(id: $id) { headline bodyHtml } slug: article(slug: $slug) { headline }
    url: article(url: $url) { headline } node(id: $id) { ... on Article { headline bodyHtml } }
    nodes(ids: [$id]) { ... on Article { headline } }
    articles(first: 100) { nodes { headline } totalCount } }";

async fn read(server: &Server, headers: &[String], hidden: &Hidden) -> anyhow::Result<Value> {
    let variables = json!({"id": hidden.id, "slug": hidden.slug, "url": hidden.url});
    let seen = server.ask(headers, READ, variables).await?;
    Ok(seen.data()?.clone())
}

#[tokio::test]
async fn a_preview_opens_only_its_article() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let draft = server.hidden("مسودة أولى", Status::Draft, None).await?;
        let other = server
            .hidden("مسودة ثانية", Status::Scheduled, None)
            .await?;
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        // Until the first preview is created, no preview token is accepted.
        let early = ["khabar-preview: khp_x".to_owned()];
        assert!(
            server
                .ask(&early, "{ editions { slug } }", Value::Null)
                .await?
                .is_refused()
        );

        let input = json!({"article": draft.id, "expiresIn": 600});
        let seen = server.ask_by(&editor, CREATE, input).await?;
        let payload = &seen.data()?["createPreview"];
        assert_eq!(payload["userErrors"], json!([]));
        let preview = &payload["preview"];
        assert_eq!(preview["expiresAt"], "2024-10-11T00:10:00Z");
        assert_eq!(preview["article"]["headline"], "مسودة أولى");
        let token = preview["token"].as_str().unwrap_or_default().to_owned();
        let headers = [format!("khabar-preview: {token}")];

        let before = read(&server, &[], &draft).await?;
        let shown = read(&server, &headers, &draft).await?;
        for name in ["id", "slug", "url", "node"] {
            assert_eq!(before[name], Value::Null, "{name}");
            assert_eq!(shown[name]["headline"], "مسودة أولى", "{name}");
        }
        for name in ["id", "node"] {
            assert_eq!(shown[name]["bodyHtml"], "<p>متن مسودة أولى</p>", "{name}");
        }
        assert_eq!(shown["nodes"][0]["headline"], "مسودة أولى");
        // Lists are unchanged, and other articles remain hidden.
        assert_eq!(shown["articles"], before["articles"]);
        assert_eq!(
            read(&server, &headers, &other).await?,
            read(&server, &[], &other).await?
        );
        let seen = server.ask(&headers, super::VIEWER, Value::Null).await?;
        assert_eq!(seen.data()?["viewer"]["rights"], json!([]));
        assert_eq!(seen.header("cache-control"), "private, no-store");

        // An altered token is refused, and so is an expired one.
        let mut forged = headers[0].clone();
        let last = forged.pop();
        forged.push(if last == Some('A') { 'B' } else { 'A' });
        let forged = forged.replacen("khp_", "khp_A", 1);
        assert!(
            server
                .ask(&[forged], "{ editions { slug } }", Value::Null)
                .await?
                .is_refused()
        );
        server.set(TimeDelta::minutes(10));
        assert!(
            server
                .ask(&headers, "{ editions { slug } }", Value::Null)
                .await?
                .is_refused()
        );
    }
    Ok(())
}

#[tokio::test]
async fn previews_can_be_created_by_those_who_see_the_article() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let writer = server.issue("نور", Role::Contributor, None).await?;
        let publisher = Some(Rights::of(&[Right::Publish]));
        let publisher = server.issue("ندى", Role::Editor, publisher).await?;
        let own = server
            .hidden("مسودة أولى", Status::Draft, Some(writer.token.account))
            .await?;
        let other = server.hidden("مسودة ثانية", Status::Draft, None).await?;
        let stop_and_wait = server
            .hidden("مسودة ثالثة", Status::Withdrawn, None)
            .await?;
        let public = server.hidden("خبر منشور", Status::Published, None).await?;
        let nowhere = crate::global(1, uuid::Uuid::nil());
        let section = crate::global(8, uuid::Uuid::nil());
        for (issued, article, seconds, code, field) in [
            (&writer, &own.id, 60, "", ""),
            (&publisher, &own.id, 2_592_000, "", ""),
            (&publisher, &public.id, 60, "", ""),
            // An article that the viewer may not see is reported as not found.
            (&writer, &other.id, 60, "NOT_FOUND", "article"),
            (&writer, &stop_and_wait.id, 60, "NOT_FOUND", "article"),
            (&writer, &nowhere, 60, "NOT_FOUND", "article"),
            (&writer, &public.id, 60, "NOT_ALLOWED", "article"),
            (&publisher, &stop_and_wait.id, 60, "WRONG_STATUS", "article"),
            (&publisher, &nowhere, 60, "NOT_FOUND", "article"),
            (&publisher, &section, 60, "INVALID", "article"),
            (&publisher, &own.id, 59, "INVALID", "expiresIn"),
            (&publisher, &own.id, 2_592_001, "INVALID", "expiresIn"),
            (&publisher, &own.id, -1, "INVALID", "expiresIn"),
        ] {
            let input = json!({"article": article, "expiresIn": seconds});
            let seen = server.ask_by(issued, CREATE, input).await?;
            let payload = &seen.data()?["createPreview"];
            let error = &payload["userErrors"][0];
            assert_eq!(
                error["code"].as_str().unwrap_or_default(),
                code,
                "{payload}"
            );
            assert_eq!(
                error["field"][0].as_str().unwrap_or_default(),
                field,
                "{payload}"
            );
            assert_eq!(payload["preview"].is_null(), !code.is_empty(), "{payload}");
        }
        let reader = server.issue("هند", Role::Reader, None).await?;
        let seen = server
            .ask_by(&reader, CREATE, json!({"article": public.id}))
            .await?;
        assert_eq!(seen.code(), "FORBIDDEN");
        let seen = server
            .ask(&[], CREATE, json!({"article": public.id}))
            .await?;
        assert_eq!(seen.code(), "UNAUTHENTICATED");
    }
    Ok(())
}

#[tokio::test]
async fn a_repeated_preview_request_returns_the_same_token() -> anyhow::Result<()> {
    const NAMED: &str = "mutation ($article: ID!, $name: String, $expiresIn: Int) {
        createPreview(input: {article: $article, idempotencyKey: $name, expiresIn: $expiresIn}) {
        preview { token expiresAt } userErrors { field code message } } }";
    for server in Server::each(&Settings::default()).await? {
        let draft = server.hidden("مسودة أولى", Status::Draft, None).await?;
        let editor = server.issue("ليلى", Role::Editor, None).await?;
        let asked = async |name: Option<&str>, seconds: i64| {
            let input = json!({"article": draft.id, "name": name, "expiresIn": seconds});
            let seen = server.ask_by(&editor, NAMED, input).await?;
            anyhow::Ok(seen.data()?["createPreview"].clone())
        };
        // The expiry time is truncated to whole seconds.
        server.set(TimeDelta::microseconds(1_900_001));
        let first = asked(Some("one"), 600).await?;
        assert_eq!(first["preview"]["expiresAt"], "2024-10-11T00:10:01Z");
        server.set(TimeDelta::microseconds(300_123_456));
        assert_eq!(asked(Some("one"), 600).await?, first);
        // A different idempotency key, or none, creates another preview.
        for name in [Some("two"), None] {
            let other = asked(name, 600).await?;
            assert_eq!(other["preview"]["expiresAt"], "2024-10-11T00:15:00Z");
            assert_ne!(other["preview"]["token"], first["preview"]["token"]);
        }
        // Reusing an idempotency key with a different lifetime is an error.
        let longer = asked(Some("one"), 1_200).await?;
        assert_eq!(longer["preview"], Value::Null);
        assert_eq!(longer["userErrors"][0]["code"], "INVALID");
        // After expiry, repeating the mutation returns the expired token, which is refused.
        let token = first["preview"]["token"].as_str().unwrap_or_default();
        let headers = [format!("khabar-preview: {token}")];
        let shown = read(&server, &headers, &draft).await?;
        assert_eq!(shown["id"]["headline"], "مسودة أولى");
        server.set(TimeDelta::seconds(601));
        assert_eq!(asked(Some("one"), 600).await?, first);
        assert!(server.ask(&headers, READ, Value::Null).await?.is_refused());
    }
    Ok(())
}
