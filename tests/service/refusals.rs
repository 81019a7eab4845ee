//! Refused requests: each has a typed reason, and its operation does not run.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use khabar_domain::Network;
use khabar_service::admission;
use khabar_service::auth::PresentedCredentials;
use khabar_service::context::ContextError;
use khabar_service::outcome::{Failure, Outcome, Status};
use khabar_service::rate_limit::{Limiter, Meter, RateLimits};
use khabar_service::request::{Deadline, MutationPolicy, Request};
use khabar_service::service::Response;

use crate::sample_schema::Sample;
use crate::{data, error};

/// Returns the reason why a request failed, if it did.
fn failure(response: &Response) -> Option<Failure> {
    match &response.outcome {
        Outcome::Uncached(answer) => match answer.status {
            Status::Failed(failure) => Some(failure),
            Status::Processed => None,
        },
        Outcome::Complete(..) | Outcome::Stale(..) => None,
    }
}

#[tokio::test]
async fn an_invalid_token_is_never_treated_as_anonymous() -> anyhow::Result<()> {
    let sample = Sample::new(admission::Settings::default()).await?;
    let presented = PresentedCredentials {
        bearer: Some("khb_unknown".to_owned()),
        ..PresentedCredentials::default()
    };
    let malformed = ContextError::unauthenticated("There are two tokens.");
    for credentials in [Ok(presented), Err(malformed)] {
        let response = sample.client.execute(Request {
            credentials,
            ..sample.request("{ count }")
        });
        let response = response.await;
        assert_eq!(failure(&response), Some(Failure::Unauthenticated));
        assert_eq!(error(&response)?.0, "UNAUTHENTICATED");
        assert_eq!(response.outcome.operation(), None);
        assert_eq!(response.facts.viewer, None);
    }
    assert_eq!(sample.handle.resolved(), 0);
    Ok(())
}

#[tokio::test]
async fn a_mutation_runs_only_if_the_transport_allows_it() -> anyhow::Result<()> {
    let sample = Sample::new(admission::Settings::default()).await?;
    let read_only = |document| Request {
        mutations: MutationPolicy::Refuse("This transport only reads."),
        ..sample.request(document)
    };
    let refused = sample.client.execute(read_only("mutation { bump }")).await;
    assert_eq!(failure(&refused), Some(Failure::MutationNotAllowed));
    assert_eq!(error(&refused)?.1, "This transport only reads.");
    assert_eq!(sample.handle.resolved(), 0);
    let query = sample.client.execute(read_only("{ count }")).await;
    assert_eq!(data(&query)?["count"], 1);
    let allowed = sample.request("mutation { bump }");
    let allowed = sample.client.execute(allowed).await;
    assert_eq!(
        (data(&allowed)?["bump"].as_u64(), allowed.position),
        (Some(2), None)
    );
    Ok(())
}

#[tokio::test]
async fn an_operation_without_a_slot_is_refused() -> anyhow::Result<()> {
    let sample = Sample::new(admission::Settings {
        queries: 1,
        queued: 0,
        ..admission::Settings::default()
    });
    let sample = sample.await?;
    let held = sample.client.execute(sample.request("{ held }"));
    let refused = async {
        sample.handle.entered.acquire().await?.forget();
        let refused = sample.client.execute(sample.request("{ count }")).await;
        sample.handle.released.add_permits(1);
        anyhow::Ok(refused)
    };
    let (held, refused) = tokio::join!(held, refused);
    let refused = refused?;
    assert_eq!(failure(&refused), Some(Failure::Overloaded));
    assert_eq!(error(&refused)?.0, "OVERLOADED");
    assert_eq!(data(&held)?["held"], 1);
    Ok(())
}

#[tokio::test]
async fn a_request_ends_at_its_deadline() -> anyhow::Result<()> {
    let sample = Sample::new(admission::Settings::default()).await?;
    for (document, code) in [
        ("{ held }", "REQUEST_TIMEOUT"),
        ("mutation { held }", "OUTCOME_UNKNOWN"),
    ] {
        let response = sample.client.execute(Request {
            deadline: Deadline::after(Duration::from_millis(20)),
            ..sample.request(document)
        });
        let response = response.await;
        assert_eq!(failure(&response), Some(Failure::TimedOut));
        let (told, message) = error(&response)?;
        assert_eq!(told, code);
        ensure!(message.contains("took longer than 20 ms"), "{message}");
        ensure!(response.outcome.operation().is_some());
        ensure!(response.facts.admitted_after.is_some());
    }
    assert_eq!(sample.handle.resolved(), 0);
    Ok(())
}

#[tokio::test]
async fn a_client_beyond_its_quota_is_refused() -> anyhow::Result<()> {
    let sample = Sample::new(admission::Settings::default()).await?;
    let mut limits = RateLimits::default();
    limits.requests.address_per_minute = 1;
    let limiter = Limiter::new(limits).map(Arc::new);
    let mut failures = Vec::new();
    for _ in 0..2 {
        let network = Network::of(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let meter = limiter
            .clone()
            .map(|limiter| Meter::new(limiter, Some(network)));
        let response = sample.client.execute(Request {
            meter: meter.map(Arc::new),
            ..sample.request("{ count }")
        });
        failures.push(failure(&response.await));
    }
    assert_eq!(failures, [None, Some(Failure::RateLimited)]);
    Ok(())
}
