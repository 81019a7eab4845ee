//! Responses that several requests share: from the cache, or from an identical request in flight; and
//! documents that several requests share by name.

use anyhow::{Context as _, ensure};
use khabar_graphql::document::{DocumentId, OperationRequest};
use khabar_service::admission;
use khabar_service::outcome::Outcome;
use sha2::{Digest as _, Sha256};

use crate::sample_schema::Sample;
use crate::{data, error};

#[tokio::test]
async fn the_second_response_comes_from_the_cache() -> anyhow::Result<()> {
    let sample = Sample::new(admission::Settings::default()).await?;
    let first = sample.client.execute(sample.request("{ count }")).await;
    let second = sample.client.execute(sample.request("{ count }")).await;
    assert_eq!(
        (first.facts.is_cached, second.facts.is_cached),
        (false, true)
    );
    assert_eq!(first.outcome.body(), second.outcome.body());
    assert_eq!(sample.handle.resolved(), 1);
    ensure!(second.position.is_some());
    let operation = second.outcome.operation().context("no operation")?;
    assert_eq!(first.outcome.operation(), Some(operation));
    let Outcome::Complete(cached, as_of) = second.outcome else {
        anyhow::bail!("the response is not complete");
    };
    ensure!(!cached.is_personal() && cached.tags().is_some() && cached.is_fresh_at(as_of));
    Ok(())
}

#[tokio::test]
async fn identical_requests_run_one_operation() -> anyhow::Result<()> {
    let sample = Sample::new(admission::Settings::default()).await?;
    let leader = sample.client.execute(sample.request("{ held }"));
    let follower = async {
        sample.handle.entered.acquire().await?.forget();
        let follower = sample.client.execute(sample.request("{ held }"));
        let release = async {
            // By then the follower has joined the flight: the futures are polled in order.
            tokio::task::yield_now().await;
            sample.handle.released.add_permits(1);
        };
        anyhow::Ok(tokio::join!(follower, release).0)
    };
    let (leader, follower) = tokio::join!(leader, follower);
    let follower = follower?;
    assert_eq!(data(&leader)?["held"], 1);
    assert_eq!(leader.outcome.body(), follower.outcome.body());
    assert_eq!(
        (leader.facts.is_cached, follower.facts.is_cached),
        (false, true)
    );
    assert_eq!(sample.handle.resolved(), 1);
    Ok(())
}

#[tokio::test]
async fn a_document_is_found_by_its_registered_hash() -> anyhow::Result<()> {
    let sample = Sample::new(admission::Settings::default()).await?;
    let document = "query Count { count }";
    let hash = format!("{:x}", Sha256::digest(document));
    let by_hash = |query: Option<&str>| OperationRequest {
        query: query.map(str::to_owned),
        named: Some(DocumentId::Hash(hash.clone())),
        ..OperationRequest::default()
    };
    let ask = async |operation| {
        sample
            .client
            .execute(sample.client.request(operation))
            .await
    };
    let unknown = ask(by_hash(None)).await;
    assert_eq!(error(&unknown)?.0, "PERSISTED_QUERY_NOT_FOUND");
    let sent = ask(by_hash(Some(document))).await;
    let named = ask(by_hash(None)).await;
    assert_eq!(data(&sent)?["count"], 1);
    assert_eq!(sent.outcome.body(), named.outcome.body());
    let mismatch = ask(by_hash(Some("{ count }"))).await;
    assert_eq!(error(&mismatch)?.0, "PERSISTED_QUERY_HASH_MISMATCH");
    Ok(())
}
