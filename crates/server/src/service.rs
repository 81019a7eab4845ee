//! The GraphQL service of this server, created from its settings. Its transports are the HTTP endpoint and,
//! in tests and measurements, `khabar_service::local`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use khabar_domain::clock::Clock;
use khabar_persistence::Db;
use khabar_service::auth::Identity;
use khabar_service::context::{self, ContextFactory};
use khabar_service::service::Service;

use crate::auth;
use crate::config::Settings;

/// Creates the service of a newsroom. Each request is executed as of the clock's time on its arrival.
pub fn service(
    settings: &Settings,
    db: Db,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Service<ContextFactory>> {
    let api =
        khabar_graphql::api(settings.limits.clone()).context("the schema cannot be served")?;
    let fetch = auth::fetch_keys(&settings.auth)?;
    let identity = Identity::new(&settings.auth, db.system(), fetch)?;
    let contexts = context::Settings {
        comments: settings.comments.limits(),
        counted_rows: settings.limits.counted_rows,
        caches_responses: settings.cache.responses && settings.cache.max_bytes > 0,
        stale_if_error: Duration::from_millis(settings.cache.stale_if_error_ms),
    };
    let contexts = ContextFactory::new(identity, db, clock, contexts);
    Ok(Service::new(api, contexts, &settings.graphql.service()))
}
