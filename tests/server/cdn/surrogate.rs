//! Surrogate keys: response headers that tell caches what a response was built from.

use anyhow::Context as _;
use khabar_domain::{Name, Role};
use khabar_persistence::cache::CacheTag;
use khabar_persistence::change::EntityKind;
use khabar_server::config::Settings;
use khabar_server::graphql::surrogate::{Header, spelled};
use khabar_service::auth::{Issue, issue};
use khabar_tests::harness::{Newsroom, TestDb, newsroom};
use serde_json::json;

use crate::{HttpResponse, Server};

const LATEST: &str = "{ home { latest(first: 1) { nodes { slug headline section { name } } } } }";

fn settings(surrogate: Vec<Header>) -> Settings {
    let mut settings = Settings::default();
    settings.graphql.cache.surrogate = surrogate;
    settings
}

/// Returns the cache tags of the article with this slug and of its section.
fn keys_of(slug: &str) -> anyhow::Result<[String; 2]> {
    let small = Newsroom::small()?;
    let mut articles = small.manuscripts.iter().map(|it| &it.article);
    let article = articles.find(|article| article.slug.as_str() == slug);
    let article = article.context("it is of no article")?;
    let section = article.section.context("it is in no section")?;
    Ok([
        spelled(CacheTag::one(EntityKind::Article, article.id)),
        spelled(CacheTag::one(EntityKind::Section, section)),
    ])
}

#[tokio::test]
async fn cacheable_responses_have_surrogate_keys() -> anyhow::Result<()> {
    let all = vec![Header::SurrogateKey, Header::CacheTag, Header::Xkey];
    for server in Server::each(&settings(all)).await? {
        let first = server.get(&[("query", LATEST)]).await?;
        let slug = first.data()?["home"]["latest"]["nodes"][0]["slug"].clone();
        let expected = keys_of(slug.as_str().unwrap_or_default())?;
        // The second response comes from the cache as a whole, together with its keys.
        let cached = server.get(&[("query", LATEST)]).await?;
        for seen in [&first, &cached] {
            let keys: Vec<_> = seen.header("surrogate-key").split(' ').collect();
            for key in &expected {
                assert!(keys.contains(&key.as_str()), "{key} is not in {keys:?}");
            }
            assert_eq!(seen.header("xkey"), seen.header("surrogate-key"));
            assert_eq!(seen.header("cache-tag"), keys.join(","));
            assert!(seen.header("cache-control").contains("s-maxage=10"));
        }
        let url = reqwest::Url::parse_with_params(&server.url(), [("query", LATEST)])?;
        let not_modified = server
            .client
            .get(url)
            .header("if-none-match", first.header("etag"));
        let not_modified = not_modified.send().await?;
        assert_eq!(not_modified.status(), 304);
        assert_eq!(not_modified.headers()["xkey"], first.header("xkey"));

        // Responses that shared caches may not store carry no keys.
        let what = Issue {
            name: Name::parse("ليلى")?,
            role: Role::Editor,
            rights: None,
            expires_at: None,
        };
        let editor = issue(server.db.db(), newsroom::now(), what).await?;
        let token = editor.credential.as_str();
        let body = json!({ "query": LATEST });
        let posted = server.client.post(server.url()).json(&body);
        let url = reqwest::Url::parse_with_params(&server.url(), [("query", LATEST)])?;
        for request in [posted, server.client.get(url).bearer_auth(token)] {
            let seen = HttpResponse::of(request.send().await?).await?;
            seen.data()?;
            assert_eq!(seen.header("surrogate-key"), "");
        }
        let failed = server.get(&[("query", "{ nothing }")]).await?;
        assert_eq!(failed.header("surrogate-key"), "");
    }
    Ok(())
}

#[tokio::test]
async fn surrogate_keys_are_off_by_default() -> anyhow::Result<()> {
    let db = TestDb::sqlite().await?;
    Newsroom::small()?.save(db.db()).await?;
    let server = Server::over(db.caching().await?, &Settings::default()).await?;
    let seen = server.get(&[("query", LATEST)]).await?;
    for name in ["surrogate-key", "cache-tag", "xkey"] {
        assert_eq!(seen.header(name), "");
    }
    assert!(seen.header("cache-control").contains("s-maxage=10"));
    Ok(())
}

#[tokio::test]
async fn an_untracked_response_is_not_cacheable() -> anyhow::Result<()> {
    let db = TestDb::sqlite().await?;
    Newsroom::small()?.save(db.db()).await?;
    // Without a cache, the server does not track what a response was built from.
    let server = Server::over(db, &settings(vec![Header::Xkey])).await?;
    let seen = server.get(&[("query", LATEST)]).await?;
    seen.data()?;
    assert_eq!(seen.header("xkey"), "");
    assert_eq!(
        seen.header("cache-control"),
        "public, max-age=0, s-maxage=0"
    );
    Ok(())
}
