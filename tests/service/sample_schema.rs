//! A small schema whose fields the tests hold up, and a service of it over an empty newsroom.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_graphql::{Context, EmptySubscription, Object, Schema};
use khabar_domain::clock::Clock;
use khabar_domain::commenting::CommentLimits;
use khabar_graphql::document::OperationRequest;
use khabar_graphql::limit::Limits;
use khabar_graphql::response::{Api, configure_engine};
use khabar_service::auth::{self, Identity};
use khabar_service::context::{self, ContextFactory};
use khabar_service::local::Client;
use khabar_service::request::Request;
use khabar_service::service::{self, Service};
use khabar_service::{admission, persisted_documents};
use khabar_tests::harness::{TestDb, newsroom};
use tokio::sync::Semaphore;

use crate::ManualClock;

/// State shared between a test and the resolvers.
pub(crate) struct Handle {
    /// The number of fields that were resolved.
    pub(crate) resolved: AtomicU32,
    /// A permit for each field that waits to be released.
    pub(crate) entered: Semaphore,
    /// A permit releases one field.
    pub(crate) released: Semaphore,
}

impl Handle {
    fn resolve(ctx: &Context<'_>) -> u32 {
        let handle = ctx.data_unchecked::<Arc<Self>>();
        handle.resolved.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn hold(ctx: &Context<'_>) -> bool {
        let handle = ctx.data_unchecked::<Arc<Self>>();
        handle.entered.add_permits(1);
        let permit = handle.released.acquire().await;
        permit.map(tokio::sync::SemaphorePermit::forget).is_ok()
    }

    /// Returns the number of fields that were resolved.
    pub(crate) fn resolved(&self) -> u32 {
        self.resolved.load(Ordering::Relaxed)
    }
}

struct Query;

#[Object]
impl Query {
    /// The number of fields resolved so far.
    async fn count(&self, ctx: &Context<'_>) -> u32 {
        Handle::resolve(ctx)
    }

    /// A field that does not resolve until the test releases it.
    async fn held(&self, ctx: &Context<'_>) -> u32 {
        Handle::hold(ctx).await;
        Handle::resolve(ctx)
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn bump(&self, ctx: &Context<'_>) -> u32 {
        Handle::resolve(ctx)
    }

    async fn held(&self, ctx: &Context<'_>) -> u32 {
        Handle::hold(ctx).await;
        Handle::resolve(ctx)
    }
}

/// A service of the schema, its in-process client, and the state of its resolvers.
pub(crate) struct Sample {
    pub(crate) client: Client<ContextFactory>,
    pub(crate) handle: Arc<Handle>,
    // The database is deleted when the sample is dropped.
    _db: TestDb,
}

impl Sample {
    /// Creates the service, with these limits on operations in flight.
    pub(crate) async fn new(operations: admission::Settings) -> anyhow::Result<Self> {
        let db = TestDb::sqlite().await?.caching().await?;
        let handle = Arc::new(Handle {
            resolved: AtomicU32::new(0),
            entered: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        let limits = Limits::default();
        let schema = Schema::build(Query, Mutation, EmptySubscription).data(Arc::clone(&handle));
        let api = Api::new(configure_engine(schema, &limits).finish(), limits)?;
        let identity = Identity::new(&auth::Settings::default(), db.db().system(), None)?;
        let clock: Arc<dyn Clock> = ManualClock::new(newsroom::now());
        let contexts = context::Settings {
            comments: CommentLimits::default(),
            counted_rows: 1_000,
            caches_responses: true,
            stale_if_error: Duration::ZERO,
        };
        let contexts = ContextFactory::new(identity, db.db().clone(), clock, contexts);
        let settings = service::Settings {
            cached_response_bytes: 1_000,
            operations,
            persisted_documents: persisted_documents::Settings::default(),
        };
        let service = Arc::new(Service::new(api, contexts, &settings));
        Ok(Self {
            client: Client::new(service, Duration::from_mins(1)),
            handle,
            _db: db,
        })
    }

    /// Creates the request of an anonymous reader for this document.
    pub(crate) fn request(&self, document: &str) -> Request {
        self.client.request(OperationRequest::new(document))
    }
}
