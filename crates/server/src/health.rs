//! Health checks: liveness and readiness.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use khabar_persistence::Db;

use crate::clock::DatabaseClock;

/// Returns the health routes. `/health/live` succeeds while the process runs. `/health/ready` succeeds
/// while the database answers as well. It also reports if this node's clock is off, which does not make
/// the node unready: the server uses the database's clock.
pub fn routes(db: Db, clock: Arc<DatabaseClock>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state((db, clock))
}

async fn live() -> Response {
    respond(StatusCode::OK, "live\n")
}

async fn ready(State((db, clock)): State<(Db, Arc<DatabaseClock>)>) -> Response {
    match db.ping().await {
        Ok(()) => match clock.complaint() {
            None => respond(StatusCode::OK, "ready\n"),
            Some(complaint) => respond(StatusCode::OK, format!("ready\n{complaint}\n")),
        },
        Err(error) => {
            tracing::error!(cause = %error, "not_ready");
            let problem = if db.has_lost_file() {
                "the database's file was deleted, moved or replaced\n"
            } else {
                "the database does not answer\n"
            };
            respond(StatusCode::SERVICE_UNAVAILABLE, problem)
        }
    }
}

fn respond(status: StatusCode, text: impl IntoResponse) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}
