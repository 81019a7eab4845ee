//! The service of the test schema, and its HTTP routes.

use std::sync::Arc;

use axum::Router;
use chrono::DateTime;
use khabar_domain::Scope;
use khabar_graphql::response::Api;
use khabar_persistence::change::Position;
use khabar_server::auth::TrustedProxies;
use khabar_server::graphql::{Endpoint, Settings};
use khabar_service::auth::{self, PresentedCredentials, Principal};
use khabar_service::context::{ContextError, ContextSource, Identified, RequestContext};
use khabar_service::service::Service;

/// Creates contexts for requests of anonymous readers, without data and without a database.
struct Contexts;

impl ContextSource for Contexts {
    async fn identify(&self, _: &PresentedCredentials) -> Result<Identified, ContextError> {
        Ok(Identified {
            principal: Principal::anonymous(),
            as_of: DateTime::UNIX_EPOCH,
        })
    }

    async fn context(
        &self,
        identified: Identified,
        position: Option<Position>,
    ) -> Result<RequestContext, ContextError> {
        Ok(RequestContext {
            stale: None,
            data: async_graphql::Data::default(),
            scope: Scope::reader(identified.as_of),
            reader: None,
            position,
        })
    }
}

/// Returns the HTTP routes of an API.
pub(crate) fn routes(api: Api, settings: Settings) -> Router {
    let service = Service::new(api, Contexts, &settings.service());
    let proxies = TrustedProxies::of(&auth::Settings::default()).unwrap();
    let endpoint = Endpoint {
        service: Arc::new(service),
        settings,
        metrics: Arc::default(),
        proxies: Arc::new(proxies),
    };
    endpoint.routes()
}
