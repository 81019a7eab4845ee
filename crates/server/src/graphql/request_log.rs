//! A record of each answered request: written to the log and the metrics and, for editorial users, to
//! the `Server-Timing` header.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use khabar_domain::{Right, Scope};
use khabar_persistence::ReadSession;

use super::execute::{OperationInfo, Outcome};
use crate::metrics::{self, Metrics};

/// The facts collected about a request while it is being answered.
pub(super) struct RequestLog {
    started: Instant,
    /// The moment the operation was admitted: its document was found and validated.
    admitted: Option<Instant>,
    scope: Option<Scope>,
    reader: Option<ReadSession>,
    is_registered: bool,
    cached: bool,
    /// The operation being executed, if any.
    running: Option<OperationInfo>,
}

impl RequestLog {
    /// Starts the record of a request that has just arrived.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            admitted: None,
            scope: None,
            reader: None,
            is_registered: false,
            cached: false,
            running: None,
        }
    }

    /// Records the viewer's scope and the reader that serves the request.
    pub(super) fn given(&mut self, scope: Scope, reader: Option<&ReadSession>) {
        self.scope = Some(scope);
        self.reader = reader.cloned();
    }

    /// Records that the document was found, and whether it is a registered one.
    pub(super) fn found(&mut self, is_registered: bool) {
        self.is_registered = is_registered;
    }

    /// Records that the operation was admitted and may run.
    pub(super) fn admitted(&mut self) {
        self.admitted = Some(Instant::now());
    }

    /// Records that the operation has started to execute.
    pub(super) fn runs(&mut self, about: OperationInfo) {
        self.running = Some(about);
    }

    /// Takes the operation that was being executed when the time limit expired.
    pub(super) fn interrupted(&mut self) -> Option<OperationInfo> {
        self.running.take()
    }

    /// Records that the answer came from the cache or was shared with an identical request.
    pub(super) fn kept(&mut self) {
        self.cached = true;
    }

    /// Writes the record to the log and the metrics. Returns the `Server-Timing` header if the viewer
    /// has the right to write.
    pub(super) fn close(self, outcome: &Outcome, metrics: &Metrics) -> Option<HeaderValue> {
        let took = self.started.elapsed();
        let (about, codes): (Option<&OperationInfo>, Vec<&str>) = match outcome {
            Outcome::Complete(cached, _) | Outcome::Stale(cached, _) => {
                (Some(&cached.about), Vec::new())
            }
            Outcome::Error(reply) => (reply.about.as_ref(), reply.answer.codes().collect()),
        };
        let statements = self.reader.as_ref().map(ReadSession::statements);
        let statements = statements.unwrap_or_default();
        if let Some(about) = about {
            tracing::info!(
                kind = ?about.kind,
                operation = about.name.as_deref(),
                cost = about.cost,
                cached = self.cached,
                statements = statements.len(),
                ?codes,
                "request_completed"
            );
        } else {
            tracing::info!(?codes, "request_rejected");
        }
        metrics.answered(&metrics::Answered {
            kind: about.map(|about| about.kind),
            operation: about
                .filter(|_| self.is_registered)
                .map(|about| about.name.as_deref().unwrap_or_default()),
            kept: self.cached,
            took,
            codes: &codes,
            statements: &statements,
        });
        let is_colleague = self.scope?.viewer.may(Right::Write);
        is_colleague.then(|| self.timing(took, statements.len()))?
    }

    /// Formats the `Server-Timing` header (W3C): the milliseconds spent until the operation was
    /// admitted, those spent running it and the total, with the number of SQL statements.
    fn timing(&self, took: Duration, statements: usize) -> Option<HeaderValue> {
        let mut text = String::new();
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        if self.cached {
            text.push_str("cache;desc=\"response\", ");
        }
        if let Some(admitted) = self.admitted {
            let admission = admitted - self.started;
            let _ = write!(text, "admit;dur={:.2}, ", milliseconds(admission));
            let ran = took.saturating_sub(admission);
            let _ = write!(text, "run;dur={:.2}, ", milliseconds(ran));
        }
        let _ = write!(
            text,
            "sql;desc=\"{statements} statements\", total;dur={:.2}",
            milliseconds(took)
        );
        HeaderValue::try_from(text).ok()
    }
}
