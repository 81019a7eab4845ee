//! The outcome of a request: a response that may be cached, or one that may not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use khabar_graphql::document::Kind;
use khabar_graphql::error::{Code, Error, Outage};
use khabar_graphql::response::JsonResponse;

use crate::cached_response::CachedResponse;
use crate::context::ContextError;
use crate::facts::OperationInfo;
use crate::rate_limit::Limited;
use crate::request::Deadline;

/// The outcome of a request, as the transport sends it to the client.
pub enum Outcome {
    /// A complete response, as of the given time.
    Complete(Arc<CachedResponse>, DateTime<Utc>),
    /// A cached response that was last known to be current the given duration ago, served because the
    /// database does not respond.
    Stale(Arc<CachedResponse>, Duration),
    /// A response that is not cached: that of a mutation, one with errors, or a refusal.
    Uncached(UncachedResponse),
}

impl Outcome {
    /// Returns the JSON body.
    pub fn body(&self) -> Bytes {
        match self {
            Self::Complete(cached, _) | Self::Stale(cached, _) => cached.body().clone(),
            Self::Uncached(uncached) => uncached.response.to_json().into(),
        }
    }

    /// Returns the operation that was executed, or whose response was cached. `None` if the request was
    /// refused.
    pub fn operation(&self) -> Option<&OperationInfo> {
        match self {
            Self::Complete(cached, _) | Self::Stale(cached, _) => Some(cached.operation()),
            Self::Uncached(uncached) => uncached.operation.as_ref(),
        }
    }

    /// Returns the codes of the errors, in order. An error without a code yields an empty string.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        let uncached = match self {
            Self::Complete(..) | Self::Stale(..) => None,
            Self::Uncached(uncached) => Some(&uncached.response),
        };
        uncached.into_iter().flat_map(|response| response.codes())
    }
}

impl From<UncachedResponse> for Outcome {
    fn from(uncached: UncachedResponse) -> Self {
        Self::Uncached(uncached)
    }
}

/// A response for a single request.
#[derive(Debug)]
pub struct UncachedResponse {
    /// The response. Boxed because it is the error type of results whose success type is small.
    pub response: Box<JsonResponse>,
    /// Whether the request was processed.
    pub status: Status,
    /// The operation that was executed, if any.
    pub operation: Option<OperationInfo>,
}

/// Whether a request was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The request was well formed, and was either executed or refused by the document gate.
    Processed,
    /// The request was refused for another reason, or a failure of the server left nothing of its response.
    Failed(Failure),
}

/// The reason why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The credentials are not accepted.
    Unauthenticated,
    /// A parameter of the request besides the document is invalid.
    BadInput,
    /// The client has exceeded a rate limit.
    RateLimited,
    /// The transport does not allow mutations for this request.
    MutationNotAllowed,
    /// As many operations run and wait as the server admits.
    Overloaded,
    /// The request took longer than its time limit.
    TimedOut,
    /// The database did not respond.
    Unavailable,
    /// The server failed.
    Internal,
}

impl UncachedResponse {
    /// Creates the response to a well-formed request. If an outage of the server left nothing of the response,
    /// the status says so, and `data` whose fields are all null is left out: a cache in front of the server
    /// then serves the previous response instead (RFC 5861 §4).
    pub fn processed(response: JsonResponse) -> Self {
        let (response, status) = match response.outage() {
            None => (response, Status::Processed),
            Some(outage) => {
                let failure = match outage {
                    Outage::Temporary => Failure::Unavailable,
                    Outage::Permanent => Failure::Internal,
                };
                (response.without_data(), Status::Failed(failure))
            }
        };
        Self {
            response: Box::new(response),
            status,
            operation: None,
        }
    }

    /// Creates the response to a request whose context could not be created.
    pub fn without_context(error: ContextError) -> Self {
        match error {
            ContextError::Unauthenticated(message) => {
                Self::refused(Failure::Unauthenticated, Code::Unauthenticated, message)
            }
            ContextError::BadInput(message) => {
                Self::refused(Failure::BadInput, Code::BadUserInput, message)
            }
            ContextError::TooMany(limited) => Self::rate_limited(limited),
            ContextError::Unavailable => Self::refused(
                Failure::Unavailable,
                Code::Unavailable,
                "The database does not answer. Try again in a moment.",
            ),
            ContextError::Failed => Self::refused(
                Failure::Internal,
                Code::Internal,
                "The server could not authenticate the request.",
            ),
        }
    }

    /// Creates the response to a client that exceeded a rate limit.
    pub fn rate_limited(limited: Limited) -> Self {
        let Limited {
            counted,
            quota,
            retry_after,
        } = limited;
        let message = format!(
            "No more than {quota} {counted} are answered in a minute: send the next in {retry_after} s."
        );
        Self::refused(Failure::RateLimited, Code::RateLimited, message)
    }

    /// Creates the response to a mutation that the transport does not allow.
    pub(crate) fn mutation_not_allowed(message: &str) -> Self {
        Self::refused(Failure::MutationNotAllowed, Code::MethodNotAllowed, message)
    }

    /// Creates the response to a request that exceeded its time limit. If the operation was a mutation, its
    /// outcome is unknown.
    pub(crate) fn timed_out(deadline: Deadline, operation: Option<OperationInfo>) -> Self {
        let is_write = operation
            .as_ref()
            .is_some_and(|operation| operation.kind == Kind::Mutation);
        let took = format!("took longer than {} ms", deadline.timeout.as_millis());
        let (code, message) = if is_write {
            let message = format!(
                "The write {took}, and its outcome is unknown: it may have been carried out, or may \
                 be yet. Send it again with the same `idempotencyKey`: it is done once, and the \
                 answer is that of the first time. A write without one is not to be sent again \
                 before it was looked whether it was done."
            );
            (Code::OutcomeUnknown, message)
        } else {
            (Code::RequestTimeout, format!("The answer {took}."))
        };
        Self {
            operation,
            ..Self::refused(Failure::TimedOut, code, message)
        }
    }

    /// Creates the response to an operation that got no slot to run in.
    pub(crate) fn overloaded(error: Error) -> Self {
        Self::failed(Failure::Overloaded, error)
    }

    /// Creates the response to a request whose document could not be found or may not run on this server.
    pub(crate) fn without_document(error: Error) -> Self {
        let is_internal = error.code() == Code::Internal;
        let mut uncached = Self::processed(JsonResponse::from_error(error));
        if is_internal {
            uncached.status = Status::Failed(Failure::Internal);
        }
        uncached
    }

    /// Creates the response to an operation whose task panicked. The panic itself is in the log.
    pub(crate) fn panicked() -> Self {
        Self::failed(Failure::Internal, Error::unexplained())
    }

    /// Sets the operation that the response belongs to.
    pub(crate) fn to(self, operation: OperationInfo) -> Self {
        Self {
            operation: Some(operation),
            ..self
        }
    }

    /// Whether the response reports an error caused by the client. Server outages are excluded, and so are
    /// exceeded rate limits, which the meter has already counted.
    pub(crate) fn is_client_error(&self) -> bool {
        self.response.has_errors()
            && !self.response.has_outage()
            && self.status != Status::Failed(Failure::RateLimited)
    }

    /// Whether the request failed because the database did not respond.
    pub(crate) fn is_unavailable(&self) -> bool {
        let unavailable = Code::Unavailable.as_str();
        self.status == Status::Failed(Failure::Unavailable)
            && self.response.codes().any(|code| code == unavailable)
    }

    fn refused(failure: Failure, code: Code, message: impl Into<String>) -> Self {
        Self::failed(failure, Error::new(code, message))
    }

    fn failed(failure: Failure, error: Error) -> Self {
        Self {
            response: Box::new(JsonResponse::from_error(error)),
            status: Status::Failed(failure),
            operation: None,
        }
    }
}
