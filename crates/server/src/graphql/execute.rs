//! Execution of operations, and caching of their answers.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use khabar_domain::{Scope, Viewer};
use khabar_graphql::document::{Kind, PreparedOperation};
use khabar_graphql::mutate::AdmissionPermit;
use khabar_graphql::response::Api;
use khabar_persistence::cache::{DependencyTracker, ResponseKey};
use khabar_persistence::{Cache, ReadSession};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::RequestContext;
use super::admission::Operations;
use super::cached_response::CachedResponse;
use super::error_response::ErrorResponse;
use super::single_flight::{FlightOutcome, Leader};

/// Whether an answer made for another request is valid for this scope.
pub(super) fn is_for(scope: Scope, cached: &CachedResponse) -> bool {
    cached.holds_at(scope.as_of) && (!cached.is_personal() || scope.viewer == Viewer::anonymous())
}

/// The outcome of a request, as sent to the client.
pub(super) enum Outcome {
    /// A complete answer, as of the given time.
    Complete(Arc<CachedResponse>, DateTime<Utc>),
    /// A cached answer that was last known to be current the given duration ago, served because the
    /// database does not answer.
    Stale(Arc<CachedResponse>, Duration),
    /// Any other reply, such as an error or the answer to a mutation.
    Error(ErrorResponse),
}

/// Access to cached answers beyond the cache's lease.
#[derive(Clone)]
pub struct StaleIfError {
    /// The cache that stores the answers.
    pub cache: Cache,
    /// Maximum age of a stale answer.
    pub most: Duration,
}

impl Outcome {
    /// Replaces a reply that failed because the database did not answer by a stale answer, if one is
    /// available. `stale` is given only for queries of anonymous viewers.
    pub(super) fn or_stale(self, stale: Option<(StaleIfError, ResponseKey, Scope)>) -> Self {
        let is_unavailable = matches!(&self, Self::Error(reply) if reply.is_unavailable());
        let found = stale.filter(|_| is_unavailable);
        let found = found.and_then(|(stale, name, scope)| {
            let (cached, age) = stale.cache.stale::<CachedResponse>(&name, stale.most)?;
            is_for(scope, &cached).then_some(Self::Stale(cached, age))
        });
        found.unwrap_or(self)
    }
}

impl From<ErrorResponse> for Outcome {
    fn from(reply: ErrorResponse) -> Self {
        Self::Error(reply)
    }
}

/// The time limit of a request, as a duration and as a deadline.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) milliseconds: u64,
    pub(super) deadline: Instant,
}

/// An operation ready to be executed.
pub(super) struct Execution {
    pub(super) api: Api,
    /// The time limit of the request.
    pub(super) limit: Deadline,
    /// Maximum size of an answer in the cache, in bytes.
    pub(super) kept_bytes: usize,
    /// The limits on operations in flight, from which the operation obtains its slot.
    pub(super) operations: Arc<Operations>,
    /// The cache key of the answer.
    pub(super) name: ResponseKey,
    pub(super) ready: PreparedOperation,
    pub(super) given: RequestContext,
}

impl Execution {
    /// Whether the answer may be cached and shared with other requests.
    pub(super) fn is_cacheable(&self) -> bool {
        self.ready.kind() == Kind::Query && self.given.keeps()
    }

    /// Executes the operation for a single request.
    pub(super) async fn alone(self) -> Outcome {
        let (reader, scope, name) = (self.given.reader.clone(), self.given.scope, self.name);
        let most = self.kept_bytes;
        let outcome = self.execute().await;
        if let (Some(reader), Outcome::Complete(cached, _)) = (reader, &outcome)
            && (scope.viewer == Viewer::anonymous() || !cached.is_personal())
        {
            keep(&reader, name, cached, most);
        }
        outcome
    }

    /// Executes the operation for all identical requests that wait for it.
    pub(super) async fn with(self, leader: Leader<CachedResponse>) -> Outcome {
        let (reader, name) = (self.given.reader.clone(), self.name);
        let most = self.kept_bytes;
        let outcome = self.execute().await;
        leader.complete(|| match &outcome {
            Outcome::Complete(cached, _) => {
                match reader.map(|reader| keep(&reader, name, cached, most)) {
                    Some(Some(true)) => FlightOutcome::Stored(Arc::clone(cached)),
                    Some(Some(false)) => FlightOutcome::Outdated,
                    _ => FlightOutcome::NotShared,
                }
            }
            Outcome::Stale(..) | Outcome::Error(_) => FlightOutcome::NotShared,
        });
        outcome
    }

    async fn execute(self) -> Outcome {
        let turn = self.operations.turn(self.ready.kind(), self.limit.deadline);
        let turn = match turn.await {
            Ok(turn) => Arc::new(turn),
            Err(error) => return ErrorResponse::of_no_turn(error).into(),
        };
        let RequestContext {
            mut data,
            scope,
            reader,
            ..
        } = self.given;
        let (about, hold) = (OperationInfo::of(&self.ready), self.ready.hold());
        let is_query = self.ready.kind() == Kind::Query;
        // A mutation may continue after its client has given up. It occupies its slot until it has
        // ended.
        data.insert(AdmissionPermit(Arc::<OwnedSemaphorePermit>::clone(&turn)));
        let answer = self.api.run(self.ready, data);
        let answer = tokio::time::timeout_at(self.limit.deadline, answer).await;
        let Ok(answer) = answer else {
            return ErrorResponse::of_no_time(self.limit, Some(about)).into();
        };
        if !is_query || answer.is_refused() || answer.codes().next().is_some() {
            return ErrorResponse::understood(answer).to(about).into();
        }
        let recorded = reader.as_ref().and_then(ReadSession::record);
        let recorded = recorded.and_then(DependencyTracker::recorded);
        let cached = CachedResponse::new(answer, about, scope.as_of, hold, recorded);
        if let Some(reader) = &reader {
            reader.before_keeping().await;
        }
        Outcome::Complete(Arc::new(cached), scope.as_of)
    }
}

/// Caches an answer, unless it is larger than `most` bytes. Returns whether the answer is still
/// current, or `None` if that is unknown.
fn keep(
    reader: &ReadSession,
    name: ResponseKey,
    cached: &Arc<CachedResponse>,
    most: usize,
) -> Option<bool> {
    // A large answer would evict many smaller ones that are requested more often.
    if cached.body().len() > most {
        return None;
    }
    let keys = cached.keys()?.to_vec();
    Some(reader.keep(name, Arc::clone(cached), cached.bytes(), keys))
}

/// The facts about an operation that go into the log and the metrics.
pub(super) struct OperationInfo {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    pub(super) cost: u64,
}

impl OperationInfo {
    pub(super) fn of(ready: &PreparedOperation) -> Self {
        Self {
            kind: ready.kind(),
            name: ready.name().map(str::to_owned),
            cost: ready.cost(),
        }
    }
}
