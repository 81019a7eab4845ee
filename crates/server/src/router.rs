//! The router: what is served where.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use khabar_domain::Scope;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_persistence::Db;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::config::Settings;
use crate::http::{self, RequestIds};
use crate::{demo, graphql, health, playground};

/// Serves a newsroom until `shutdown` comes, then lets requests in flight finish.
pub async fn serve(
    listener: TcpListener,
    settings: &Settings,
    db: Db,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let router = routes(settings, db.clone(), Arc::new(SystemClock))?;
    http::serve(listener, router, settings.http.clone(), shutdown)
        .await
        .context("the server stopped")?;
    db.close().await.context("could not close the database")
}

/// Everything that is served, each request at the clock's hour when it came.
pub fn routes(settings: &Settings, db: Db, clock: Arc<dyn Clock>) -> anyhow::Result<Router> {
    let api =
        khabar_graphql::api(settings.limits.clone()).context("the schema cannot be served")?;
    let readers = db.clone();
    let data = move |_: &axum::http::request::Parts| {
        khabar_graphql::scope::data(readers.reader(Scope::reader(clock.now())))
    };
    let mut router = graphql::routes(api, settings.graphql.clone(), data)
        .merge(health::routes(db))
        .merge(demo::media_routes());
    if settings.playground {
        router = router.merge(playground::routes());
    }
    // A version 4 UUID's random bits tell this process's requests from another's.
    let (process, _) = Uuid::new_v4().as_u64_pair();
    Ok(http::logged(router, RequestIds::new(process)))
}
