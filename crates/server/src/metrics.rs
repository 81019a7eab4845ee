//! Server metrics, served at `/metrics` in the `OpenMetrics` 1.0 format for Prometheus.

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

use self::cache::CacheCollector;
use self::http::HttpCollector;
use crate::http::Stats;

/// Maximum number of distinct operation names: as many as the applications of an installation have. Each
/// name becomes a time series of its own in the monitoring system.
const NAMES: usize = 256;

/// The label for all operations beyond [`NAMES`].
const OTHERS: &str = "(others)";

/// The label for operations that do not come from a registered document. Clients choose their names
/// freely.
const UNREGISTERED: &str = "(unregistered)";

/// The timeout for reading the head of the change feed. Metrics must be available above all when the
/// database does not respond.
const PATIENCE: Duration = Duration::from_secs(1);

/// The upper bounds of the duration histogram's buckets, in seconds: from a cached response to the
/// maximum duration of a request.
const BOUNDS: [f64; 13] = [
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5, 15.0,
];

/// The metrics collected since the start of the server.
pub struct Metrics {
    requests: Family<Labels, Histogram, fn() -> Histogram>,
    errors: Family<Failure, Counter>,
    statements: Family<Statement, Counter>,
    names: Mutex<HashSet<String>>,
    http: Arc<Stats>,
}

/// The labels of the request duration histogram.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    operation: String,
    /// Whether the whole response came from the cache, or from an equal request already in flight.
    cache: &'static str,
}

/// The labels of the error counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    code: String,
}

/// The labels of the SQL statement counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Statement {
    query: &'static str,
}

/// A completed request, as input for the metrics.
pub(crate) struct CompletedRequest<'a> {
    /// The kind of the operation. `None` if the request was refused before it was known.
    pub(crate) kind: Option<Kind>,
    /// The name of the operation, if it comes from a registered document.
    pub(crate) operation: Option<&'a str>,
    /// Whether the response came from the cache, or from an identical request.
    pub(crate) is_cached: bool,
    pub(crate) took: Duration,
    /// The codes of the errors in the response.
    pub(crate) codes: &'a [&'a str],
    /// The purpose of each SQL statement.
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
    /// Creates metrics that include these connection statistics.
    pub(crate) fn of(http: Arc<Stats>) -> Self {
        Self {
            http,
            ..Self::default()
        }
    }

    /// Counts a request.
    pub(crate) fn record_request(&self, request: &CompletedRequest<'_>) {
        let labels = Labels {
            kind: match request.kind {
                Some(Kind::Query) => "query",
                Some(Kind::Mutation) => "mutation",
                Some(Kind::Subscription) => "subscription",
                None => "refused",
            },
            operation: request
                .operation
                .map_or_else(|| UNREGISTERED.to_owned(), |name| self.name(name)),
            cache: if request.is_cached { "hit" } else { "miss" },
        };
        let seconds = request.took.as_secs_f64();
        self.requests.get_or_create(&labels).observe(seconds);
        for code in request.codes {
            let code = (*code).to_owned();
            self.errors.get_or_create(&Failure { code }).inc();
        }
        for query in request.statements {
            self.statements.get_or_create(&Statement { query }).inc();
        }
    }

    /// Returns the label for an operation name, which is [`OTHERS`] once there are too many names.
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

    /// Encodes all metrics as text, including those of the database cache. `head` is the last position of
    /// the change feed, if known.
    fn text(&self, db: &Db, head: Option<i64>) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("khabar");
        registry.register_with_unit(
            "request_duration",
            "Duration of operations, by name and by whether the response came from the cache",
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
        registry.register_collector(Box::new(HttpCollector(Arc::clone(&self.http))));
        let left_out = ConstCounter::new(db.broken_rows().left_out());
        registry.register(
            "broken_rows_left_out",
            "Rows left out of responses because they cannot be read",
            left_out,
        );
        let broken: Gauge = Gauge::default();
        broken.set(i64::try_from(db.broken_rows().known().len()).unwrap_or(i64::MAX));
        registry.register(
            "broken_rows",
            "Distinct rows that could not be read, at most 1000",
            broken,
        );
        if let Some(cache) = db.cache() {
            registry.register_collector(Box::new(CacheCollector(cache.clone())));
            let known = cache.position().map(|position| position.seq);
            for (name, about, value) in [
                (
                    "feed_position",
                    "The last change that this node knows of",
                    known,
                ),
                (
                    "feed_lag_changes",
                    "Changes that this node has not read yet",
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

/// Returns the route for `/metrics`.
pub fn routes(metrics: Arc<Metrics>, db: Db) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .with_state((metrics, db))
}

async fn show(State((metrics, db)): State<(Arc<Metrics>, Db)>) -> Response {
    let head = match tokio::time::timeout(PATIENCE, db.bounds()).await {
        Ok(Ok(edges)) => Some(edges.head),
        Ok(Err(cause)) => {
            tracing::warn!(%cause, "change_feed_bounds_unavailable");
            None
        }
        Err(_) => {
            tracing::warn!("change_feed_bounds_timed_out");
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
            tracing::error!(%cause, "metrics_encoding_failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The labels of one counter value.
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
