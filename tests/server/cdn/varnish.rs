//! A real Varnish in front of the server, configured by `docs/varnish.vcl`.

mod varnishd;

use anyhow::Context as _;
use khabar_domain::{Article, Name, Role};
use khabar_persistence::trusted_document::{self, TrustedDocument};
use khabar_server::config::Settings;
use khabar_server::graphql::surrogate::Header;
use khabar_server::purge::Target;
use khabar_service::auth::{Issue, issue};
use khabar_tests::harness::{Newsroom, newsroom, until};
use serde_json::json;

use self::varnishd::Varnish;
use crate::cdn::purging::{start, wait_until_purged};
use crate::{HttpResponse, Server};

const ARTICLE: &str = "query Article($id: ID!) { node(id: $id) { ... on Article { headline } } }";
const VERSION: &str = "query ($id: ID!) { node(id: $id) { ... on Article { version } } }";
const CORRECT: &str = "mutation ($id: ID!, $version: Int!, $headline: String!) {
  correctArticle(input: {id: $id, version: $version, headline: $headline, note: \"صُحّح العنوان\"}) {
    article { headline } userErrors { message } conflict { currentVersion }
  }
}";

/// Returns two published articles of the small newsroom.
fn articles() -> anyhow::Result<[Article; 2]> {
    let small = Newsroom::small()?;
    let mut published = small
        .manuscripts
        .into_iter()
        .map(|manuscript| manuscript.article)
        .filter(|article| article.status == khabar_domain::article::Status::Published);
    match (published.next(), published.next()) {
        (Some(first), Some(second)) => Ok([first, second]),
        _ => anyhow::bail!("the newsroom has too few articles"),
    }
}

/// Returns an article's global ID, as clients see it.
fn global(article: &Article) -> String {
    use base64::Engine as _;
    let mut bytes = vec![1];
    bytes.extend(article.id.uuid().as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Requests an article through Varnish. Returns whether it was a cache hit, and the headline.
async fn page(varnish: &Varnish, server: &Server, id: &str) -> anyhow::Result<(bool, String)> {
    page_as(varnish, server, id, "*/*").await
}

/// Like [`page`], with the given `Accept` header.
async fn page_as(
    varnish: &Varnish,
    server: &Server,
    id: &str,
    accept: &str,
) -> anyhow::Result<(bool, String)> {
    let variables = json!({ "id": id }).to_string();
    let mut url = reqwest::Url::parse(&format!("{}graphql", varnish.url()))?;
    let parameters = [("documentId", "article"), ("variables", &variables)];
    url.query_pairs_mut().extend_pairs(parameters);
    let request = server.client.get(url).header("accept", accept);
    let seen = HttpResponse::of(request.send().await?).await?;
    let headline = seen.data()?["node"]["headline"].as_str();
    assert_eq!(seen.header("xkey"), "", "keys are not for readers");
    let headline = headline.unwrap_or_default().to_owned();
    Ok((seen.header("x-cache") == "hit", headline))
}

/// Corrects an article's headline through the API, as an editor.
async fn correct(server: &Server, id: &str, headline: &str) -> anyhow::Result<()> {
    let what = Issue {
        name: Name::parse("ليلى")?,
        role: Role::Editor,
        rights: None,
        expires_at: None,
    };
    let editor = issue(server.db.db(), newsroom::now(), what).await?;
    let read = json!({"query": VERSION, "variables": {"id": id}});
    let version = server.post(&read).await?.data()?["node"]["version"].clone();
    let variables = json!({"id": id, "version": version, "headline": headline});
    let body = json!({"query": CORRECT, "variables": variables});
    let request = server.client.post(server.url()).json(&body);
    let request = request.bearer_auth(editor.credential.as_str());
    let seen = HttpResponse::of(request.send().await?).await?;
    let corrected = &seen.data()?["correctArticle"];
    assert_eq!(corrected["article"]["headline"], headline, "{corrected}");
    Ok(())
}

async fn a_corrected_headline_is_fresh(target: fn(String) -> Target) -> anyhow::Result<()> {
    let mut settings = Settings::default();
    // Nothing expires while the test runs.
    settings.graphql.cache.s_maxage = 3_600;
    settings.graphql.cache.surrogate = vec![Header::Xkey];
    for server in Server::each(&settings).await? {
        let Some(varnish) = Varnish::before(server.address).await? else {
            return Ok(());
        };
        let db = server.db.db();
        let mut writer = db.writer(newsroom::now()).await?;
        let document = TrustedDocument::new("article", ARTICLE)?;
        trusted_document::register(&mut writer, &[document]).await?;
        writer.commit().await?;
        let purging = start(db, &target(varnish.url()))?;
        wait_until_purged(db).await?;

        let [corrected, other] = articles()?;
        for article in [&corrected, &other] {
            for is_hit in [false, true, true] {
                let seen = page(&varnish, &server, &global(article)).await?;
                assert_eq!(seen, (is_hit, article.headline.as_str().to_owned()));
            }
        }
        // Differently worded `Accept` headers share one cached response.
        let seen = page_as(&varnish, &server, &global(&other), "application/json;q=0.9").await?;
        assert!(seen.0);
        correct(&server, &global(&corrected), "عنوان صُحّح").await?;
        wait_until_purged(db).await?;
        // The next response is fresh and is cached again. The other article was never evicted.
        for is_hit in [false, true] {
            let seen = page(&varnish, &server, &global(&corrected)).await?;
            assert_eq!(seen, (is_hit, "عنوان صُحّح".to_owned()));
        }
        let seen = page(&varnish, &server, &global(&other)).await?;
        assert_eq!(seen, (true, other.headline.as_str().to_owned()));
        purging.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_corrected_headline_is_fresh_by_xkey() -> anyhow::Result<()> {
    a_corrected_headline_is_fresh(|url| Target::VarnishXkey { url }).await
}

#[tokio::test]
async fn a_corrected_headline_is_fresh_by_ban() -> anyhow::Result<()> {
    a_corrected_headline_is_fresh(|url| Target::VarnishBan { url }).await
}

#[tokio::test]
async fn a_new_varnish_is_purged_completely() -> anyhow::Result<()> {
    for target in [
        (|url| Target::VarnishXkey { url }) as fn(String) -> Target,
        |url| Target::VarnishBan { url },
    ] {
        let mut settings = Settings::default();
        settings.graphql.cache.s_maxage = 3_600;
        settings.graphql.cache.surrogate = vec![Header::Xkey];
        let db = khabar_tests::harness::TestDb::sqlite().await?;
        Newsroom::small()?.save(db.db()).await?;
        let server = Server::over(db.caching().await?, &settings).await?;
        let Some(varnish) = Varnish::before(server.address).await? else {
            return Ok(());
        };
        let db = server.db.db();
        let mut writer = db.writer(newsroom::now()).await?;
        let document = TrustedDocument::new("article", ARTICLE)?;
        trusted_document::register(&mut writer, &[document]).await?;
        writer.commit().await?;
        let [article, _] = articles()?;
        for is_hit in [false, true] {
            assert_eq!(page(&varnish, &server, &global(&article)).await?.0, is_hit);
        }
        let purging = start(db, &target(varnish.url()))?;
        wait_until_purged(db).await?;
        assert!(!page(&varnish, &server, &global(&article)).await?.0);
        purging.stop().await;
    }
    Ok(())
}

/// During an outage, readers still get cached responses, even expired ones.
#[tokio::test]
async fn varnish_serves_stale_responses_during_an_outage() -> anyhow::Result<()> {
    let mut settings = Settings::default();
    settings.graphql.cache.s_maxage = 1;
    settings.graphql.cache.stale_if_error = 3_600;
    for db in khabar_tests::harness::TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        // Without its own cache, the server itself has nothing to serve during the outage.
        let server = Server::over(db, &settings).await?;
        let Some(varnish) = Varnish::without_stale_time(server.address).await? else {
            return Ok(());
        };
        let mut writer = server.db.db().writer(newsroom::now()).await?;
        let document = TrustedDocument::new("article", ARTICLE)?;
        trusted_document::register(&mut writer, &[document]).await?;
        writer.commit().await?;
        let [article, other] = articles()?;
        let id = global(&article);
        for is_hit in [false, true] {
            assert_eq!(page(&varnish, &server, &id).await?.0, is_hit);
        }
        // While the server is up, Varnish asks it again as soon as a response expires.
        let is_past = async || anyhow::Ok(!page(&varnish, &server, &id).await?.0);
        until("the time is over", is_past).await?;

        // First the database fails, so the server returns errors. Then the server itself is gone.
        if server.db.name() == "PostgreSQL" {
            let rename = |from, to| format!("ALTER TABLE {from} RENAME TO {to}");
            server.db.administer(&rename("article", "lost")).await?;
            let variables = json!({ "id": id }).to_string();
            let asked = [("documentId", "article"), ("variables", &variables)];
            let failed = server.get(&asked).await?;
            assert_eq!((failed.status, failed.code()), (500, "INTERNAL"));
            assert_eq!(failed.header("cache-control"), "no-store");
            is_shown_past_its_time(&varnish, &server, &article).await?;
            server.db.administer(&rename("lost", "article")).await?;
            until("the server is asked again", is_past).await?;
        }
        let server = server.stop_and_wait().await?;
        is_shown_past_its_time(&varnish, &server, &article).await?;
        let lost = page(&varnish, &server, &global(&other)).await;
        assert!(lost.is_err(), "{lost:?}");
    }
    Ok(())
}

/// Checks that Varnish serves the article for longer than its time to live.
async fn is_shown_past_its_time(
    varnish: &Varnish,
    server: &Server,
    article: &Article,
) -> anyhow::Result<()> {
    // Varnish measures the time to live by its own clock, so the time has to pass.
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_millis(1_500) {
        let shown = page(varnish, server, &global(article)).await;
        let (_, headline) = shown.with_context(|| format!("after {:?}", begun.elapsed()))?;
        assert_eq!(headline, article.headline.as_str());
    }
    Ok(())
}
