//! Execution of operations, and caching of their responses.

use std::sync::Arc;

use khabar_domain::Viewer;
use khabar_graphql::document::{Kind, PreparedOperation};
use khabar_graphql::mutate::AdmissionPermit;
use khabar_graphql::response::Api;
use khabar_persistence::ReadSession;
use khabar_persistence::cache::{DependencyTracker, ResponseCacheKey};
use tokio::sync::OwnedSemaphorePermit;

use crate::admission::Operations;
use crate::cached_response::CachedResponse;
use crate::context::RequestContext;
use crate::facts::OperationInfo;
use crate::outcome::{Outcome, UncachedResponse};
use crate::request::Deadline;
use crate::single_flight::{FlightOutcome, Leader};

/// An operation ready to be executed.
pub(crate) struct Execution {
    pub(crate) api: Api,
    /// The time limit of the request.
    pub(crate) deadline: Deadline,
    /// Maximum size of a response in the cache, in bytes.
    pub(crate) cached_response_bytes: usize,
    /// The limits on operations in flight, from which the operation obtains its slot.
    pub(crate) operations: Arc<Operations>,
    /// The cache key of the response.
    pub(crate) key: ResponseCacheKey,
    pub(crate) ready: PreparedOperation,
    pub(crate) context: RequestContext,
}

impl Execution {
    /// Whether the response may be cached and shared with other requests.
    pub(crate) fn is_cacheable(&self) -> bool {
        self.ready.kind() == Kind::Query && self.context.is_cacheable()
    }

    /// Executes the operation for a single request.
    pub(crate) async fn run_unshared(self) -> Outcome {
        let (reader, scope, key) = (self.context.reader.clone(), self.context.scope, self.key);
        let max_bytes = self.cached_response_bytes;
        let outcome = self.execute().await;
        if let (Some(reader), Outcome::Complete(cached, _)) = (reader, &outcome)
            && (scope.viewer == Viewer::anonymous() || !cached.is_personal())
        {
            insert(&reader, key, cached, max_bytes);
        }
        outcome
    }

    /// Executes the operation for all identical requests that wait for it.
    pub(crate) async fn lead(self, leader: Leader<CachedResponse>) -> Outcome {
        let (reader, key) = (self.context.reader.clone(), self.key);
        let max_bytes = self.cached_response_bytes;
        let outcome = self.execute().await;
        leader.complete(|| match &outcome {
            Outcome::Complete(cached, _) => {
                match reader.map(|reader| insert(&reader, key, cached, max_bytes)) {
                    Some(Some(true)) => FlightOutcome::Stored(Arc::clone(cached)),
                    Some(Some(false)) => FlightOutcome::Outdated,
                    _ => FlightOutcome::NotShared,
                }
            }
            Outcome::Stale(..) | Outcome::Uncached(_) => FlightOutcome::NotShared,
        });
        outcome
    }

    async fn execute(self) -> Outcome {
        let slot = self.operations.slot(self.ready.kind(), self.deadline.at);
        let slot = match slot.await {
            Ok(slot) => Arc::new(slot),
            Err(error) => return UncachedResponse::overloaded(error).into(),
        };
        let RequestContext {
            mut data,
            scope,
            reader,
            ..
        } = self.context;
        let (operation, max_age) = (OperationInfo::of(&self.ready), self.ready.max_age());
        let is_query = self.ready.kind() == Kind::Query;
        // A mutation may continue after its client has given up. It occupies its slot until it has
        // ended.
        data.insert(AdmissionPermit(Arc::<OwnedSemaphorePermit>::clone(&slot)));
        let response = self.api.run(self.ready, data);
        let response = tokio::time::timeout_at(self.deadline.at, response).await;
        let Ok(response) = response else {
            return UncachedResponse::timed_out(self.deadline, Some(operation)).into();
        };
        if !is_query || response.is_rejected() || response.codes().next().is_some() {
            return UncachedResponse::processed(response).to(operation).into();
        }
        let dependencies = reader.as_ref().and_then(ReadSession::record);
        let dependencies = dependencies.and_then(DependencyTracker::recorded);
        let cached = CachedResponse::new(response, operation, scope.as_of, max_age, dependencies);
        if let Some(reader) = &reader {
            reader.before_insert_response().await;
        }
        Outcome::Complete(Arc::new(cached), scope.as_of)
    }
}

/// Caches a response, unless it is larger than `max_bytes`. Returns whether the response is still current,
/// or `None` if that is unknown.
fn insert(
    reader: &ReadSession,
    key: ResponseCacheKey,
    cached: &Arc<CachedResponse>,
    max_bytes: usize,
) -> Option<bool> {
    // A large response would evict many smaller ones that are requested more often.
    if cached.body().len() > max_bytes {
        return None;
    }
    let tags = cached.tags()?.to_vec();
    Some(reader.insert_response(key, Arc::clone(cached), cached.bytes(), tags))
}
