//! What the server counts of itself, as Prometheus reads it at `/metrics` (`OpenMetrics` 1.0).

mod cache;
mod http;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use khabar_graphql::document::Kind;
use khabar_persistence::Db;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::cache::OfCache;
use self::http::OfHttp;
use crate::http::Stats;

/// How many names of operations are told apart: as many as an installation's applications have. Each
/// is a row of its own in whoever reads this.
const NAMES: usize = 256;

/// The name of all operations beyond that.
const OTHERS: &str = "(others)";

/// The name of all operations that are no registered documents': clients make those names up.
const UNREGISTERED: &str = "(unregistered)";

/// How long it may take to learn how far the change feed goes. Whoever reads this wants to know most
/// of all when the database does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Upper bounds of the classes of durations, in seconds: from a kept answer to the longest that a
/// request may take.
const BOUNDS: [f64; 13] = [
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5, 15.0,
];

/// What was counted since the server started.
pub struct Metrics {
    requests: Family<Labels, Histogram, fn() -> Histogram>,
    errors: Family<Failure, Counter>,
    statements: Family<Statement, Counter>,
    names: Mutex<HashSet<String>>,
    http: Arc<Stats>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    operation: String,
    /// Whether the whole answer was kept.
    kept: &'static str,
}

/// An error that a client was told of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    code: String,
}

/// What a statement was for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Statement {
    doing: &'static str,
}

/// A request that was answered.
pub(crate) struct Answered<'a> {
    /// What it did; none where it was refused before that was known.
    pub(crate) kind: Option<Kind>,
    /// Its operation's name, if a registered document gave it.
    pub(crate) operation: Option<&'a str>,
    pub(crate) kept: bool,
    pub(crate) took: Duration,
    /// The codes of its errors.
    pub(crate) codes: &'a [&'a str],
    /// What each SQL statement was for.
    pub(crate) statements: &'a [&'static str],
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            errors: Family::default(),
            statements: Family::default(),
            names: Mutex::default(),
            http: Arc::default(),
        }
    }
}

impl Metrics {
    /// Metrics that tell of these connections, too.
    pub(crate) fn of(http: Arc<Stats>) -> Self {
        Self {
            http,
            ..Self::default()
        }
    }

    /// Counts a request.
    pub(crate) fn answered(&self, answered: &Answered<'_>) {
        let labels = Labels {
            kind: match answered.kind {
                Some(Kind::Query) => "query",
                Some(Kind::Mutation) => "mutation",
                Some(Kind::Subscription) => "subscription",
                None => "refused",
            },
            operation: answered
                .operation
                .map_or_else(|| UNREGISTERED.to_owned(), |name| self.name(name)),
            kept: if answered.kept { "true" } else { "false" },
        };
        let seconds = answered.took.as_secs_f64();
        self.requests.get_or_create(&labels).observe(seconds);
        for code in answered.codes {
            let code = (*code).to_owned();
            self.errors.get_or_create(&Failure { code }).inc();
        }
        for doing in answered.statements {
            self.statements.get_or_create(&Statement { doing }).inc();
        }
    }

    /// The name, or that of all that are one too many.
    fn name(&self, name: &str) -> String {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.contains(name) {
            return name.to_owned();
        }
        if names.len() >= NAMES {
            return OTHERS.to_owned();
        }
        names.insert(name.to_owned());
        name.to_owned()
    }

    /// All of it as text, with what the database's cache has done, and how far the change feed goes
    /// where that is known.
    fn text(&self, db: &Db, head: Option<i64>) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("khabar");
        registry.register_with_unit(
            "request_duration",
            "How long operations took, by name, and whether the whole answer was kept",
            Unit::Seconds,
            self.requests.clone(),
        );
        registry.register(
            "errors",
            "Errors that clients were told of, by code",
            self.errors.clone(),
        );
        registry.register(
            "statements",
            "SQL statements that operations took, by what they were for",
            self.statements.clone(),
        );
        registry.register_collector(Box::new(OfHttp(Arc::clone(&self.http))));
        let left_out = ConstCounter::new(db.broken_rows().left_out());
        registry.register(
            "broken_rows_left_out",
            "How often a row was left out of an answer because it cannot be read",
            left_out,
        );
        let broken: Gauge = Gauge::default();
        broken.set(i64::try_from(db.broken_rows().known().len()).unwrap_or(i64::MAX));
        registry.register(
            "broken_rows",
            "How many rows that cannot be read were met, at most 1000",
            broken,
        );
        if let Some(cache) = db.cache() {
            registry.register_collector(Box::new(OfCache(cache.clone())));
            let known = cache.position().map(|position| position.seq);
            for (name, about, value) in [
                (
                    "feed_position",
                    "The last change that this node knows of",
                    known,
                ),
                (
                    "feed_lag_changes",
                    "How many changes this node does not know of yet",
                    head.zip(known).map(|(head, known)| (head - known).max(0)),
                ),
            ] {
                if let Some(value) = value {
                    let gauge: Gauge = Gauge::default();
                    gauge.set(value);
                    registry.register(name, about, gauge);
                }
            }
        }
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// `/metrics`.
pub fn routes(metrics: Arc<Metrics>, db: Db) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .with_state((metrics, db))
}

async fn show(State((metrics, db)): State<(Arc<Metrics>, Db)>) -> Response {
    let head = match tokio::time::timeout(PATIENCE, db.edges()).await {
        Ok(Ok(edges)) => Some(edges.head),
        Ok(Err(cause)) => {
            tracing::warn!(%cause, "how far the change feed goes is not known");
            None
        }
        Err(_) => {
            tracing::warn!("how far the change feed goes is not known: the database is silent");
            None
        }
    };
    match metrics.text(&db, head) {
        Ok(text) => (
            [
                (
                    header::CONTENT_TYPE,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                ),
                (header::CACHE_CONTROL, "no-store"),
            ],
            text,
        )
            .into_response(),
        Err(cause) => {
            tracing::error!(%cause, "what was counted could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The labels of one count.
type Pairs = Vec<(&'static str, &'static str)>;

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    about: &str,
    counts: impl IntoIterator<Item = (Pairs, u64)>,
) -> Result<(), std::fmt::Error> {
    let kind = ConstCounter::new(0_u64).metric_type();
    let mut family = encoder.encode_descriptor(name, about, None, kind)?;
    for (labels, count) in counts {
        let counter = ConstCounter::new(count);
        if labels.is_empty() {
            return counter.encode(family);
        }
        counter.encode(family.encode_family(&labels.as_slice())?)?;
    }
    Ok(())
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    about: &str,
    unit: Option<&Unit>,
    value: usize,
) -> Result<(), std::fmt::Error> {
    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    let metric = encoder.encode_descriptor(name, about, unit, gauge.metric_type())?;
    gauge.encode(metric)
}
