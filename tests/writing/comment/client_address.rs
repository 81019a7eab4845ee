//! Client addresses of comments: how long they are stored.

use chrono::Duration;
use khabar_domain::Role;
use khabar_tests::harness::{Who, newsroom};
use serde_json::{Value, json};

use super::{POST, SET_ARTICLE};
use crate::Fixture;

#[tokio::test]
async fn client_addresses_are_deleted_in_time_and_never_exported() -> anyhow::Result<()> {
    // The address that the test harness sends for everyone.
    const ADDRESS: &str = "192.0.2.7";
    const LOG: &str = "{ audit(first: 100) { nodes { role address } } }";
    for fixture in Fixture::each().await? {
        let article = fixture.open().await?;
        let input = json!({"id": article, "mode": "POST_MODERATED", "guestCommentsAllowed": true});
        fixture.write(&fixture.editor, SET_ARTICLE, input).await?;
        let named = json!({"article": article, "text": "رأي عابر", "name": "عابر",
            "idempotencyKey": "one"});
        let payload = fixture.write(&Who::anonymous(), POST, named).await?;
        assert_eq!(payload["userErrors"], json!([]));
        let reader = fixture.app.who("هدى", Role::Reader).await?;
        let signed = json!({"article": article, "text": "رأي آخر"});
        fixture.write(&reader, POST, signed).await?;
        let db = fixture.app.db().db();

        let mut archive = Vec::new();
        khabar_persistence::archive::export(db, &mut archive).await?;
        assert!(!String::from_utf8(archive)?.contains(ADDRESS));

        let admin = fixture.app.who("ندى", Role::Admin).await?;
        let log = async || {
            let mut log = fixture.ask(&admin, LOG, json!({})).await?;
            let of = |log: &Value, role: &str| {
                let nodes = log["audit"]["nodes"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let nodes = nodes.into_iter().filter(|node| node["role"] == role);
                nodes
                    .map(|node| node["address"] == ADDRESS)
                    .collect::<Vec<_>>()
            };
            let log = log.take();
            anyhow::Ok((of(&log, "READER"), of(&log, "EDITOR")))
        };
        let (readers, editors) = log().await?;
        assert!(readers.len() >= 2 && readers.iter().all(|has_address| *has_address));
        assert!(!editors.is_empty() && editors.iter().all(|has_address| *has_address));
        let retention = khabar_server::config::Settings::default().addresses();
        assert_eq!(retention.readers, Duration::hours(24));
        let clear = async |after: Duration| {
            let clock = khabar_domain::clock::FixedClock(newsroom::now() + after);
            khabar_server::maintenance::clear_addresses(db, &clock, retention).await
        };
        // The address is retained for as long as the rate limits may need it.
        assert_eq!(clear(retention.readers).await?, 0);
        let cleared = clear(retention.readers + Duration::seconds(1)).await?;
        assert_eq!(
            cleared,
            2 + u64::try_from(readers.len())?,
            "the comment's, that of its name, and the log's"
        );
        let (readers, editors) = log().await?;
        assert!(
            readers.iter().all(|has_address| !*has_address)
                && editors.iter().all(|has_address| *has_address)
        );
        clear(retention.staff + Duration::seconds(1)).await?;
        let (_, editors) = log().await?;
        assert!(editors.iter().all(|has_address| !*has_address));
        assert_eq!(clear(retention.staff + Duration::days(9)).await?, 0);
    }
    Ok(())
}
