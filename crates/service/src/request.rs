//! A request as a transport hands it to the service.

use std::sync::Arc;
use std::time::Duration;

use khabar_graphql::document::OperationRequest;
use khabar_persistence::change::Position;
use tokio::time::Instant;

use crate::auth::PresentedCredentials;
use crate::context::ContextError;
use crate::rate_limit::Meter;

/// A request of any transport.
///
/// Credentials or a position that the transport could not read are errors here. The service counts such
/// a request before it refuses it.
pub struct Request {
    /// The document, the operation name and the variables.
    pub operation: OperationRequest,
    /// The credentials of the sender, not yet verified, and the preview that the request asks for.
    pub credentials: Result<PresentedCredentials, ContextError>,
    /// The consistency token: the position in the change feed that the response must reflect at least.
    pub position: Result<Option<Position>, ContextError>,
    /// Whether the request may run a mutation.
    pub mutations: MutationPolicy,
    /// The time by which the request is answered.
    pub deadline: Deadline,
    /// The rate limits that apply to the client. `None` if there are none.
    pub meter: Option<Arc<Meter>>,
}

impl Request {
    /// Creates a request of an anonymous reader, to be answered within `timeout` from now. It may run
    /// mutations, has no consistency token, and is not counted against any rate limit.
    pub fn new(operation: OperationRequest, timeout: Duration) -> Self {
        Self {
            operation,
            credentials: Ok(PresentedCredentials::default()),
            position: Ok(None),
            mutations: MutationPolicy::Allow,
            deadline: Deadline::after(timeout),
            meter: None,
        }
    }
}

/// Whether a request may run a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MutationPolicy {
    /// The request may run a mutation.
    Allow,
    /// The transport carries only queries this way. The message tells the client how to send a mutation.
    Refuse(&'static str),
}

/// The time limit of a request, as a duration and as a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The maximum duration of the request.
    pub timeout: Duration,
    /// The moment at which the request is given up.
    pub at: Instant,
}

impl Deadline {
    /// Creates the deadline of a request that has just arrived.
    pub fn after(timeout: Duration) -> Self {
        Self {
            timeout,
            at: Instant::now() + timeout,
        }
    }
}
