//! Trusted documents, on both databases.

use chrono::TimeDelta;
use khabar_persistence::trusted_document::{self, TrustedDocument};
use khabar_persistence::{Db, Options};
use khabar_server::config::Settings;
use khabar_service::persisted_documents::Mode;
use khabar_tests::harness::newsroom;
use serde_json::json;

use crate::Server;

const EDITIONS: &str = "query Editions { editions { slug } }";
const HOME: &str = "query Home { home { latest(first: 1) { nodes { headline } } } }";

/// Registers a document through a separate database handle, as a command in another process does.
async fn trust(server: &Server, name: &str, text: &str) -> anyhow::Result<usize> {
    let db = Db::open(&Options::new(server.db.url())).await?;
    let mut writer = db.writer(newsroom::now()).await?;
    let document = TrustedDocument::new(name, text)?;
    let new = trusted_document::register(&mut writer, &[document]).await?;
    writer.commit().await?;
    db.close().await?;
    // Changes by another process are visible here once the feed has been read.
    server.db.db().wait_for_feed().await?;
    Ok(new)
}

async fn remove_document(server: &Server, name: &str) -> anyhow::Result<bool> {
    let mut writer = server.db.db().writer(newsroom::now()).await?;
    let stop_and_wait = trusted_document::remove(&mut writer, name).await?;
    writer.commit().await?;
    Ok(stop_and_wait)
}

#[tokio::test]
async fn registering_and_removing_a_document_takes_effect_at_once() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let by_name = [("documentId", "5f9e")];
        // The negative result is cached until a document of that name is registered.
        for _ in 0..3 {
            let seen = server.get(&by_name).await?;
            assert_eq!(seen.code(), "PERSISTED_QUERY_NOT_FOUND");
            assert_eq!(seen.header("cache-control"), "no-store");
        }
        assert_eq!(trust(&server, "5f9e", EDITIONS).await?, 1);
        let seen = server.get(&by_name).await?;
        assert_eq!(seen.data()?["editions"][0]["slug"], "ar");
        assert!(seen.header("cache-control").starts_with("public"));

        // By the hash of its text, in each of the accepted forms.
        let hash = trusted_document::hash(EDITIONS);
        let apollo = json!({"persistedQuery": {"version": 1, "sha256Hash": hash}}).to_string();
        for parameters in [
            [("documentId", hash.as_str())],
            [("documentId", &format!("sha256:{hash}"))],
            [("extensions", &apollo)],
        ] {
            assert_eq!(
                server.get(&parameters).await?.data()?["editions"][0]["slug"],
                "ar"
            );
        }
        // Also by the manifest's name, sent where Apollo's client sends the hash.
        let named = json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "5f9e"}}});
        server.post(&named).await?.data()?;

        assert!(remove_document(&server, "5f9e").await?);
        assert!(!remove_document(&server, "5f9e").await?);
        for name in ["5f9e", &hash] {
            let seen = server.get(&[("documentId", name)]).await?;
            assert_eq!(seen.code(), "PERSISTED_QUERY_NOT_FOUND");
        }
    }
    Ok(())
}

#[tokio::test]
async fn registering_a_document_twice_is_idempotent() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        assert_eq!(trust(&server, "a", EDITIONS).await?, 1);
        assert_eq!(trust(&server, "a", EDITIONS).await?, 0);
        let refused = trust(&server, "a", HOME).await.unwrap_err();
        assert!(refused.to_string().contains("another text"), "{refused}");
        // Two contradicting documents in one call are refused as well, and neither is registered.
        let mut writer = server.db.db().writer(newsroom::now()).await?;
        let pair = [
            TrustedDocument::new("b", HOME)?,
            TrustedDocument::new("b", EDITIONS)?,
        ];
        assert!(
            trusted_document::register(&mut writer, &pair)
                .await
                .is_err()
        );
        drop(writer);
        let later = newsroom::now() + TimeDelta::seconds(1);
        let reader = server.db.db().reader(khabar_domain::Scope::reader(later));
        let every = trusted_document::every(&reader).await?;
        assert_eq!(every, [("a".to_owned(), newsroom::now())]);
        let seen = server.get(&[("documentId", "a")]).await?;
        assert_eq!(seen.data()?["editions"][0]["slug"], "ar");
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_document_name_is_cached() -> anyhow::Result<()> {
    for server in Server::each(&Settings::default()).await? {
        let cache = server.db.db().cache().expect("a cache");
        server.get(&[("documentId", "nobody")]).await?;
        let before = cache.stats().entities;
        for _ in 0..5 {
            server.get(&[("documentId", "nobody")]).await?;
        }
        let after = cache.stats().entities;
        assert_eq!((after.misses, after.hits), (before.misses, before.hits + 5));
        // A value that cannot be a name is not cached at all.
        let long = "a".repeat(10_000);
        let seen = server.post(&json!({"documentId": long})).await?;
        assert_eq!(seen.code(), "BAD_REQUEST");
        assert_eq!(cache.stats().entities, after);
    }
    Ok(())
}

#[tokio::test]
async fn trusted_mode_runs_registered_documents() -> anyhow::Result<()> {
    let mut settings = Settings::default();
    settings.graphql.persisted_documents.mode = Mode::Trusted;
    for server in Server::each(&settings).await? {
        trust(&server, "5f9e", EDITIONS).await?;
        for body in [json!({"documentId": "5f9e"}), json!({"query": EDITIONS})] {
            assert_eq!(
                server.post(&body).await?.data()?["editions"][0]["slug"],
                "ar"
            );
        }
        // An untrusted text does not become trusted through the name sent with it.
        let apollo = json!({"persistedQuery": {"version": 1, "sha256Hash": "5f9e"}});
        for body in [
            json!({"query": HOME}),
            json!({"query": HOME, "extensions": apollo}),
            json!({"query": format!("{EDITIONS} ")}),
            json!({"query": "{ __schema { queryType { name } } }"}),
        ] {
            assert_eq!(server.post(&body).await?.code(), "DOCUMENT_NOT_TRUSTED");
        }
        // Registering a document under another document's hash does not make that other document trusted.
        let hash = trusted_document::hash(HOME);
        trust(&server, &hash, "{ sections { name } }").await?;
        let seen = server.post(&json!({"query": HOME})).await?;
        assert_eq!(seen.code(), "DOCUMENT_NOT_TRUSTED");
    }
    Ok(())
}
