//! The record of an answered request: written to the log and the metrics and, for editorial users, to the
//! `Server-Timing` header.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::HeaderValue;
use khabar_domain::Right;
use khabar_service::facts::Facts;
use khabar_service::service::Response;

use crate::metrics::{CompletedRequest, Metrics};

/// Writes an answered request to the log and the metrics. Returns the `Server-Timing` header if the viewer
/// has the right to write.
pub(super) fn record(response: &Response, metrics: &Metrics) -> Option<HeaderValue> {
    let Response { outcome, facts, .. } = response;
    let (operation, codes): (_, Vec<&str>) = (outcome.operation(), outcome.codes().collect());
    if let Some(operation) = operation {
        tracing::info!(
            kind = ?operation.kind,
            operation = operation.name.as_deref(),
            cost = operation.cost,
            cached = facts.is_cached,
            statements = facts.statements.len(),
            ?codes,
            "request_completed"
        );
    } else {
        tracing::info!(?codes, "request_rejected");
    }
    metrics.record_request(&CompletedRequest {
        kind: operation.map(|operation| operation.kind),
        operation: operation
            .filter(|_| facts.is_registered)
            .map(|operation| operation.name.as_deref().unwrap_or_default()),
        is_cached: facts.is_cached,
        took: facts.took,
        codes: &codes,
        statements: &facts.statements,
    });
    let is_colleague = facts.viewer?.may(Right::Write);
    is_colleague.then(|| server_timing(facts))?
}

/// Formats the `Server-Timing` header (W3C): the milliseconds spent until the operation was admitted, those
/// spent running it and the total, with the number of SQL statements.
fn server_timing(facts: &Facts) -> Option<HeaderValue> {
    let mut text = String::new();
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    if facts.is_cached {
        text.push_str("cache;desc=\"response\", ");
    }
    if let Some(admission) = facts.admitted_after {
        let _ = write!(text, "admit;dur={:.2}, ", milliseconds(admission));
        let ran = facts.took.saturating_sub(admission);
        let _ = write!(text, "run;dur={:.2}, ", milliseconds(ran));
    }
    let _ = write!(
        text,
        "sql;desc=\"{} statements\", total;dur={:.2}",
        facts.statements.len(),
        milliseconds(facts.took)
    );
    HeaderValue::try_from(text).ok()
}
