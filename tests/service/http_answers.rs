//! Every API test case is answered in this process as over HTTP: the bodies are equal, byte for byte.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use khabar_domain::clock::Clock;
use khabar_server::config::Settings;
use khabar_server::{router, service};
use khabar_service::auth::PresentedCredentials;
use khabar_service::local::Client;
use khabar_tests::harness::cases::Case;
use khabar_tests::harness::{Newsroom, TestDb, newsroom};
use serde_json::json;
use tower::ServiceExt as _;

use crate::ManualClock;

#[tokio::test]
async fn every_case_has_the_same_body_without_http() -> anyhow::Result<()> {
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        // Two caches, so that neither transport is answered with a response that the other one made.
        let other = TestDb::at(db.url().to_owned()).await?.caching().await?;
        let db = db.caching().await?;
        let clock = ManualClock::new(newsroom::now());
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let settings = Settings::default();
        let http = router::routes(&settings, other.db().clone(), Arc::clone(&shared))?;
        let service = service::service(&settings, db.db().clone(), shared)?;
        let client = Client::new(Arc::new(service), Duration::from_mins(1));
        let (mut cases, mut cached) = (0, 0);
        for case in Case::all()? {
            clock.set(case.hour);
            let Case {
                name,
                document,
                variables,
                ..
            } = &case;
            let body = json!({"query": document, "variables": variables}).to_string();
            let request = Request::post("/graphql")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body))?;
            let response = http.clone().oneshot(request).await?;
            let status = response.status();
            ensure!(status == StatusCode::OK, "{name}: {status}");
            let over_http = to_bytes(response.into_body(), usize::MAX).await?;
            for time in ["first", "second"] {
                let anonymous = PresentedCredentials::default();
                let local = client.query(document, variables, anonymous).await;
                let Ok(local) = local else {
                    anyhow::bail!("{name} cannot be parsed");
                };
                let body = local.outcome.body();
                ensure!(
                    body == over_http,
                    "{name}, the {time} time: {}\nover HTTP: {}",
                    String::from_utf8_lossy(&body),
                    String::from_utf8_lossy(&over_http)
                );
                if time == "second" && local.facts.is_cached {
                    ensure!(local.facts.statements.is_empty(), "{name}");
                    cached += 1;
                }
            }
            cases += 1;
        }
        // Cases with errors and a few others are not cached.
        ensure!(cases > 80 && cached * 2 > cases, "{cached} of {cases}");
    }
    Ok(())
}
