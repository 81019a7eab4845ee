//! The router: the routes of the server, and its background tasks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, map_response};
use khabar_domain::Network;
use khabar_domain::clock::{Clock, SystemClock};
use khabar_persistence::Db;
use khabar_service::rate_limit::{Limiter, Meter};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::auth::{self, TrustedProxies};
use crate::clock::DatabaseClock;
use crate::config::Settings;
use crate::graphql::Endpoint;
use crate::http::{self, RequestIds};
use crate::metrics::Metrics;
use crate::purge::{Purging, Timing};
use crate::rate_limit::metered;
use crate::service::service;
use crate::{consistency_token, demo, health, maintenance, metrics, playground, scheduler};

/// Serves a newsroom until `shutdown` completes, then lets requests in flight finish.
pub async fn serve(
    listener: TcpListener,
    settings: &Settings,
    db: Db,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let system = db.system();
    let clock = Arc::new(DatabaseClock::new(Arc::new(SystemClock)));
    // Set before anything is written with this clock. If the database does not respond, it is asked again.
    if let Err(error) = clock.set(&system).await {
        tracing::warn!(cause = %error, "database_clock_unavailable");
    }
    let stats = Arc::default();
    let Routes { public, own } = build(settings, db.clone(), &clock, Arc::clone(&stats))?;
    let setting = tokio::spawn(Arc::clone(&clock).run(system.clone()));
    let clock: Arc<dyn Clock> = clock;
    let of_metrics = match own.zip(settings.metrics_listener()?) {
        Some((routes, address)) => {
            Some(tokio::spawn(serve_apart(address, routes, settings).await?))
        }
        None => None,
    };
    let purging = Purging::start(&system, &clock, &settings.purge, Timing::default())?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async {
        // A dropped sender has the effect of a sent message.
        let _ = stopped.await;
    };
    let scheduler = tokio::spawn(scheduler::run(system.clone(), Arc::clone(&clock), stopped));
    let upkeep = maintenance::run(system, clock, settings.feed, settings.addresses());
    let upkeep = tokio::spawn(upkeep);
    let server = http::Server::new(settings.http.clone())
        .behind(auth::trusted_proxies(&settings.auth)?)
        .counting(stats);
    let served = server.serve(listener, public, shutdown).await;
    upkeep.abort();
    setting.abort();
    drop(stop);
    // The process ends in time, whatever the database does. Other nodes continue any unfinished work.
    let grace = Duration::from_millis(settings.http.shutdown_grace_ms);
    let finished = async { tokio::join!(purging.stop(), scheduler).1 };
    if let Ok(finished) = tokio::time::timeout(grace / 10, finished).await {
        finished.context("the scheduler failed")?;
    } else {
        tracing::warn!("shutdown_incomplete");
    }
    if let Some(task) = of_metrics {
        task.abort();
    }
    served.context("the server stopped")?;
    if let Ok(closed) = tokio::time::timeout(grace / 20, db.close()).await {
        return closed.context("could not close the database");
    }
    tracing::warn!("database_close_timed_out");
    Ok(())
}

/// Serves internal routes on a separate listener, for as long as the server runs.
async fn serve_apart(
    address: SocketAddr,
    routes: Router,
    settings: &Settings,
) -> anyhow::Result<impl Future<Output = ()> + Send + use<>> {
    let doing = || format!("could not listen on {address} for metrics");
    let listener = TcpListener::bind(address).await.with_context(doing)?;
    let address = listener.local_addr().with_context(doing)?;
    tracing::info!(%address, "metrics_listening");
    let server = http::Server::new(settings.http.clone());
    Ok(async move {
        let forever = std::future::pending();
        if let Err(cause) = server.serve(listener, routes, forever).await {
            tracing::error!(%cause, "metrics_listener_failed");
        }
    })
}

/// Builds the public routes. Each request is executed as of the clock's time on its arrival.
pub fn routes(settings: &Settings, db: Db, clock: Arc<dyn Clock>) -> anyhow::Result<Router> {
    let clock = Arc::new(DatabaseClock::new(clock));
    Ok(build(settings, db, &clock, Arc::default())?.public)
}

/// The routes of the server, by audience.
struct Routes {
    public: Router,
    /// The routes of the separate listener, if one is configured.
    own: Option<Router>,
}

fn build(
    settings: &Settings,
    db: Db,
    clock: &Arc<DatabaseClock>,
    stats: Arc<http::Stats>,
) -> anyhow::Result<Routes> {
    let service = service(settings, db.clone(), clock.clone())?;
    let proxies = Arc::new(TrustedProxies::of(&settings.auth)?);
    let health = health::routes(db.clone(), Arc::clone(clock));
    let metrics = Arc::new(Metrics::of(stats));
    let endpoint = Endpoint {
        service: Arc::new(service),
        settings: settings.graphql.clone(),
        metrics: Arc::clone(&metrics),
        proxies: Arc::clone(&proxies),
    };
    let reporting = db.clone();
    let mut router = endpoint.routes().layer(map_response(move |response| {
        let db = reporting.clone();
        async move { consistency_token::add_current(response, &db) }
    }));
    if let Some(limiter) = Limiter::new(settings.http.rate_limits).map(Arc::new) {
        router = router.layer(from_fn(move |request: Request, next: Next| {
            let network = proxies.client_of(request.headers(), request.extensions());
            let meter = Meter::new(Arc::clone(&limiter), network.map(Network::of));
            metered(meter, request, next)
        }));
    }
    if let Some(cors) = settings.http.cors.layer() {
        router = router.layer(cors);
    }
    router = router.merge(health.clone()).merge(demo::media_routes());
    let mut own = None;
    if settings.metrics {
        let routes = metrics::routes(metrics, db);
        if settings.metrics_listener()?.is_some() {
            own = Some(routes.merge(health));
        } else {
            router = router.merge(routes);
        }
    }
    if settings.playground {
        router = router.merge(playground::routes());
    }
    // The random bits of a version 4 UUID distinguish the requests of this process from those of others.
    let (process, _) = Uuid::new_v4().as_u64_pair();
    let logged = |router| http::logged(router, RequestIds::new(process));
    Ok(Routes {
        public: logged(router),
        own: own.map(logged),
    })
}
