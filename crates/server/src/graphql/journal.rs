//! What is said of a request that was answered: in the log, in the metrics and, to those who work
//! here, in `Server-Timing`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use khabar_domain::{Right, Scope};
use khabar_persistence::Reader;

use super::run::{About, Told};
use crate::metrics::{self, Metrics};

/// What is known of a request while it is answered.
pub(super) struct Journal {
    started: Instant,
    /// When it was found out what is to be carried out.
    admitted: Option<Instant>,
    scope: Option<Scope>,
    reader: Option<Reader>,
    is_registered: bool,
    kept: bool,
    /// What is carried out, if anything is.
    running: Option<About>,
}

impl Journal {
    /// A request that has just come.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            admitted: None,
            scope: None,
            reader: None,
            is_registered: false,
            kept: false,
            running: None,
        }
    }

    /// It is known who asks, and what reads for them.
    pub(super) fn given(&mut self, scope: Scope, reader: Option<&Reader>) {
        self.scope = Some(scope);
        self.reader = reader.cloned();
    }

    /// Its document was found; whether it is a registered one.
    pub(super) fn found(&mut self, is_registered: bool) {
        self.is_registered = is_registered;
    }

    /// It may run.
    pub(super) fn admitted(&mut self) {
        self.admitted = Some(Instant::now());
    }

    /// It is carried out.
    pub(super) fn runs(&mut self, about: About) {
        self.running = Some(about);
    }

    /// What was being carried out when the time was over.
    pub(super) fn interrupted(&mut self) -> Option<About> {
        self.running.take()
    }

    /// Its answer was there, or was made for another request.
    pub(super) fn kept(&mut self) {
        self.kept = true;
    }

    /// Says it in the log and in the metrics. Gives what those are told who work here.
    pub(super) fn close(self, told: &Told, metrics: &Metrics) -> Option<HeaderValue> {
        let took = self.started.elapsed();
        let (about, codes): (Option<&About>, Vec<&str>) = match told {
            Told::Whole(whole, _) | Told::Stale(whole, _) => (Some(&whole.about), Vec::new()),
            Told::Reply(reply) => (reply.about.as_ref(), reply.answer.codes().collect()),
        };
        let statements = self.reader.as_ref().map(Reader::statements);
        let statements = statements.unwrap_or_default();
        if let Some(about) = about {
            tracing::info!(
                kind = ?about.kind,
                operation = about.name.as_deref(),
                cost = about.cost,
                kept = self.kept,
                statements = statements.len(),
                ?codes,
                "answered"
            );
        } else {
            tracing::info!(?codes, "refused");
        }
        metrics.answered(&metrics::Answered {
            kind: about.map(|about| about.kind),
            operation: about
                .filter(|_| self.is_registered)
                .map(|about| about.name.as_deref().unwrap_or_default()),
            kept: self.kept,
            took,
            codes: &codes,
            statements: &statements,
        });
        let is_colleague = self.scope?.viewer.may(Right::Write);
        is_colleague.then(|| self.timing(took, statements.len()))?
    }

    /// `Server-Timing` (W3C): milliseconds until it was known what to do, and from then on.
    fn timing(&self, took: Duration, statements: usize) -> Option<HeaderValue> {
        let mut text = String::new();
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        if self.kept {
            text.push_str("cache;desc=\"whole answer\", ");
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
