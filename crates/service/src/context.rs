//! The context of a request: its sender, the data that its resolvers read and write, and the reasons for
//! refusing to create it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use khabar_domain::Scope;
use khabar_domain::clock::Clock;
use khabar_domain::commenting::CommentLimits;
use khabar_graphql::mutate::{OnRevoked, Random, WriteContext};
use khabar_graphql::response::Data;
use khabar_persistence::change::Position;
use khabar_persistence::{Cache, Db, Error, ReadSession};

use crate::auth::{Identity, PresentedCredentials, Principal};
use crate::random::random;
use crate::rate_limit::Limited;

/// The reason for refusing a request before its operation runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextError {
    /// The credentials are not accepted. The message gives the reason.
    Unauthenticated(String),
    /// The request contains invalid input. The message describes it.
    BadInput(String),
    /// The client has exceeded a rate limit.
    TooMany(Limited),
    /// The database is unavailable, or too many requests are waiting for it.
    Unavailable,
    /// The server failed to identify the sender. The cause is in its log.
    Failed,
}

impl ContextError {
    /// Creates a refusal for credentials that are not accepted.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::Unauthenticated(message.into())
    }

    /// Creates a refusal for invalid input.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::BadInput(message.into())
    }

    /// Creates a refusal for a failed read and logs the cause.
    pub(crate) fn of(cause: &Error) -> Self {
        if cause.is_unavailable() {
            Self::unavailable(cause)
        } else {
            tracing::error!(%cause, "authentication_failed");
            Self::Failed
        }
    }

    /// Creates a refusal for an unavailable database and logs the cause as a warning.
    fn unavailable(cause: &Error) -> Self {
        tracing::warn!(%cause, "request_unavailable");
        Self::Unavailable
    }

    /// Creates a refusal for an error of reading at the client's position.
    fn at_position(error: &Error) -> Self {
        match error {
            Error::Invalid(_) => {
                Self::bad_input("`Khabar-Position` is beyond the end of the change feed.")
            }
            error => Self::unavailable(error),
        }
    }
}

/// The sender of a request and the time of its arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The verified sender.
    pub principal: Principal,
    /// The time for which the request is executed.
    pub as_of: DateTime<Utc>,
}

/// The context of a request, created before the request is answered.
pub struct RequestContext {
    /// The data available to resolvers in their context.
    pub data: Data,
    /// The viewer, and the point in time for which data is read.
    pub scope: Scope,
    /// The reader for this request, if there is one. If it records its reads, responses are cached.
    pub reader: Option<ReadSession>,
    /// The stale responses that may be served while the database is unavailable. `None` if not allowed.
    pub stale: Option<StaleIfError>,
    /// The position in the change feed that the response to a query reflects at least, if known.
    pub position: Option<Position>,
}

impl RequestContext {
    /// Whether the response may be stored in the cache and served from it.
    pub(crate) fn is_cacheable(&self) -> bool {
        let reader = self.reader.as_ref();
        reader.is_some_and(|reader| reader.record().is_some())
    }
}

/// Access to cached responses beyond the cache's lease.
#[derive(Clone)]
pub struct StaleIfError {
    /// The cache that stores the responses.
    pub cache: Cache,
    /// Maximum age of a stale response.
    pub max_age: Duration,
}

/// Identifies the senders of requests and creates the requests' contexts.
pub trait ContextSource: Send + Sync + 'static {
    /// Verifies the credentials of a request that has just arrived.
    fn identify(
        &self,
        credentials: &PresentedCredentials,
    ) -> impl Future<Output = Result<Identified, ContextError>> + Send;

    /// Creates the context of a request. It reflects at least `position` in the change feed, if given.
    fn context(
        &self,
        identified: Identified,
        position: Option<Position>,
    ) -> impl Future<Output = Result<RequestContext, ContextError>> + Send;
}

/// The settings of the contexts of a newsroom.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Rate limits and the edit window of comments.
    pub comments: CommentLimits,
    /// Maximum number of rows to read when counting a list.
    pub counted_rows: u64,
    /// Whether complete responses are cached.
    pub caches_responses: bool,
    /// Maximum age of a response served while the database does not respond. Zero means that none is.
    pub stale_if_error: Duration,
}

/// Creates contexts over a newsroom's database.
pub struct ContextFactory {
    identity: Arc<Identity>,
    db: Db,
    clock: Arc<dyn Clock>,
    random: Random,
    settings: Settings,
    /// Access to stale responses for use while the database does not respond.
    stale: Option<StaleIfError>,
    revoked: OnRevoked,
}

impl ContextFactory {
    /// Creates a factory. Each request is executed as of the clock's time on its arrival.
    pub fn new(identity: Identity, db: Db, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let identity = Arc::new(identity);
        let revoking = Arc::clone(&identity);
        let max_age = settings.stale_if_error;
        let cache = db.cache().filter(|_| !max_age.is_zero()).cloned();
        Self {
            identity,
            clock,
            random: random(),
            settings,
            stale: cache.map(|cache| StaleIfError { cache, max_age }),
            revoked: Arc::new(move |token| revoking.revoke(token)),
            db,
        }
    }
}

impl ContextSource for ContextFactory {
    async fn identify(
        &self,
        credentials: &PresentedCredentials,
    ) -> Result<Identified, ContextError> {
        let as_of = self.clock.now();
        let principal = self.identity.verify(credentials, as_of).await?;
        Ok(Identified { principal, as_of })
    }

    async fn context(
        &self,
        identified: Identified,
        position: Option<Position>,
    ) -> Result<RequestContext, ContextError> {
        let Identified { principal, as_of } = identified;
        let scope = Scope {
            viewer: principal.viewer,
            as_of,
        };
        let reader = self.db.reader_at(scope, position).await;
        let reader = reader.map_err(|error| ContextError::at_position(&error))?;
        let mut reader = reader.counting(self.settings.counted_rows);
        if self.settings.caches_responses && reader.has_view() {
            reader = reader.recording();
        }
        let mut data = khabar_graphql::context::data(reader.clone());
        data.insert(WriteContext {
            db: self.db.clone(),
            name: principal.name,
            address: principal.address,
            newcomer: principal.newcomer,
            random: Arc::clone(&self.random),
            comments: self.settings.comments,
            revoked: Arc::clone(&self.revoked),
        });
        Ok(RequestContext {
            stale: self.stale.clone(),
            data,
            scope,
            position: reader.position(),
            reader: Some(reader),
        })
    }
}
