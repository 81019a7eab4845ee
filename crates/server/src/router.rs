//! The router: what is served where.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn, map_response};
use chrono::{DateTime, Utc};
use khabar_domain::clock::{Clock, SystemClock};
use khabar_domain::commenting::Limits;
use khabar_domain::{Network, Scope};
use khabar_graphql::write::{Desk, OnRevoked, Random};
use khabar_persistence::Db;
use khabar_persistence::change::Position;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::clock::DatabaseClock;
use crate::config::Settings;
use crate::graphql::{Given, Refused, Stale};
use crate::http::{self, RequestIds};
use crate::identity::{self, Brought, Identity, Known};
use crate::metrics::Metrics;
use crate::purge::{Pace, Purging};
use crate::rate_limit::{Limiter, Meter, metered};
use crate::{demo, graphql, health, metrics, playground, position, scheduler, upkeep};

/// Serves a newsroom until `shutdown` comes, then lets requests in flight finish.
pub async fn serve(
    listener: TcpListener,
    settings: &Settings,
    db: Db,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let system = db.system();
    let clock = Arc::new(DatabaseClock::new(Arc::new(SystemClock)));
    // Before anything is written by it; where the database does not answer, it is asked again.
    if let Err(error) = clock.set(&system).await {
        tracing::warn!(cause = %error, "the database does not tell the time");
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
    let purging = Purging::start(&system, &clock, &settings.purge, Pace::default())?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async {
        // Dropped is as good as sent.
        let _ = stopped.await;
    };
    let scheduler = tokio::spawn(scheduler::run(system.clone(), Arc::clone(&clock), stopped));
    let upkeep = upkeep::run(system, clock, settings.feed, settings.addresses());
    let upkeep = tokio::spawn(upkeep);
    let server = http::Server::new(settings.http.clone())
        .behind(identity::trusted_proxies(&settings.auth)?)
        .counting(stats);
    let served = server.serve(listener, public, shutdown).await;
    upkeep.abort();
    setting.abort();
    drop(stop);
    // Whatever the database does, the process ends in time: what is not finished, others go on with.
    let grace = Duration::from_millis(settings.http.shutdown_ms);
    let finished = async { tokio::join!(purging.stop(), scheduler).1 };
    if let Ok(finished) = tokio::time::timeout(grace / 10, finished).await {
        finished.context("the scheduler broke")?;
    } else {
        tracing::warn!("the scheduler or a purge was still under way");
    }
    if let Some(task) = of_metrics {
        task.abort();
    }
    served.context("the server stopped")?;
    if let Ok(closed) = tokio::time::timeout(grace / 20, db.close()).await {
        return closed.context("could not close the database");
    }
    tracing::warn!("the database did not let go of its connections");
    Ok(())
}

/// Serves what is not for strangers on a listener of its own, for as long as the server runs.
async fn serve_apart(
    address: SocketAddr,
    routes: Router,
    settings: &Settings,
) -> anyhow::Result<impl Future<Output = ()> + Send + use<>> {
    let doing = || format!("could not listen on {address} for metrics");
    let listener = TcpListener::bind(address).await.with_context(doing)?;
    let address = listener.local_addr().with_context(doing)?;
    tracing::info!(%address, "serves /metrics and /health apart");
    let server = http::Server::new(settings.http.clone());
    Ok(async move {
        let forever = std::future::pending();
        if let Err(cause) = server.serve(listener, routes, forever).await {
            tracing::error!(%cause, "/metrics is served no longer");
        }
    })
}

/// Everything that is served, each request at the clock's hour when it came.
pub fn routes(settings: &Settings, db: Db, clock: Arc<dyn Clock>) -> anyhow::Result<Router> {
    let clock = Arc::new(DatabaseClock::new(clock));
    Ok(build(settings, db, &clock, Arc::default())?.public)
}

/// What is served, by whom it is for.
struct Routes {
    public: Router,
    /// What has a listener of its own, if that is configured.
    own: Option<Router>,
}

fn build(
    settings: &Settings,
    db: Db,
    clock: &Arc<DatabaseClock>,
    stats: Arc<http::Stats>,
) -> anyhow::Result<Routes> {
    let api =
        khabar_graphql::api(settings.limits.clone()).context("the schema cannot be served")?;
    let identity = Arc::new(Identity::new(&settings.auth, db.system())?);
    let forgetful = Arc::clone(&identity);
    let locating = Arc::clone(&identity);
    let entrance = Arc::new(Entrance {
        identity,
        db: db.clone(),
        clock: clock.clone(),
        random: identity::random(),
        comments: settings.comments.limits(),
        stale: stale(settings, &db),
        counted_rows: settings.limits.counted_rows,
        answers: settings.cache.answers && settings.cache.bytes > 0,
        revoked: Arc::new(move |token| forgetful.forget(token)),
    });
    let data = move |parts: &Parts| {
        let entrance = Arc::clone(&entrance);
        let brought = entrance.identity.brought(parts);
        let position = position::asked(&parts.headers);
        let meter = parts.extensions.get::<Arc<Meter>>().cloned();
        async move {
            let known = match brought {
                Ok(brought) => entrance.known(brought).await,
                Err(refused) => Err(refused),
            };
            if let Some(meter) = &meter {
                let account = known.as_ref().ok().and_then(|it| it.1.viewer.account);
                if let Some(account) = account {
                    meter.is_of(account);
                }
                // Who is refused is counted as well.
                meter.request().map_err(Refused::TooMany)?;
            }
            entrance.data(known?, position?).await
        }
    };
    let health = health::routes(db.clone(), Arc::clone(clock));
    let told = db.clone();
    let metrics = Arc::new(Metrics::of(stats));
    let mut router = graphql::routes(api, settings.graphql.clone(), Arc::clone(&metrics), data)
        .layer(map_response(move |response| {
            let told = told.clone();
            async move { position::tell(response, &told) }
        }));
    if let Some(limiter) = Limiter::new(settings.http.rate_limits).map(Arc::new) {
        router = router.layer(from_fn(move |request: Request, next: Next| {
            let network = locating.address(request.headers(), request.extensions());
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
    // A version 4 UUID's random bits tell this process's requests from another's.
    let (process, _) = Uuid::new_v4().as_u64_pair();
    let logged = |router| http::logged(router, RequestIds::new(process));
    Ok(Routes {
        public: logged(router),
        own: own.map(logged),
    })
}

/// The answers that may be told when the database does not answer, if the settings say that any may.
fn stale(settings: &Settings, db: &Db) -> Option<Stale> {
    let most = Duration::from_millis(settings.cache.stale_if_error_ms);
    let cache = db.cache().filter(|_| !most.is_zero())?.clone();
    Some(Stale { cache, most })
}

/// What a request is given on its way in.
struct Entrance {
    identity: Arc<Identity>,
    db: Db,
    clock: Arc<dyn Clock>,
    random: Random,
    comments: Limits,
    /// How many rows are looked at to count a list.
    counted_rows: u64,
    /// Whether whole answers are kept.
    answers: bool,
    /// Those that may be told when the database does not answer.
    stale: Option<Stale>,
    revoked: OnRevoked,
}

impl Entrance {
    /// Who brings this, as of now.
    async fn known(&self, brought: Brought) -> Result<(DateTime<Utc>, Known), Refused> {
        let as_of = self.clock.now();
        Ok((as_of, self.identity.know(brought, as_of).await?))
    }

    /// What resolvers find: the reader and the desk of whoever brings this, who is to be told no less
    /// than was known at a place in the change feed.
    async fn data(
        &self,
        (as_of, known): (DateTime<Utc>, Known),
        position: Option<Position>,
    ) -> Result<Given, Refused> {
        let scope = Scope {
            viewer: known.viewer,
            as_of,
        };
        let reader = self.db.reader_at(scope, position).await;
        let reader = reader.map_err(|error| position::refused(&error))?;
        let mut reader = reader.counting(self.counted_rows);
        if self.answers && reader.has_view() {
            reader = reader.recording();
        }
        let mut data = khabar_graphql::scope::data(reader.clone());
        data.insert(Desk {
            db: self.db.clone(),
            name: known.name,
            address: known.address,
            newcomer: known.newcomer,
            random: Arc::clone(&self.random),
            comments: self.comments,
            revoked: Arc::clone(&self.revoked),
        });
        Ok(Given {
            stale: self.stale.clone(),
            data,
            scope,
            position: reader.position(),
            reader: Some(reader),
        })
    }
}
