//! An outage as seen by shared caches in front of the server: an error is never cached as a response.

use std::time::Duration;

use anyhow::ensure;
use serde_json::Value;

use crate::newsroom;
use crate::proxy::{Network, Proxy};
use crate::server::Launch;

const LATEST: &str = "{ articles(first: 2) { nodes { headline } } }";
const MEDIA: [&str; 2] = ["application/json", "application/graphql-response+json"];

#[tokio::test]
async fn a_database_outage_is_reported_by_the_status() -> anyhow::Result<()> {
    let Some(db) = newsroom::postgres().await? else {
        return Ok(());
    };
    let (proxy, through) = Proxy::before(db.url()).await?;
    // Without a cache, every query reads from the database.
    let server = Launch::over(through)
        .set("cache.max_bytes", 0)
        .start()
        .await?;
    for media in MEDIA {
        let response = server.client.get_with(&[("accept", media)], LATEST).await?;
        ensure!(response.data()?["articles"]["nodes"][0]["headline"].is_string());
        let cache_control = response.header("cache-control");
        ensure!(
            cache_control.contains("stale-if-error=600"),
            "{cache_control}"
        );
    }
    proxy.set(Network::Refuses);
    for media in MEDIA {
        let accept = [("accept", media)];
        let get = server.client.get_with(&accept, LATEST);
        let post = server.client.post_with(&accept, LATEST, Value::Null);
        let both = async { anyhow::Ok([get.await?, post.await?]) };
        for response in tokio::time::timeout(Duration::from_secs(40), both).await?? {
            ensure!(response.status >= 500, "{response:?}");
            ensure!(
                response.header("cache-control") == "no-store",
                "{response:?}"
            );
            ensure!(
                response.header("content-type").starts_with(media),
                "{response:?}"
            );
            ensure!(!response.code().is_empty() && response.json()?["data"].is_null());
        }
    }
    server.kill().await
}

#[tokio::test]
async fn stale_if_error_is_configurable() -> anyhow::Result<()> {
    let db = newsroom::sqlite().await?;
    for (seconds, expected) in [
        (
            0,
            "public, max-age=0, s-maxage=10, stale-while-revalidate=30",
        ),
        (
            86_400,
            "public, max-age=0, s-maxage=10, stale-while-revalidate=30, stale-if-error=86400",
        ),
    ] {
        let key = "graphql.cache.stale_if_error";
        let server = Launch::over(db.url()).set(key, seconds).start().await?;
        let response = server.client.get(LATEST).await?;
        ensure!(response.header("cache-control") == expected, "{response:?}");
        // Shared caches may not store a response that could not be purged.
        let named = Launch::over(db.url()).set(key, seconds);
        let named = named
            .set("graphql.cache.surrogate", "xkey")
            .set("cache.responses", false);
        let named = named.start().await?;
        let response = named.client.get(LATEST).await?;
        let cache_control = response.header("cache-control");
        ensure!(
            cache_control == "public, max-age=0, s-maxage=0",
            "{cache_control}"
        );
    }
    Ok(())
}
