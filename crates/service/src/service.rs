//! The GraphQL service: executes the requests of all transports.

use std::sync::Arc;

use khabar_domain::{Scope, Viewer};
use khabar_graphql::document::{Kind, PreparedOperation};
use khabar_graphql::response::Api;
use khabar_persistence::cache::ResponseCacheKey;
use khabar_persistence::change::Position;
use tracing::Instrument as _;

use crate::admission::{self, Operations};
use crate::cached_response::CachedResponse;
use crate::context::{ContextError, ContextSource, RequestContext, StaleIfError};
use crate::execution::Execution;
use crate::facts::{Facts, OperationInfo, Recorder};
use crate::outcome::{Outcome, UncachedResponse};
use crate::persisted_documents::{self, Documents};
use crate::request::{Deadline, MutationPolicy, Request};
use crate::single_flight::{Role, SingleFlight, WaitOutcome};

/// The settings of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Maximum size of a response in the cache, in bytes. Larger responses are not cached.
    pub cached_response_bytes: usize,
    /// Limits on the number of concurrent operations.
    pub operations: admission::Settings,
    /// Rules for persisted documents, and for the documents that may run.
    pub persisted_documents: persisted_documents::Settings,
}

/// Executes GraphQL requests: identifies their senders, finds their documents, and answers them from the
/// cache, together with identical requests, or by running their operations.
pub struct Service<C> {
    api: Api,
    contexts: C,
    cached_response_bytes: usize,
    documents: Documents,
    flights: Arc<SingleFlight<CachedResponse>>,
    operations: Arc<Operations>,
}

/// The result of a request.
pub struct Response {
    /// The response, from the cache or not.
    pub outcome: Outcome,
    /// The position in the change feed that the response reflects at least. `None` if it is unknown, as that
    /// of a mutation or of a stale response.
    pub position: Option<Position>,
    /// The facts for the log and the metrics.
    pub facts: Facts,
}

/// Maximum number of times that a request waits for an identical one before it runs its operation alone.
const FLIGHTS: usize = 3;

impl<C: ContextSource> Service<C> {
    /// Creates the service of an API. `contexts` identifies the sender of each request and creates the
    /// request's context.
    pub fn new(api: Api, contexts: C, settings: &Settings) -> Self {
        Self {
            api,
            contexts,
            cached_response_bytes: settings.cached_response_bytes,
            documents: Documents::new(&settings.persisted_documents),
            flights: Arc::default(),
            operations: Arc::new(Operations::new(&settings.operations)),
        }
    }

    /// Executes a request. Never fails: an error of the client or of the server is part of the outcome.
    pub async fn execute(&self, request: &Request) -> Response {
        let mut recorder = Recorder::new();
        let execution = self.respond(request, &mut recorder);
        let finished = tokio::time::timeout_at(request.deadline.at, execution).await;
        let (outcome, position) = finished.unwrap_or_else(|_| {
            let operation = recorder.interrupted();
            (
                UncachedResponse::timed_out(request.deadline, operation).into(),
                None,
            )
        });
        if let Outcome::Uncached(answer) = &outcome
            && let Some(meter) = &request.meter
            && answer.is_client_error()
        {
            meter.error();
        }
        let is_stale = matches!(outcome, Outcome::Stale(..));
        Response {
            outcome,
            position: position.filter(|_| !is_stale),
            facts: recorder.finish(),
        }
    }

    /// Answers a request. Also returns the position in the change feed that the response reflects, if known.
    async fn respond(
        &self,
        request: &Request,
        recorder: &mut Recorder,
    ) -> (Outcome, Option<Position>) {
        let mut flights = 0;
        loop {
            // This comes first: a request with invalid credentials is never treated as anonymous.
            let context = match self.context(request).await {
                Ok(context) => context,
                Err(error) => return (UncachedResponse::without_context(error).into(), None),
            };
            let (scope, position) = (context.scope, context.position);
            recorder.context(scope, context.reader.as_ref());
            let sent = &request.operation;
            let operation = match self.documents.find(&context.data, sent).await {
                Ok(found) => {
                    recorder.found(found.is_registered);
                    found.operation
                }
                Err(error) => return (UncachedResponse::without_document(error).into(), position),
            };
            if context.is_cacheable()
                && let Some(reader) = &context.reader
                && let Some(key) = self.api.response_cache_key(&operation)
                && let Some(cached) =
                    reader.cached_response(&key, |cached| is_valid_for(scope, cached))
            {
                self.documents.remember(sent);
                recorder.cached();
                return (Outcome::Complete(cached, scope.as_of), position);
            }
            let ready = match self.api.admit(&operation) {
                Ok(ready) => ready,
                Err(rejected) => return (UncachedResponse::processed(rejected).into(), position),
            };
            recorder.admitted();
            self.documents.remember(sent);
            if ready.kind() == Kind::Mutation
                && let Err(refused) = admit_mutation(request, &ready)
            {
                return (refused.into(), position);
            }
            // The position of a write is known only when the write is done.
            let position = position.filter(|_| ready.kind() == Kind::Query);
            recorder.runs(OperationInfo::of(&ready));
            let stale = stale_for(&context, &ready);
            let execution = self.execution(ready, context, request.deadline);
            let is_shared = execution.is_cacheable() && scope.viewer == Viewer::anonymous();
            if !is_shared || flights == FLIGHTS {
                return (or_stale(execution.run_unshared().await, stale), position);
            }
            flights += 1;
            match self.flights.join(execution.key) {
                Role::Leader(leader) => {
                    // In its own task: a client that disconnects does not cancel the response for others.
                    let run = tokio::spawn(execution.lead(leader).in_current_span());
                    let outcome = run
                        .await
                        .unwrap_or_else(|_| UncachedResponse::panicked().into());
                    return (or_stale(outcome, stale), position);
                }
                Role::Follower(follower) => match follower.wait().await {
                    WaitOutcome::Shared(cached) if is_valid_for(scope, &cached) => {
                        recorder.cached();
                        return (Outcome::Complete(cached, scope.as_of), position);
                    }
                    // Try again with a new context. The present one predates the write.
                    WaitOutcome::Retry => {}
                    WaitOutcome::Shared(_) | WaitOutcome::NotShared => flights = FLIGHTS,
                },
            }
        }
    }

    /// Identifies the sender of a request, counts the request, and creates its context.
    async fn context(&self, request: &Request) -> Result<RequestContext, ContextError> {
        let identified = match &request.credentials {
            Ok(credentials) => self.contexts.identify(credentials).await,
            Err(error) => Err(error.clone()),
        };
        if let Some(meter) = &request.meter {
            let identified = identified.as_ref().ok();
            if let Some(account) = identified.and_then(|it| it.principal.viewer.account) {
                meter.is_of(account);
            }
            // Refused requests are counted as well.
            meter.request().map_err(ContextError::TooMany)?;
        }
        let (identified, position) = (identified?, request.position.clone()?);
        self.contexts.context(identified, position).await
    }

    fn execution(
        &self,
        ready: PreparedOperation,
        context: RequestContext,
        deadline: Deadline,
    ) -> Execution {
        Execution {
            api: self.api.clone(),
            deadline,
            cached_response_bytes: self.cached_response_bytes,
            operations: Arc::clone(&self.operations),
            key: ready.response_cache_key(),
            ready,
            context,
        }
    }
}

/// Checks that the transport and the rate limits of the request allow this mutation.
fn admit_mutation(request: &Request, ready: &PreparedOperation) -> Result<(), UncachedResponse> {
    if let MutationPolicy::Refuse(message) = request.mutations {
        return Err(UncachedResponse::mutation_not_allowed(message));
    }
    match &request.meter {
        Some(meter) => meter
            .mutations(ready.root_fields())
            .map_err(UncachedResponse::rate_limited),
        None => Ok(()),
    }
}

/// Whether a response made for another request is valid for this scope.
fn is_valid_for(scope: Scope, cached: &CachedResponse) -> bool {
    cached.is_fresh_at(scope.as_of)
        && (!cached.is_personal() || scope.viewer == Viewer::anonymous())
}

/// The stale response that may replace an outage.
struct StaleResponse {
    stale: StaleIfError,
    key: ResponseCacheKey,
    scope: Scope,
}

/// Returns the stale response that may be served for this operation: only for queries of anonymous viewers.
fn stale_for(context: &RequestContext, ready: &PreparedOperation) -> Option<StaleResponse> {
    let scope = context.scope;
    let is_allowed = ready.kind() == Kind::Query && scope.viewer == Viewer::anonymous();
    let stale = context.stale.as_ref().filter(|_| is_allowed)?;
    Some(StaleResponse {
        stale: stale.clone(),
        key: ready.response_cache_key(),
        scope,
    })
}

/// Replaces a response that failed because the database did not respond by a stale response, if one is
/// available.
fn or_stale(outcome: Outcome, stale: Option<StaleResponse>) -> Outcome {
    let is_unavailable =
        matches!(&outcome, Outcome::Uncached(uncached) if uncached.is_unavailable());
    let found = stale.filter(|_| is_unavailable);
    let found = found.and_then(|StaleResponse { stale, key, scope }| {
        let (cached, age) = stale.cache.stale::<CachedResponse>(&key, stale.max_age)?;
        is_valid_for(scope, &cached).then_some(Outcome::Stale(cached, age))
    });
    found.unwrap_or(outcome)
}
