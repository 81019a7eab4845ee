//! Health: whether the process lives, and whether it can answer.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use khabar_persistence::Db;

/// `/health/live` answers while the process runs; `/health/ready` while the database answers too.
pub fn routes(db: Db) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(db)
}

async fn live() -> Response {
    say(StatusCode::OK, "live\n")
}

async fn ready(State(db): State<Db>) -> Response {
    match db.ping().await {
        Ok(()) => say(StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(cause = %error, "not ready");
            say(
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
        }
    }
}

fn say(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}
