//! The service in this process, called without HTTP.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use khabar_domain::clock::SystemClock;
use khabar_graphql::document::OperationRequest;
use khabar_persistence::Db;
use khabar_server::config::Settings;
use khabar_server::service::service;
use khabar_service::context::ContextFactory;
use khabar_service::local::Client;
use serde_json::Value;

/// A client of the service on a database. Responses are not cached.
pub(crate) struct InProcess(Client<ContextFactory>);

/// A response and its cost.
pub(crate) struct InProcessResponse {
    /// The response, byte for byte.
    pub(crate) json: Bytes,
    /// Number of SQL statements executed.
    pub(crate) statements: usize,
    /// The time that the service took.
    pub(crate) took: Duration,
}

/// The time limit of a request: far longer than any operation takes.
const TIMEOUT: Duration = Duration::from_mins(1);

impl InProcess {
    pub(crate) fn new(db: Db) -> anyhow::Result<Self> {
        let mut settings = Settings::default();
        settings.cache.responses = false;
        let service = service(&settings, db, Arc::new(SystemClock))?;
        Ok(Self(Client::new(Arc::new(service), TIMEOUT)))
    }

    /// Executes the body of a request.
    pub(crate) async fn ask(&self, body: &str) -> anyhow::Result<InProcessResponse> {
        let operation = OperationRequest::from_json(body.as_bytes())
            .map_err(|error| anyhow::anyhow!("the request is refused: {}", error.message))?;
        let response = self.0.execute(self.0.request(operation)).await;
        Ok(InProcessResponse {
            json: response.outcome.body(),
            statements: response.facts.statements.len(),
            took: response.facts.took,
        })
    }
}

impl InProcessResponse {
    /// Returns the `data` of the response. Fails if the response has errors or a top-level field is
    /// null.
    pub(crate) fn data(&self) -> anyhow::Result<Value> {
        let mut answer: Value = serde_json::from_slice(&self.json)?;
        let data = answer["data"].take();
        let is_complete = answer.get("errors").is_none()
            && data
                .as_object()
                .is_some_and(|data| data.values().all(|value| !value.is_null()));
        ensure!(is_complete, "an operation failed: {answer} {data}");
        Ok(data)
    }
}
