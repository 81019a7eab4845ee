//! Health: whether the process lives, and whether it can answer.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use khabar_persistence::Db;

use crate::clock::DatabaseClock;

/// `/health/live` answers while the process runs; `/health/ready` while the database answers too, and
/// says what is wrong with this node's clock: the database's is gone by, so it may serve all the same.
pub fn routes(db: Db, clock: Arc<DatabaseClock>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state((db, clock))
}

async fn live() -> Response {
    say(StatusCode::OK, "live\n")
}

async fn ready(State((db, clock)): State<(Db, Arc<DatabaseClock>)>) -> Response {
    match db.ping().await {
        Ok(()) => match clock.complaint() {
            None => say(StatusCode::OK, "ready\n"),
            Some(complaint) => say(StatusCode::OK, format!("ready\n{complaint}\n")),
        },
        Err(error) => {
            tracing::error!(cause = %error, "not ready");
            let problem = if db.has_lost_file() {
                "the database's file was deleted, moved or replaced\n"
            } else {
                "the database does not answer\n"
            };
            say(StatusCode::SERVICE_UNAVAILABLE, problem)
        }
    }
}

fn say(status: StatusCode, text: impl IntoResponse) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}
